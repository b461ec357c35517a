import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata, spearmanr

from neurolect.statistics.sorting import descending_ranks, mean_ranks, rank_correlation_of

NUMBERS = st.lists(st.floats(-1e6, 1e6) | st.integers(-2, 2).map(float), max_size=40).map(np.array)


@given(NUMBERS)
def test_ranks_are_those_of_scipy(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
    assert np.array_equal(mean_ranks(values), rankdata(values))
    assert np.array_equal(descending_ranks(values), rankdata(-values, method="ordinal"))


def test_rank_correlation_is_that_of_scipy_where_both_are_known() -> None:
    one = np.array([1.0, np.nan, 3.0, 3.0, -2.0, 7.0])
    other = np.array([2.0, 1.0, np.inf, 0.0, -5.0, 9.0])
    there = [0, 3, 4, 5]
    assert rank_correlation_of(one, other) == pytest.approx(spearmanr(one[there], other[there]).statistic)
    assert rank_correlation_of(one[:3], other[:3]) is None
    assert rank_correlation_of(one, np.ones(6)) is None


def test_what_is_not_known_comes_last() -> None:
    values = np.array([np.nan, 3.0, np.nan, 4.0])
    assert mean_ranks(values).tolist() == [3.5, 1.0, 3.5, 2.0]
    assert descending_ranks(values).tolist() == [3, 2, 4, 1]
