"""Clusters against classes: as by hand, as scikit-learn has it, and at chance where there is nothing."""

import math
from pathlib import Path

import numpy as np
import pytest

from neurolect.probing import ProbeOptions, judge, rank_activations
from neurolect.probing.judging.clusters import against_classes, agreement_of, contingency, npmi
from neurolect.views.texts.probing import judge_text
from tests.probing.stores import example_store
from tests.probing.test_judging import QUICK


def test_b_cubed_is_as_by_hand() -> None:
    clusters, classes = np.array([0, 0, 0, 1, 1]), np.array([0, 0, 1, 1, 1])
    found = agreement_of(contingency(clusters, classes))
    precision = (2 / 3 + 2 / 3 + 1 / 3 + 1 + 1) / 5
    recall = (1 + 1 + 1 / 3 + 2 / 3 + 2 / 3) / 5
    assert found.precision == pytest.approx(precision)
    assert found.recall == pytest.approx(recall)
    assert found.f == pytest.approx(2 * precision * recall / (precision + recall))
    same = agreement_of(contingency(clusters + 7, clusters))
    assert same == pytest.approx((1, 1, 1, 1))
    assert agreement_of(contingency(np.zeros(3, int), np.zeros(3, int))) == (1, 1, 1, 1)


def test_b_cubed_and_nmi_are_those_of_slow_ways() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    drawn = np.random.default_rng(0)
    for _ in range(20):
        clusters, classes = drawn.integers(6, size=40), drawn.integers(3, size=40)
        found = agreement_of(contingency(clusters, classes))
        assert found.nmi == pytest.approx(metrics.normalized_mutual_info_score(classes, clusters))
        slow = [(classes[clusters == own] == label).mean() for own, label in zip(clusters, classes, strict=True)]
        assert found.precision == pytest.approx(np.mean(slow))
        slow = [(clusters[classes == label] == own).mean() for own, label in zip(clusters, classes, strict=True)]
        assert found.recall == pytest.approx(np.mean(slow))


def test_npmi_is_1_of_what_is_always_together_and_minus_1_of_what_never_is() -> None:
    assert npmi(np.array([[5, 0], [0, 5]])).tolist() == [[1.0, -1.0], [-1.0, 1.0]]
    found = npmi(np.array([[3, 1], [2, 4]]))
    assert found[0, 0] == pytest.approx(math.log(0.3 / (0.4 * 0.5)) / -math.log(0.3))
    assert npmi(np.array([[4]])).tolist() == [[1.0]]


def test_chance_is_of_permuted_classes() -> None:
    drawn = np.random.default_rng(1)
    classes = drawn.integers(3, size=300)
    at_random = against_classes(drawn.integers(5, size=300), classes, names=("a", "b", "c"), n=100, seed=0)
    for name in ("precision", "f", "nmi"):
        assert at_random[name]["value"] < at_random[name]["chance_high"] + 0.02
    clusters = np.where(drawn.random(300) < 0.8, classes, drawn.integers(3, size=300))
    found = against_classes(clusters, classes, names=("a", "b", "c"), n=100, seed=0)
    assert found["nmi"]["value"] > 5 * found["nmi"]["chance_high"]
    first = found["pairs"][0]
    assert first["cluster"] == "abc".index(first["class"])
    assert first["npmi"] > found["npmi_chance_high"]


def test_the_judge_compares_groups_of_neurons_with_classes(tmp_path: Path) -> None:
    store, small = example_store(tmp_path / "store"), ProbeOptions(units=300, gap=0.05)
    ranking = rank_activations(store, by="correlation-clusters", options=small)
    made = judge(store, [ranking], out=tmp_path / "judged", options=QUICK, probe=small)
    found = made.facts["clusters"]["correlation-clusters"]
    assert found["n_points"] == store.n_neurons
    assert 0 < found["f"]["value"] <= 1
    assert "B-cubed precision" in judge_text(made)
