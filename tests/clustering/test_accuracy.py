import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from neurolect.clustering.quality import best_assignment, cluster_accuracy, crossed
from tests.reference.assignment import best_gain


def test_the_same_groups_under_other_names_agree_fully() -> None:
    groups = np.repeat(np.arange(4, dtype=np.int32), 25)
    found = cluster_accuracy(((groups + 1) % 4).astype(np.int32), groups, n_labels=4, n_groups=4, n_draws=99)
    assert (found.accuracy, found.low, found.high) == (1.0, 1.0, 1.0)
    assert found.p == pytest.approx(0.01)


def test_chance_is_what_unrelated_groups_reach() -> None:
    random = np.random.default_rng(5)
    labels, groups = random.integers(0, 5, size=(2, 400)).astype(np.int32)
    found = cluster_accuracy(labels, groups, n_labels=5, n_groups=5, n_draws=200)
    assert found.chance > 0.2
    assert abs(found.accuracy - found.chance) < 0.05
    assert found.p > 0.02
    assert found.low <= found.high


def test_more_clusters_than_groups_leave_some_unmatched() -> None:
    labels = np.array([0, 0, 1, 1, 2, 2], dtype=np.int32)
    groups = np.array([0, 0, 0, 1, 1, 1], dtype=np.int32)
    found = cluster_accuracy(labels, groups, n_labels=3, n_groups=2, n_draws=10)
    assert found.accuracy == pytest.approx(4 / 6)


def test_the_interval_holds_the_accuracy_and_narrows_with_points() -> None:
    random = np.random.default_rng(0)

    def width(n: int) -> float:
        groups = random.integers(0, 3, size=n).astype(np.int32)
        labels = np.where(random.random(n) < 0.7, groups, random.integers(0, 3, size=n)).astype(np.int32)
        found = cluster_accuracy(labels, groups, n_labels=3, n_groups=3, n_draws=200)
        assert found.low <= found.accuracy <= found.high
        return found.high - found.low

    assert width(3000) < width(60)


def test_the_interval_is_not_shifted_by_matching_again() -> None:
    random = np.random.default_rng(3)
    groups = random.integers(0, 12, size=600).astype(np.int32)
    labels = random.integers(0, 12, size=600).astype(np.int32)
    found = cluster_accuracy(labels, groups, n_labels=12, n_groups=12, n_draws=300)
    assert found.low < found.accuracy < found.high


def test_crossed_counts_every_point_once() -> None:
    labels, groups = np.random.default_rng(2).integers(0, 3, size=(2, 50)).astype(np.int32)
    table = crossed(labels, groups, n_labels=3, n_groups=3)
    assert table[1, 2] == np.count_nonzero((labels == 1) & (groups == 2))
    assert table.sum() == 50


@settings(max_examples=40)
@given(
    st.tuples(st.integers(1, 5), st.integers(1, 6)).flatmap(
        lambda shape: arrays(np.int64, shape, elements=st.integers(-5, 20))
    )
)
def test_no_other_assignment_gains_more(gains: np.ndarray[tuple[int, int], np.dtype[np.int64]]) -> None:
    columns = best_assignment(gains)
    rows = np.flatnonzero(columns >= 0)
    assert len(rows) == min(gains.shape)
    assert len(set(columns[rows].tolist())) == len(rows)
    assert gains[rows, columns[rows]].sum() == best_gain(gains)
