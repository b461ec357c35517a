"""Gaussian probes and their greedy choice against refitting with SciPy."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from neurolect.errors import ProbingError
from neurolect.probing import choose_greedily, fit_gaussian
from neurolect.probing.rows import ArrayRows
from tests.reference import gaussian_plain as plain


def example(seed: int, n_classes: int, n: int = 90) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(n_classes).repeat(4), rng.integers(n_classes, size=n - 4 * n_classes)])
    mixed = rng.normal(size=(n, 7)) @ rng.normal(size=(7, 7))
    return mixed + rng.normal(size=(n_classes, 7))[labels] + 3, labels


@settings(max_examples=12)
@given(
    st.integers(0, 1000),
    st.integers(2, 4),
    st.sampled_from(["log-likelihood", "accuracy"]),
    st.sampled_from(["chosen", "all"]),
)
def test_the_greedy_choice_is_that_of_refitting(seed: int, n_classes: int, criterion: str, dimensions: Any) -> None:
    rows, labels = example(seed, n_classes)
    train, dev, test = slice(0, 50), slice(50, 75), slice(75, 90)
    units, names = np.arange(90), [str(each) for each in range(n_classes)]
    found = choose_greedily(
        ArrayRows(rows, block=17),
        labels,
        train=units[train],
        dev=units[dev],
        test=units[test],
        n_picks=5,
        criterion=criterion,  # type: ignore[arg-type]
        classes=names,
        dimensions=dimensions,
    )
    chosen: list[int] = []
    for step in found.steps:
        d = 7 if dimensions == "all" else len(chosen) + 1
        values = {
            each: plain.criterion(
                rows, labels, [*chosen, each], train=train, dev=dev, n_classes=n_classes, name=criterion, d=d
            )
            for each in set(range(7)) - set(chosen)
        }
        if not chosen:
            assert found.alone == pytest.approx([values[each] for each in range(7)], rel=1e-8)
        assert step.criterion == pytest.approx(max(values.values()), rel=1e-8)
        assert values[step.neuron] == pytest.approx(max(values.values()), rel=1e-8)
        chosen.append(step.neuron)
        logs = plain.log_chances(rows[train], labels[train], chosen, rows[test], n_classes=n_classes, d=d)
        assert step.accuracy == (logs.argmax(axis=1) == labels[test]).mean()
        shares = np.bincount(labels[test]) / 15
        entropy = -sum(each * np.log2(each) for each in shares if each)
        information = entropy + logs[np.arange(15), labels[test]].mean() / np.log(2)
        assert step.information == pytest.approx(information, rel=1e-8)
        assert step.normalised == pytest.approx(information / entropy, rel=1e-8)
        probe = fit_gaussian(
            rows, labels, columns=np.array(chosen), chosen=train, classes=names, dimensions=dimensions
        )
        scores = probe.scores(rows, test)
        scores -= np.logaddexp.reduce(scores, axis=1, keepdims=True)
        assert scores == pytest.approx(logs, rel=1e-8, abs=1e-8)
        assert probe.accuracy(rows, labels, test) == step.accuracy
    assert [each.most for each in found.steps] == pytest.approx(
        np.maximum.accumulate([each.information for each in found.steps])
    )
    order = found.order()
    assert order[:5].tolist() == chosen
    assert sorted(order.tolist()) == list(range(7))


def test_neurons_constant_in_a_class_come_last() -> None:
    rows, labels = example(1, 3)
    rows[labels == 1, 2] = 4.0
    units = np.arange(90)
    found = choose_greedily(rows, labels, train=units[:60], dev=units[60:], n_picks=10)
    assert found.alone[2] == -np.inf
    assert found.order()[-1] == 2
    assert len(found.steps) == 6


def test_half_precision_and_bad_labels() -> None:
    rows, labels = example(2, 2)
    units = np.arange(90)
    half = rows.astype(np.float16)
    one = choose_greedily(half, labels, train=units[:60], dev=units[60:], n_picks=3)
    other = choose_greedily(half.astype(np.float64), labels, train=units[:60], dev=units[60:], n_picks=3)
    assert [each.neuron for each in one.steps] == [each.neuron for each in other.steps]
    assert one.alone == pytest.approx(other.alone, rel=1e-8)
    with pytest.raises(ProbingError, match="of one class"):
        choose_greedily(rows, labels * 0, train=units[:60], dev=units[60:])
    with pytest.raises(ProbingError, match="89 labels"):
        fit_gaussian(rows, labels[1:], columns=np.array([0]))
