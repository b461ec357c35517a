import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurolect.clustering.k_means import k_means


@settings(max_examples=40)
@given(st.integers(0, 1000), st.integers(1, 6), st.integers(6, 60))
def test_points_are_with_the_nearest_mean_and_means_are_means(seed: int, k: int, n: int) -> None:
    points = np.random.default_rng(seed).normal(size=(n, 3)).astype(np.float32)
    counted: list[float] = []
    found = k_means(points, k=k, seed=seed, n_starts=2, advance=counted.append)
    assert counted == [1, 1]
    distances = np.array([[np.sum((point - centre) ** 2) for centre in found.centres] for point in points])
    assert np.allclose(distances[np.arange(n), found.labels], distances.min(axis=1), atol=1e-4)
    assert found.sse == pytest.approx(distances[np.arange(n), found.labels].sum(), rel=1e-3, abs=1e-4)
    for group in range(k):
        assert np.allclose(found.centres[group], points[found.labels == group].mean(axis=0), atol=1e-4)
    sizes = np.bincount(found.labels, minlength=k)
    assert (np.diff(sizes) <= 0).all()


def test_groups_far_apart_are_found_whatever_lies_between_them_and_the_origin() -> None:
    random = np.random.default_rng(1)
    centres = np.array([[0, 0], [9, 0], [0, 9]], dtype=np.float32) + 1000
    points = (centres[np.repeat([0, 1, 2], [30, 20, 10])] + random.normal(size=(60, 2)) * 0.3).astype(np.float32)
    found = k_means(points, k=3)
    assert found.labels.tolist() == [0] * 30 + [1] * 20 + [2] * 10
    assert np.array_equal(found.labels, k_means(points, k=3).labels)
    assert found.labels_of_starts.shape == (10, 60)


def test_equal_points_leave_no_group_out() -> None:
    found = k_means(np.ones((5, 2), dtype=np.float32), k=3, n_starts=2)
    assert found.sse == 0.0
    assert np.isfinite(found.centres).all()


def test_more_groups_than_points_are_refused() -> None:
    with pytest.raises(ValueError, match="2 points cannot make 3 groups"):
        k_means(np.ones((2, 2), dtype=np.float32), k=3)
