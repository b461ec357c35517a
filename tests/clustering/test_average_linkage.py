import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import linkage

from neurolect.clustering.average_linkage import average_linkage, groups_at


@settings(max_examples=40)
@given(st.integers(2, 40), st.integers(0, 1000))
def test_groups_are_joined_as_scipy_joins_them(n: int, seed: int) -> None:
    distances = np.random.default_rng(seed).random(n * (n - 1) // 2).astype(np.float32)
    expected = linkage(distances, "average")[:, 2]
    counted: list[float] = []
    merges = average_linkage(distances.copy(), n=n, advance=counted.append)
    assert sum(counted) == n - 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("neurolect.clustering.average_linkage._JOINS", 3)
        by_threes = average_linkage(distances.copy(), n=n)
    assert [each.tolist() for each in by_threes] == [each.tolist() for each in merges]
    assert merges.heights.tolist() == pytest.approx(expected.tolist(), abs=1e-5)
    assert sorted(set(groups_at(merges, height=2.0).tolist())) == [0]
    assert sorted(groups_at(merges, height=-1.0).tolist()) == list(range(n))


def test_a_cut_gives_the_groups_that_were_made_on_purpose() -> None:
    group = np.array([0, 1, 0, 2, 1, 0])
    square = np.where(group[:, None] == group, 0.1, 0.9) + np.random.default_rng(0).random((6, 6)) * 0.01
    square = (square + square.T) / 2
    merges = average_linkage(square[np.triu_indices(6, 1)].astype(np.float32), n=6)
    assert groups_at(merges, height=0.5).tolist() == group.tolist()


def test_equal_distances_end() -> None:
    merges = average_linkage(np.zeros(10, dtype=np.float32), n=5)
    assert merges.heights.tolist() == [0.0] * 4


def test_one_point_needs_no_joins() -> None:
    merges = average_linkage(np.empty(0, dtype=np.float32), n=1)
    assert groups_at(merges, height=1.0).tolist() == [0]
