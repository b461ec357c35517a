"""Planted senses are found, and one sense is one."""

import numpy as np
import pytest
from numpy.typing import NDArray

from neurolect.signatures.evidence.sense_tables import polysemy
from neurolect.signatures.inputs import Lists
from neurolect.signatures.options import DescribeOptions
from neurolect.signatures.vectors.senses import Senses, find_senses

OPTIONS = DescribeOptions(sense_sentences=150)


def around(sizes: list[int], *, spread: float = 0.12, seed: int = 0) -> NDArray[np.float32]:
    """Unit vectors around as many directions as there are sizes, 16 dimensions, in mixed order."""
    random = np.random.default_rng(seed)
    centers = np.eye(16)[np.repeat(np.arange(len(sizes)), sizes)]
    points = centers + random.normal(scale=spread, size=centers.shape)
    unit = points / np.linalg.norm(points, axis=1, keepdims=True)
    return np.asarray(unit[random.permutation(len(unit))], dtype=np.float32)


def found(vectors: NDArray[np.float32], *, workers: int = 1, n_lists: int = 1) -> Senses:
    rows = np.tile(np.arange(len(vectors), dtype=np.int32), (n_lists, 1))
    return find_senses(vectors, Lists(rows, ("top",)), options=OPTIONS, workers=workers)


@pytest.mark.parametrize("sizes", [[200, 100], [150, 100, 50], [100, 80, 60, 40]], ids=str)
def test_planted_senses_are_found(sizes: list[int]) -> None:
    vectors = around(sizes)
    senses = found(vectors)
    assert np.bincount(senses.labels[0]).tolist() == sizes
    truth = vectors[:, : len(sizes)].argmax(axis=1)
    assert (senses.labels[0] == truth).all()
    for sense, medoid in enumerate(senses.medoids[0, : senses.n_senses[0]]):
        own = vectors[truth == sense]
        distances = ((vectors[:, None] - own[None]) ** 2).sum(axis=(1, 2))
        assert distances[medoid] == pytest.approx(distances[truth == sense].min(), rel=1e-4)


@pytest.mark.parametrize("spread", [0.05, 0.12, 0.3, 1.0])
def test_one_sense_is_one(spread: float) -> None:
    for seed in range(4):
        senses = found(around([300], spread=spread, seed=seed))
        assert senses.n_senses[0] == 1
        assert senses.labels[0].tolist() == [0] * 300


def test_a_sense_too_small_to_count_is_none() -> None:
    assert found(around([290, 10])).n_senses[0] == 1


def test_sentences_without_vectors_have_no_sense() -> None:
    vectors = around([60, 40])
    vectors[[3, 50]] = 0.0
    rows = np.concatenate([np.arange(100), [-1, -1]]).astype(np.int32)[None]
    senses = find_senses(vectors, Lists(rows, ("top",)), options=OPTIONS)
    assert np.flatnonzero(senses.labels[0] < 0).tolist() == [3, 50, 100, 101]
    assert not {3, 50} & set(senses.medoids[0].tolist())


def test_lists_too_short_to_split() -> None:
    vectors = around([1])
    senses = find_senses(vectors, Lists(np.array([[0], [-1]], np.int32), ("top", "bottom")), options=OPTIONS)
    assert senses.n_senses.tolist() == [1, 0]
    assert senses.medoids[:, 0].tolist() == [0, -1]
    assert np.isnan(senses.silhouette[0])


def test_one_giant_duplicate_is_one_sense() -> None:
    assert found(np.full((100, 4), 0.5, np.float32)).n_senses[0] == 1


def test_workers_do_not_change_the_result() -> None:
    vectors = around([80, 70])
    one, two = (found(vectors, workers=workers, n_lists=130) for workers in (1, 3))
    assert (one.labels == two.labels).all()
    assert len(two.n_senses) == 130


def test_polysemy_is_the_effective_number_of_senses() -> None:
    assert polysemy(np.array([1.0])) == 1.0
    assert polysemy(np.full(4, 0.25)) == pytest.approx(4.0)
    assert np.isnan(polysemy(np.array([])))
