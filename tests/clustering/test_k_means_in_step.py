import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from neurolect.clustering.k_means_in_step import cluster, settle
from tests.reference.clusters_plain import kmeans_plain


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.integers(1, 40), st.integers(1, 5), st.integers(1, 6))
def test_rounds_equal_their_plain_twin(seed: int, n_points: int, n_centers: int, n_rounds: int) -> None:
    random = np.random.default_rng(seed)
    points = random.normal(size=(n_points, 3)).astype(np.float32)
    centers = random.normal(size=(n_centers, 3)).astype(np.float32)
    found, moved = settle(points, centers, n_rounds)
    labels, means = kmeans_plain(points.astype(np.float64), centers.astype(np.float64), n_rounds=n_rounds)
    assert found.tolist() == labels.tolist()
    np.testing.assert_allclose(moved, means, atol=1e-5)


def test_all_numbers_at_once_are_each_by_itself() -> None:
    random = np.random.default_rng(1)
    points = random.normal(size=(200, 8)).astype(np.float32)
    draws = random.random((3, 5))
    together = cluster(points, numbers=(2, 3, 5), draws=draws)
    for number, found in zip((2, 3, 5), together, strict=True):
        alone = cluster(points, numbers=(number,), draws=draws)[0]
        assert found.labels.tolist() == alone.labels.tolist()
        np.testing.assert_allclose(found.centers, alone.centers, atol=1e-6)


def test_far_clusters_are_found_whatever_the_draws() -> None:
    random = np.random.default_rng(2)
    truth = np.repeat([0, 1, 2], [50, 30, 20])
    points = (10 * np.eye(3)[truth] + random.normal(scale=0.1, size=(100, 3))).astype(np.float32)
    for seed in range(5):
        found = cluster(points, numbers=(3,), draws=np.random.default_rng(seed).random((2, 3)))[0]
        assert {frozenset(np.flatnonzero(found.labels == each)) for each in range(3)} == {
            frozenset(np.flatnonzero(truth == each)) for each in range(3)
        }


def test_points_that_coincide_are_one_cluster() -> None:
    points = np.ones((10, 4), np.float32)
    found = cluster(points, numbers=(2,), draws=np.full((1, 2), 0.5))[0]
    assert len(set(found.labels.tolist())) == 1
    assert np.isfinite(found.centers).all()
