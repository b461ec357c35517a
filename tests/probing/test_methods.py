"""Every method ranks a store; what cannot be ranked is refused or counted."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from neurolect.errors import OptionError, ProbingError
from neurolect.probing import ActivationStore, ProbeOptions, open_activations, rank_activations, ranking_methods
from neurolect.probing.labels import Parts
from neurolect.probing.methods import FOR_NUMBERS, METHODS, WITHOUT_LABELS, rank_sample
from neurolect.probing.rankings import without_labels
from neurolect.probing.rows import ArrayRows
from neurolect.probing.samples import Sample, draw_sample
from neurolect.results import provenance
from tests.command_line import command, succeed
from tests.probing.stores import example_store

SMALL = ProbeOptions(units=400, trees=5, picks=3, gap=0.05)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ActivationStore:
    return example_store(tmp_path_factory.mktemp("store"))


def planted(*, n: int = 300, n_neurons: int = 8, n_classes: int = 3, seed: int = 0) -> Sample:
    """Give activations in which neuron k (of the first ones) is high for class k."""
    drawn = np.random.default_rng(seed)
    labels = np.arange(n) % n_classes
    values = drawn.normal(size=(n, n_neurons)).astype(np.float32)
    values[np.arange(n), labels] += 4
    ends = (0, n * 2 // 3, n * 5 // 6, n)
    parts = Parts(*(np.arange(low, high) for low, high in pairwise(ends)))
    names = tuple("abcdef"[:n_classes])
    return Sample(ArrayRows(values), labels, names, parts, np.arange(n), np.arange(n) // 3, {})


@pytest.fixture(autouse=True)
def _maps_are_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """UMAP compiles for half a minute: the first two directions of the points take its place."""

    def directions(points: NDArray[np.float32], *, seed: int = 0) -> NDArray[np.float32]:
        return np.linalg.svd(points, full_matrices=False)[0][:, :2].astype(np.float32)

    monkeypatch.setattr(without_labels, "umap", directions)
    monkeypatch.setattr(without_labels, "check_umap", lambda: None)


@pytest.mark.parametrize("by", [each for each in METHODS if each not in ("random", *WITHOUT_LABELS)])
@pytest.mark.parametrize("concept", [None, "b"])
def test_every_method_finds_planted_neurons(by: str, concept: str | None) -> None:
    found = rank_sample(planted(), by=by, concept=concept, options=SMALL).ranked
    assert sorted(found.order) == list(range(8))
    if concept is None:
        n_needed = 2 if by in ("l1", "lca") else 3  # with one of three classes as the rest, two neurons are enough
        assert set(found.order[:n_needed].tolist()) <= {0, 1, 2}
    else:
        assert found.order[0] == 1
        assert found.signs is None or found.signs[1] == 1


@pytest.mark.parametrize("by", METHODS)
def test_a_store_is_ranked_whole_and_the_same_twice(by: str, store: ActivationStore) -> None:
    table = rank_activations(store, by=by, options=SMALL)
    assert sorted(table.column("address").to_pylist()) == sorted(store.addresses)
    assert table.column("rank").to_pylist() == list(range(1, store.n_neurons + 1))
    made = provenance(table)
    assert (made.method, made.seed, made.options["units"], len(made.runs)) == (by, 0, 400, 2)
    again = rank_activations(store.folder, by=by, options=SMALL)
    assert again.to_pylist() == table.to_pylist()
    assert provenance(again).runs == made.runs


def test_pairs_and_numbers_are_ranked(tmp_path: Path) -> None:
    pairs = example_store(tmp_path / "pairs", concept="arcs")
    n = pairs.n_neurons // 2
    for by in METHODS:
        table = rank_activations(pairs, by=by, options=SMALL)
        assert sorted(table.column("address").to_pylist()) == sorted(pairs.addresses[:n])
    numbers = example_store(tmp_path / "numbers", concept="position")
    for by in FOR_NUMBERS:
        assert len(rank_activations(numbers, by=by, options=SMALL)) == numbers.n_neurons
    with pytest.raises(OptionError, match=r"The labels are numbers, and probeless ranks for classes"):
        rank_activations(numbers, by="probeless")
    with pytest.raises(OptionError, match=r"There is no class 'N'(.|\n)*numbers"):
        rank_activations(numbers, by="lca", concept="N")


def test_what_there_is_not_is_refused_with_the_nearest(store: ActivationStore) -> None:
    with pytest.raises(OptionError, match=r"There is no method 'probles'(.|\n)*Hint: The nearest: 'probeless'"):
        rank_activations(store, by="probles")
    known = store.classes[0]
    with pytest.raises(OptionError, match=rf"There is no class '{known}x'(.|\n)*The nearest: .*'{known}'"):
        rank_activations(store, by="lca", concept=known + "x")
    with pytest.raises(OptionError, match=r"probe\.units is 3"):
        ProbeOptions(units=3)
    assert ranking_methods().column("name").to_pylist() == list(METHODS)


@pytest.mark.parametrize("by", [each for each in METHODS if each not in ("random", "gaussian", *WITHOUT_LABELS)])
def test_odd_activations_are_refused_or_ranked_last(by: str, caplog: pytest.LogCaptureFixture) -> None:
    given = planted()
    constant = given.rows.array.copy()  # type: ignore[attr-defined]
    constant[:, 5] = 0.25
    found = rank_sample(given._replace(rows=ArrayRows(constant)), by=by, concept=None, options=SMALL).ranked
    assert set(found.order[:2].tolist()) <= {0, 1, 2}
    odd = constant.copy()
    odd[7, 2] = np.nan
    with pytest.raises(ProbingError, match=r"not finite|NaN"):
        rank_sample(given._replace(rows=ArrayRows(odd)), by=by, concept=None, options=SMALL)
    caplog.clear()
    single = given.labels.copy()
    single[(single == 2) & (np.arange(300) > 2) & (np.arange(300) < 200)] = 0
    rank_sample(given._replace(labels=single), by=by, concept=None, options=SMALL)
    assert "1 of 3 classes have a single unit to fit on: " in caplog.text
    with pytest.raises(ProbingError, match=r"are of one class|have no unit"):
        rank_sample(given._replace(labels=np.zeros(300, np.int64)), by=by, concept=None, options=SMALL)


def test_small_classes_get_units_and_samples_are_of_whole_sentences(store: ActivationStore) -> None:
    sample = draw_sample(store, sizes=(60, 30, 30), seed=1)
    part = store.rows_of("train")
    counts = np.bincount(sample.labels[sample.parts.train], minlength=len(store.classes))
    there = np.bincount(store.labels[part], minlength=len(store.classes))
    assert (counts >= np.minimum(there, 50)).all()
    assert len(np.unique(sample.units)) == len(sample.units)
    for name, chosen in sample.parts._asdict().items():
        assert set(sample.units[chosen]) <= set(store.rows_of(name))
    values = np.concatenate([block for _, block in sample.rows.blocks(None, None)])
    assert np.array_equal(values, np.concatenate([block for _, block in store.blocks(sample.units)]))
    again = sample.resampled(3)
    assert set(again.parts.train) < set(sample.parts.train)
    whole = draw_sample(store, sizes=(10**6,) * 3, seed=0)
    assert len(whole.units) == store.n_rows
    assert whole.facts["train"] == {"units": len(part), "of": len(part), "added_to_small_classes": 0}


def test_the_verb_prints_first_rows_classes_and_layers(store: ActivationStore, tmp_path: Path) -> None:
    out, folder = tmp_path / "lca.parquet", store.folder
    few = ("--set=probe.units=400", "--set=probe.gap=0.05")
    text = succeed("rank", folder, "--by", "lca", "--limit=3", "--out", out, *few)
    assert text.startswith("By lca (")
    for part in (
        "Accuracy of the probe: dev 0.",
        "(most frequent class 0.",
        "First of each class:",
        "Layers of the first 1",
        "  hidden.1 ",
    ):
        assert part in text
    assert len(pq.read_table(out)) == store.n_neurons
    concept = store.classes[0]
    assert f", for {concept}; " in succeed("rank", folder, "--by=probeless", "--concept", concept, *few)
    assert "standardised-difference" in succeed("rank", folder, "--list")
    for given, message in {
        ("--by", "lcaa"): "There is no method 'lcaa'",
        ("--by", "lca", "--side", "top"): "--side does not go with a store of activations",
        (): "give --by",
    }.items():
        answer = command("rank", folder, *given)
        assert answer.code
        assert message in answer.err
    assert open_activations(folder).n_rows


def test_weights_and_constant_columns_are_noted(tmp_path: Path) -> None:
    weighted = example_store(tmp_path, balance="weights")
    notes: list[Any] = provenance(rank_activations(weighted, by="probeless", options=SMALL)).details["notes"]
    assert "The weights of units are not used; classes count as they are." in notes
