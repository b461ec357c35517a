import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from neurolect.clustering.quality import one_cluster_like, silhouettes
from tests.reference.clusters_plain import silhouettes_plain


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.integers(1, 30), st.integers(1, 5))
def test_silhouettes_equal_their_plain_twin(seed: int, n_points: int, n_clusters: int) -> None:
    random = np.random.default_rng(seed)
    points = random.normal(size=(n_points, 4)).astype(np.float32)
    labels = random.integers(0, n_clusters, n_points).astype(np.int16)
    found = silhouettes(points, labels, n_clusters=n_clusters)
    expected = silhouettes_plain(points.astype(np.float64), labels.astype(np.int64))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_points_that_coincide_have_none() -> None:
    points = np.ones((6, 3), np.float32)
    assert silhouettes(points, np.array([0, 0, 0, 1, 1, 1], np.int16), n_clusters=2).tolist() == [0.0] * 6


def test_the_null_has_the_mean_and_the_covariance_of_the_points() -> None:
    random = np.random.default_rng(0)
    points = np.array([0.95, 0.2, 0.1]) + random.normal(size=(4000, 3)) @ np.diag([0.001, 0.1, 0.02])
    points = (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)
    drawn = one_cluster_like(points, random.standard_normal((4000, 3)))
    np.testing.assert_allclose(drawn.mean(axis=0), points.mean(axis=0), atol=0.01)
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(points.T), atol=0.001)


def test_the_null_of_points_in_a_plane_stays_there() -> None:
    points = np.array([[1, 0, 0], [0, 1, 0], [0.6, 0.8, 0]], np.float32)
    drawn = one_cluster_like(points, np.random.default_rng(0).standard_normal((50, 3)))
    assert np.isfinite(drawn).all()
    assert np.abs(drawn[:, 2]).max() < 1e-5
