"""Linear probes against a plain twin and scikit-learn, and what is refused."""

import logging
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from packaging.version import Version

from neurolect.errors import FormatVersionError, OptionError, ProbingError
from neurolect.probing import LinearOptions, LinearProbe, fit_linear, fit_path, open_probe, write_probe
from neurolect.probing.probes.design import Design
from neurolect.probing.probes.losses import Softmax, Squared
from neurolect.probing.probes.objective import Objective
from neurolect.probing.rows import ArrayRows
from tests.reference import probes_plain as plain

EXACT = LinearOptions(precision="float64", gap=1e-9, gradient=1e-9, max_steps=5000)


def example(n: int, n_neurons: int, n_classes: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(n_classes), rng.integers(n_classes, size=n - n_classes)])
    means = rng.normal(size=(n_classes, n_neurons))
    rows = (means[labels] + rng.normal(size=(n, n_neurons))) * rng.uniform(0.2, 3, n_neurons) + rng.normal()
    return rows, labels


def with_penalties(l1: float, l2: float, **more: Any) -> LinearOptions:
    import dataclasses

    return dataclasses.replace(EXACT, l1=l1, l2=l2, **more)


@settings(max_examples=8)
@given(
    st.integers(2, 4),
    st.integers(1, 6),
    st.integers(0, 10_000),
    st.sampled_from([0.0, 0.003, 0.05]),
    st.sampled_from([0.002, 0.05]),
)
@pytest.mark.filterwarnings("ignore")
def test_it_is_as_good_as_the_plain_twin(n_classes: int, n_neurons: int, seed: int, l1: float, l2: float) -> None:
    rows, labels = example(30, n_neurons, n_classes, seed)
    probe = fit_linear(rows, labels, options=with_penalties(l1, l2))
    raw = probe.biases - probe.weights @ probe.mean
    value = plain.objective(rows, labels, probe.weights, raw, l1=l1, l2=l2)
    assert value == pytest.approx(probe.fit.objective, rel=1e-9)
    weights, biases = plain.fit_softmax(rows, labels, n_classes=n_classes, l1=l1, l2=l2)
    best = plain.objective(rows, labels, weights, biases, l1=l1, l2=l2)
    assert value <= best * (1 + 1e-8)
    assert probe.fit.gap is not None
    assert value * (1 - probe.fit.gap) <= best * (1 + 1e-12)  # the lower bound is one


@pytest.mark.parametrize("n_classes", [2, 5])
@pytest.mark.parametrize(("l1", "l2"), [(0.01, 0.002), (0.02, 0.0), (0.0, 0.01)])
def test_scikit_learn_finds_the_same(n_classes: int, l1: float, l2: float) -> None:
    from sklearn import __version__
    from sklearn.linear_model import LogisticRegression

    rows, labels = example(150, 8, n_classes, 3)
    named = {"penalty": "elasticnet"} if Version(__version__) < Version("1.8") else {}
    probe = fit_linear(rows, labels, options=with_penalties(l1, l2))
    oracle = LogisticRegression(
        C=1 / (len(rows) * (l1 + 2 * l2)),
        l1_ratio=l1 / (l1 + 2 * l2),
        solver="saga",
        tol=1e-12,
        max_iter=50_000,
        **named,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        oracle.fit(rows, labels)
    assert probe.weights == pytest.approx(oracle.coef_, abs=2e-5)
    assert np.array_equal(probe.weights != 0, np.abs(oracle.coef_) > 1e-9)
    assert np.array_equal(probe.predict(rows), oracle.predict(rows))
    assert probe.accuracy(rows, labels) == oracle.score(rows, labels)


def test_regression_is_that_of_scikit_learn() -> None:
    from sklearn.linear_model import ElasticNet

    rows, _ = example(120, 6, 2, 5)
    numbers = rows[:, 0] - 2 * rows[:, 3] + np.random.default_rng(0).normal(size=120)
    probe = fit_linear(rows, numbers, options=with_penalties(0.1, 0.05, task="numbers"))
    oracle = ElasticNet(alpha=0.1, l1_ratio=0.5, tol=1e-12, max_iter=100_000).fit(rows, numbers)
    assert probe.weights[0] == pytest.approx(oracle.coef_, abs=1e-6)
    assert probe.predict(rows) == pytest.approx(oracle.predict(rows), abs=1e-5)
    assert probe.accuracy(rows, numbers) == pytest.approx(oracle.score(rows, numbers))
    assert probe.class_weights() is probe.weights


@settings(max_examples=20)
@given(st.integers(0, 1000), st.integers(2, 4), st.sampled_from([0.0, 1e-3]), st.sampled_from([1e-4, 1e-2]))
def test_no_point_is_below_a_lower_bound(seed: int, n_classes: int, l1: float, l2: float) -> None:
    """Wherever the bound is taken, the objective is nowhere less; the derivatives are those of the values."""
    rows, labels = example(25, 3, n_classes, seed)
    design = Design(ArrayRows(rows), np.arange(25), columns=None, device="cpu", dtype=torch.float64, memory=1 << 20)
    for loss in (
        Softmax(torch.from_numpy(labels), n_classes=n_classes),
        Squared(torch.from_numpy(rows[:, 0] + labels)),
    ):
        made = Objective(design, loss, l1=l1, l2=l2, scaled=False)
        drawn = torch.Generator().manual_seed(seed)
        points = [
            made.at(torch.randn((loss.n_outputs, 3), generator=drawn, dtype=torch.float64), biases=loss.start())
            for _ in range(6)
        ]
        bounds = [made.lower_bound(each, made.slope(each)) for each in points]
        assert max(bounds) <= min(each.value for each in points) + 1e-12
        slope = made.slope(points[0]).of_smooth_KN[0, 1]
        nudge = torch.zeros_like(points[0].weights_KN)
        nudge[0, 1] = 1e-6
        up, down = (
            made.at(points[0].weights_KN + sign * nudge, biases=points[0].loss.biases).smooth for sign in (1, -1)
        )
        assert (up - down) / 2e-6 == pytest.approx(float(slope), abs=1e-6)


def test_read_in_blocks_and_chosen_parts_it_is_the_same() -> None:
    rows, labels = example(200, 12, 3, 1)
    chosen, columns = np.arange(0, 200, 2), np.array([7, 2, 9, 4])
    options = with_penalties(0.01, 0.01)
    whole = fit_linear(rows[np.ix_(chosen, columns)], labels[chosen], options=options)
    parts = fit_linear(
        ArrayRows(rows, block=7),
        labels,
        chosen=chosen,
        columns=columns,
        options=with_penalties(0.01, 0.01, memory=1),
    )
    assert parts.weights == pytest.approx(whole.weights, abs=1e-4)
    assert parts.predict(rows, chosen).tolist() == whole.predict(rows[np.ix_(chosen, columns)]).tolist()
    assert parts.columns.tolist() == columns.tolist()


def test_half_precision_memory_maps_are_read(tmp_path: Path) -> None:
    rows, labels = example(300, 10, 3, 2)
    np.save(tmp_path / "rows.npy", rows.astype(np.float16))
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    fits = [fit_linear(mapped, labels, options=LinearOptions(gap=1e-4, memory=memory)) for memory in (1, 1 << 30)]
    assert fits[0].fit.ended_by == fits[1].fit.ended_by == "gap"
    assert fits[0].weights == pytest.approx(fits[1].weights, abs=1e-2)
    assert fits[0].weights.dtype == np.float32
    assert fits[0].accuracy(mapped, labels) == pytest.approx(fits[1].accuracy(mapped, labels), abs=0.01)


def test_a_path_is_as_good_as_each_alone_and_sparser_with_more_l1() -> None:
    rows, labels = example(200, 20, 3, 4)
    penalties = [(0.1, 0.01), (0.01, 0.01), (0.001, 0.001)]
    path = fit_path(rows, labels, penalties=penalties, options=EXACT)
    alone = [fit_linear(rows, labels, options=with_penalties(l1, l2)) for l1, l2 in penalties]
    for one, other in zip(path, alone, strict=True):
        assert one.fit.objective == pytest.approx(other.fit.objective, rel=1e-8)
    used = [int((each.weights != 0).sum()) for each in path]
    assert used == sorted(used)
    assert path[1].options["l1"] == 0.01


def test_standardised_weights_do_not_depend_on_the_scale_of_a_neuron() -> None:
    rows, labels = example(150, 6, 3, 6)
    options = with_penalties(0.01, 0.01, standardise="zscore")
    plainly = fit_linear(rows, labels, options=options)
    scaled = fit_linear(rows * np.array([1, 50, 1, 0.02, 1, 1]), labels, options=options)
    assert scaled.weights == pytest.approx(plainly.weights, abs=1e-6)
    assert scaled.scale == pytest.approx(plainly.scale * [1, 50, 1, 0.02, 1, 1])
    by_hand = fit_linear((rows - rows.mean(0)) / rows.std(0), labels, options=with_penalties(0.01, 0.01))
    assert plainly.weights == pytest.approx(by_hand.weights, abs=1e-6)


def test_weights_of_units_count_them_as_often() -> None:
    rows, labels = example(60, 4, 3, 8)
    counts = np.random.default_rng(0).integers(1, 4, size=60)
    counted = fit_linear(rows, labels, unit_weights=counts.astype(np.float64), options=EXACT)
    repeated = fit_linear(rows.repeat(counts, axis=0), labels.repeat(counts), options=EXACT)
    assert counted.fit.objective == pytest.approx(repeated.fit.objective, rel=1e-8)


def test_without_penalties_the_gradient_ends_it(caplog: pytest.LogCaptureFixture) -> None:
    rows, labels = example(100, 2, 3, 9)
    probe = fit_linear(rows, labels, options=with_penalties(0, 0, gradient=1e-7))
    assert (probe.fit.gap, probe.fit.ended_by) == (None, "gradient")
    assert probe.fit.gradient is not None
    assert probe.fit.gradient <= 1e-7
    with caplog.at_level(logging.WARNING):
        short = fit_linear(rows, labels, options=with_penalties(0, 0, max_steps=2))
    assert short.fit.ended_by == "steps"
    assert "ended after 2 steps" in caplog.text


def test_masked_neurons_are_zero_or_their_mean() -> None:
    rows, labels = example(100, 5, 3, 10)
    for standardise in ("none", "zscore"):
        probe = fit_linear(rows, labels, options=with_penalties(0.01, 0.01, standardise=standardise))
        for masked, value in (("zero", 0.0), ("mean", rows.mean(0)[[0, 2, 4]])):
            changed = rows.copy()
            changed[:, [0, 2, 4]] = value
            found = probe.scores(rows, kept=np.array([3, 1]), masked=masked)  # type: ignore[arg-type]
            assert found == pytest.approx(probe.scores(changed), abs=1e-9)


def test_two_classes_have_one_row_and_a_weight_of_each_sign() -> None:
    rows, labels = example(80, 3, 2, 11)
    probe = fit_linear(rows, labels, classes=("present", "past"), options=EXACT)
    assert probe.weights.shape == (1, 3)
    assert np.array_equal(probe.class_weights(), np.concatenate([-probe.weights, probe.weights]))
    assert probe.classes == ("present", "past")


def test_neurox_has_its_own_objective_and_a_seed() -> None:
    rows, labels = example(130, 5, 3, 12)
    options = LinearOptions(compat="neurox", l1=1e-3, l2=1e-3)
    one = fit_linear(ArrayRows(rows, block=50), labels, options=options)
    again = fit_linear(ArrayRows(rows, block=13), labels, options=options)
    assert np.array_equal(one.weights, again.weights)
    other = fit_linear(rows, labels, options=LinearOptions(compat="neurox", seed=1))
    assert not np.array_equal(one.weights, other.weights)
    assert (one.fit.gap, one.fit.ended_by, one.fit.n_steps) == (None, "epochs", 10)
    assert fit_linear(rows, labels[:] % 2, options=options).weights.shape == (2, 5)  # no single row there


def test_neurox_adds_the_norm_not_its_square_to_every_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neurolect.probing.probes.neurox.EPOCHS", 1)
    rows, labels = example(32, 4, 3, 13)
    found = fit_linear(rows, labels, options=LinearOptions(compat="neurox", l1=0.1, l2=0.3)).fit.objective
    drawn = torch.Generator().manual_seed(0)
    weights, biases = torch.rand((3, 4), generator=drawn) - 0.5, torch.rand((3,), generator=drawn) - 0.5
    scores = torch.from_numpy(rows).float() @ weights.T + biases
    loss = torch.nn.functional.cross_entropy(scores, torch.from_numpy(labels))
    assert found == pytest.approx(float(loss + 0.1 * weights.abs().sum() + 0.3 * weights.norm()), rel=1e-5)


def test_a_saved_probe_opens_the_same_in_another_process(tmp_path: Path) -> None:
    rows, labels = example(100, 6, 3, 14)
    np.save(tmp_path / "rows.npy", rows)
    probe = fit_linear(rows, labels, classes=["a", "\u00e9", "c"])
    folder = write_probe(probe, tmp_path / "probe", rests_on={"labels": "abc"})
    np.save(tmp_path / "scores.npy", probe.scores(rows))
    code = (
        "import sys, numpy as np; from neurolect.probing import open_probe; p = open_probe(sys.argv[1] + '/probe');"
        "same = np.array_equal(p.scores(np.load(sys.argv[1] + '/rows.npy')), np.load(sys.argv[1] + '/scores.npy'));"
        "sys.exit(0 if same and p.classes == ('a', '\\u00e9', 'c') else 1)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode == 0
    again = open_probe(folder)
    assert isinstance(again, LinearProbe)
    for name in ("weights", "biases", "mean", "scale", "columns"):
        one, other = getattr(probe, name), getattr(again, name)
        assert one.dtype == other.dtype
        assert one.tobytes() == other.tobytes()
    assert (again.fit, again.options) == (probe.fit, probe.options)


def test_damaged_missing_and_newer_probes_are_refused(tmp_path: Path) -> None:
    rows, labels = example(50, 3, 2, 15)
    folder = write_probe(fit_linear(rows, labels), tmp_path / "probe")
    with pytest.raises(ProbingError, match="nothing"):
        open_probe(tmp_path / "nothing")
    (folder / "probe.safetensors").write_bytes(b"abc")
    with pytest.raises(ProbingError, match="is damaged"):
        open_probe(folder)
    text = (folder / "probe.json").read_text()
    (folder / "probe.json").write_text(text.replace('"schema_version": 1', '"schema_version": 2'))
    with pytest.raises(FormatVersionError, match="schema version 2"):
        open_probe(folder)


def refused() -> Iterator[tuple[str, dict[str, Any]]]:
    rows, labels = example(20, 3, 3, 16)
    yield "20 labels for 19 rows", {"rows": rows[1:], "labels": labels}
    yield "labels are numbers", {"rows": rows, "labels": labels.astype(np.float64)}
    yield "of one class", {"rows": rows, "labels": np.zeros(20, np.int64)}
    yield "1 of 4 classes have no unit to fit on: 'd'", {"rows": rows, "labels": labels, "classes": "abcd"}
    yield "labels go from -1 to 2", {"rows": rows, "labels": np.where(np.arange(20) == 5, -1, labels)}
    yield "No unit is left", {"rows": rows, "labels": labels, "chosen": np.array([], np.int64)}
    yield "no neuron to fit on", {"rows": rows, "labels": labels, "columns": np.array([], np.int64)}
    bad = rows.copy()
    bad[3, 1], bad[7, 2] = np.nan, np.inf
    yield "2 of 3 neurons have activations that are NaN or infinite", {"rows": bad, "labels": labels}
    yield "an array of int64", {"rows": np.ones((3, 2), np.int64), "labels": labels}
    numbers = LinearOptions(task="numbers")
    yield "not all finite", {"rows": rows, "labels": np.full(20, np.nan), "options": numbers}
    yield "There are 19 numbers for 20 rows", {"rows": rows, "labels": np.ones(19), "options": numbers}


@pytest.mark.parametrize(("message", "given"), list(refused()))
def test_what_cannot_be_fitted_on_is_refused(message: str, given: dict[str, Any]) -> None:
    rows, labels = given.pop("rows"), given.pop("labels")
    with pytest.raises(ProbingError, match=message):
        fit_linear(rows, labels, **given)


def test_options_out_of_range_are_refused() -> None:
    with pytest.raises(OptionError, match=r"probe\.l1 is -1"):
        LinearOptions(l1=-1.0)


def test_odd_neurons_and_single_units_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    rows, labels = example(60, 5, 3, 17)
    rows[:, 1], rows[:, 4] = 7.5, rows[:, 4] * 1e7
    labels = np.where(labels == 2, 0, labels)
    labels[0] = 2
    with caplog.at_level(logging.WARNING):
        probe = fit_linear(rows, labels)
    assert (probe.fit.n_constant, probe.fit.n_huge) == (1, 1)
    assert not probe.weights[:, 1].any()
    for message in ("1 of 5 neurons are constant", "1 of 5 neurons vary over 1000", "1 of 3 classes have a single"):
        assert message in caplog.text
    exact = fit_linear(rows, labels, options=EXACT)
    assert probe.fit.objective == pytest.approx(exact.fit.objective, rel=2e-3)
    assert fit_linear(rows, labels, options=LinearOptions(standardise="zscore")).fit.ended_by == "gap"


@pytest.mark.gpu
def test_a_gpu_finds_the_same() -> None:
    rows, labels = example(300, 20, 4, 18)
    one, other = (fit_linear(rows, labels, options=EXACT, device=device) for device in ("cpu", "cuda"))
    assert other.weights == pytest.approx(one.weights, abs=1e-6)


def test_an_l2_penalty_alone_is_met_with_columns_of_little_spread() -> None:
    drawn = np.random.default_rng(5)
    labels = np.arange(600) % 4
    rows = drawn.normal(size=(600, 12)).astype(np.float32)
    rows[np.arange(600), labels] += 2
    rows[:, 8:] *= [1e-2, 1e-4, 1e-6, 1e-7]
    probe = fit_linear(rows, labels, options=LinearOptions(l1=0.0, l2=1e-3, gap=1e-2))
    assert (probe.fit.ended_by, probe.fit.n_steps < 60) == ("gap", True)
    assert probe.accuracy(rows, labels) > 0.8
