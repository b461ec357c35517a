"""The choice of penalties, minimal sets and disjoint ones, on planted neurons."""

import numpy as np
import pytest
from numpy.typing import NDArray

from neurolect.probing import LinearOptions, fit_linear
from neurolect.probing.labels import Parts
from neurolect.probing.rankings.lca import lca_order
from neurolect.probing.rankings.minimal import Trial, compare_sizes, disjoint_sets, minimal_set
from neurolect.probing.rankings.penalties import penalty_path, search_penalties

UNITS = np.arange(600)
PARTS = Parts(UNITS[:300], UNITS[300:450], UNITS[450:])


def planted(n_copies: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Three classes; three neurons that give them away, `n_copies` times, among 30."""
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=600)
    rows = rng.normal(size=(600, 30))
    for copy in range(n_copies):
        for label in range(3):
            rows[:, 10 * copy + label] = 6.0 * (labels == label) + 0.1 * rng.normal(size=600)
    return rows, labels


def test_every_pair_is_tried_once_each_next_to_the_one_before() -> None:
    pairs = penalty_path([0, 0.1, 0.01])
    assert pairs[:4] == [(0.1, 0.1), (0.01, 0.1), (0, 0.1), (0, 0.01)]
    assert len({*pairs}) == len(pairs) == 9


def test_the_score_is_that_of_the_paper() -> None:
    rows, labels = planted(1)
    found = search_penalties(rows, labels, parts=PARTS, grid=(0.0, 1e-3, 1e-1), share=0.1)
    assert len(found.tried) == 9
    for each in found.tried:
        expected = 0.5 * (each.top - each.bottom) - 0.5 * (found.free - each.accuracy)
        assert each.score == pytest.approx(expected)
    assert found.best.score == max(each.score for each in found.tried)
    assert found.best.l1 == max(each.l1 for each in found.tried if each.score == found.best.score)
    assert found.free == next(each.accuracy for each in found.tried if each.l1 == each.l2 == 0)
    best = found.best
    probe = fit_linear(
        rows,
        labels,
        chosen=PARTS.train,
        options=LinearOptions(l1=best.l1, l2=best.l2, gap=1e-4, precision="float64"),
    )
    order = lca_order(probe.weights).order
    assert best.top == pytest.approx(probe.accuracy(rows, labels, PARTS.dev, kept=order[:3]), abs=0.03)
    assert best.bottom == pytest.approx(probe.accuracy(rows, labels, PARTS.dev, kept=order[-3:]), abs=0.03)
    without_zero = search_penalties(rows, labels, parts=PARTS, grid=(1e-2,))
    assert [(each.l1, each.l2) for each in without_zero.tried] == [(1e-2, 1e-2)]


@pytest.mark.parametrize("max_solves", [0, 12])
def test_the_minimal_set_is_the_smallest_prefix_that_reaches_the_target(max_solves: int) -> None:
    rows, labels = planted(1)
    trial = Trial(rows, labels, parts=PARTS)
    order = trial.order_of(np.arange(30))
    whole = trial.on(order)
    found = minimal_set(trial, order, target=whole.dev - 0.01, max_solves=max_solves)
    assert found.met
    smaller = [trial.on(order[:k]).dev >= found.target for k in range(1, found.reached.k)]
    assert not any(smaller)  # monotone here
    assert found.reached.k == len(found.neurons) <= 3
    assert set(found.neurons.tolist()) <= {0, 1, 2}
    other = compare_sizes(trial, order, k=found.reached.k, seeds=(0, 1))
    assert len(other.random) == 2
    assert max(other.bottom, *other.random) < found.reached.test
    missed = minimal_set(trial, order, target=1.1, max_solves=max_solves)
    assert not missed.met
    assert len(missed.neurons) == 30


def test_so_many_fits_at_most() -> None:
    rows, labels = planted(1)
    trial = Trial(rows, labels, parts=PARTS)
    found = minimal_set(trial, np.arange(30)[::-1].copy(), target=0.95, max_solves=3)
    assert len(found.tried) <= 4  # the whole is fitted too where none of three reached it


def test_copies_of_the_neurons_are_disjoint_sets() -> None:
    rows, labels = planted(3)
    trial = Trial(rows, labels, parts=PARTS)
    found = disjoint_sets(trial, trial.order_of(np.arange(30)), target=0.97)
    assert [each.met for each in found] == [True] * (len(found) - 1) + [False]
    assert len(found) - 1 >= 3
    taken = np.concatenate([each.neurons for each in found[:-1]])
    assert len(set(taken.tolist())) == len(taken)
    assert set(taken.tolist()) <= {10 * copy + label for copy in range(3) for label in range(3)}
    assert len(disjoint_sets(trial, np.arange(30), target=0.5, max_sets=2)) == 2
