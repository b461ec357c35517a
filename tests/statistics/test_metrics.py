"""AUROC, average precision, rank correlation and resamples against plain twins."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata, spearmanr

from neurolect.statistics.metric_kernels import average_ranks, curve_areas, rank_correlation, resampled_areas
from tests.reference import ranking_metrics as plain

ITEMS = st.lists(st.tuples(st.integers(-3, 3), st.booleans(), st.integers(0, 3)), min_size=2, max_size=30)
SCORED = ITEMS.filter(lambda items: 0 < sum(own for _, own, _ in items) < len(items))


@given(SCORED)
def test_areas_are_those_of_the_plain_twin(items: list[tuple[int, bool, int]]) -> None:
    scores, positive = [float(s) for s, _, _ in items], [own for _, own, _ in items]
    array = np.array(scores, np.float32)
    order = np.argsort(array, kind="stable")
    area, precision, balanced = curve_areas(array, order, np.array(positive))
    assert area == pytest.approx(plain.auroc(scores, positive))
    assert precision == pytest.approx(plain.average_precision(scores, positive))
    weight = sum(positive) / (len(positive) - sum(positive))
    assert balanced == pytest.approx(plain.average_precision(scores, positive, weight=weight))
    ranks = average_ranks(array, order)
    assert np.array_equal(ranks, rankdata(scores))
    if len(set(scores)) > 1 and len(set(positive)) > 1:
        assert rank_correlation(ranks, rankdata(positive)) == pytest.approx(spearmanr(scores, positive).statistic)


@given(SCORED)
def test_a_resample_is_the_sample_with_sentences_repeated(items: list[tuple[int, bool, int]]) -> None:
    scores = np.array([s for s, _, _ in items], np.float32)
    positive = np.array([own for _, own, _ in items])
    counts = np.array([[1, n] for _, _, n in items], np.uint8)
    areas = np.empty((2, 2))
    resampled_areas(scores, np.argsort(scores, kind="stable"), positive, counts, areas)
    for column in range(2):
        drawn = np.repeat(scores, counts[:, column]).tolist()
        own = np.repeat(positive, counts[:, column]).tolist()
        if 0 < sum(own) < len(own):
            assert areas[0, column] == pytest.approx(plain.auroc(drawn, own))
            assert areas[1, column] == pytest.approx(plain.average_precision(drawn, own))
        else:
            assert np.isnan(areas[:, column]).all()


def test_one_kind_alone_has_no_area() -> None:
    scores = np.arange(3, dtype=np.float32)
    assert np.isnan(curve_areas(scores, np.arange(3), np.ones(3, np.bool_))).all()
    assert np.isnan(rank_correlation(np.array([1.5, 1.5]), np.array([1.0, 2.0])))
