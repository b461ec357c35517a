"""Factors and groups of neurons: found where they are, ordered as by hand."""

import importlib
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

from neurolect.errors import MissingExtraError, ProbingError
from neurolect.probing.rankings import without_labels
from neurolect.probing.rankings.without_labels import (
    Grouped,
    correlation_clusters,
    factor_ranking,
    factorise,
    group_ranking,
    map_clusters,
    matched_cosine,
    standardised_effects,
)


def two_groups(n: int = 200) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Give ten neurons: 0 to 3 follow the class (3 is low for it), 4 to 6 something else, the others nothing."""
    drawn = np.random.default_rng(0)
    labels = (drawn.random(n) < 0.5).astype(np.int64)
    other = drawn.random(n) < 0.5
    values = 0.3 * drawn.normal(size=(n, 10))
    values[:, :3] += 3.0 * labels[:, None]
    values[:, 3] -= 3.0 * labels
    values[:, 4:7] += 3.0 * other[:, None]
    return values.astype(np.float32), labels


def test_factors_are_matched_one_to_one_by_their_cosine() -> None:
    one = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]])
    assert matched_cosine(one, one[::-1]) == pytest.approx(1.0)
    other = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    assert matched_cosine(one, other) == pytest.approx((1 + 1 / np.sqrt(2)) / 2)


def test_the_factor_of_a_class_has_its_neurons_with_their_signs() -> None:
    values, labels = two_groups()
    factors = factorise(values, seed=0, sizes=(2, 3, 4))
    assert set(factors.stability) == {"2", "3", "4"}
    assert (factors.loadings_RN >= 0).all()
    ranked, factor = factor_ranking(factors, labels=labels)
    assert factor is not None
    assert set(ranked.order[:4].tolist()) == {0, 1, 2, 3}
    assert ranked.signs is not None
    assert ranked.signs[:4].tolist() == [1, 1, 1, -1]
    free, none = factor_ranking(factors)
    assert none is None
    assert free.signs is None
    with pytest.raises(ProbingError, match=r"There are 3 units, and \d+ parts(.|\n)*more than 4 of either"):
        factorise(values[:3], seed=0)


def test_correlated_neurons_are_one_group_whatever_their_sign() -> None:
    values, labels = two_groups()
    values[:, 9] = 1.0
    found = correlation_clusters(values, seed=0)
    assert len(set(found.groups_N[:4].tolist())) == 1
    assert len(set(found.groups_N[4:7].tolist())) == 1
    upper = np.abs(np.corrcoef(values[:, :9].T))
    assert found.centrality_N[0] == pytest.approx(upper[0, 1:4].mean(), abs=1e-3)
    ranked = group_ranking(found, effects_N=standardised_effects(values, labels))
    assert set(ranked.order[:4].tolist()) == {0, 1, 2, 3}
    assert ranked.signs is not None
    assert ranked.signs[[0, 3, 9]].tolist() == [1, -1, 0]


def test_without_a_concept_one_neuron_of_every_group_comes_first() -> None:
    groups = Grouped(np.array([0, 0, 0, 1, 1, 2], np.int32), np.array([0.1, 0.9, 0.5, 0.2, 0.3, 0.0]), {})
    assert group_ranking(groups).order.tolist() == [1, 4, 5, 2, 3, 0]
    effects = np.array([0.1, -0.1, 0.1, 0.5, -0.9, 0.2])
    ranked = group_ranking(groups, effects_N=effects)
    assert ranked.order.tolist() == [4, 3, 5, 1, 2, 0]
    assert sorted(ranked.scores.tolist()) == [1, 2, 3, 4, 5, 6]


def test_the_number_of_clusters_is_the_stable_and_separate_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def three(points: NDArray[np.float32], *, seed: int = 0) -> NDArray[np.float32]:
        drawn = np.random.default_rng(seed)
        return (np.arange(30)[:, None] % 3 * 10 + drawn.normal(size=(30, 2))).astype(np.float32)

    monkeypatch.setattr(without_labels, "umap", three)
    monkeypatch.setattr(without_labels, "check_umap", lambda: None)
    values = np.random.default_rng(0).normal(size=(50, 30)).astype(np.float32)
    found = map_clusters(values, seed=0, sizes=(2, 3, 6))
    assert found.facts["tried"]["3"]["adjusted_rand"] == 1.0
    assert len(set(found.groups_N.tolist())) == 3
    assert len({*found.groups_N[::3].tolist()}) == 1


def test_a_missing_umap_is_named_with_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> ModuleType:
        raise ModuleNotFoundError(name=name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(MissingExtraError, match=r"pip install \"umap-learn>="):
        map_clusters(np.zeros((5, 5), np.float32), seed=0)
