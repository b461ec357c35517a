import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata

from neurolect.statistics.sorting import descending_ranks, mean_ranks

NUMBERS = st.lists(st.floats(-1e6, 1e6) | st.integers(-2, 2).map(float), max_size=40).map(np.array)


@given(NUMBERS)
def test_ranks_are_those_of_scipy(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
    assert np.array_equal(mean_ranks(values), rankdata(values))
    assert np.array_equal(descending_ranks(values), rankdata(-values, method="ordinal"))


def test_what_is_not_known_comes_last() -> None:
    values = np.array([np.nan, 3.0, np.nan, 4.0])
    assert mean_ranks(values).tolist() == [3.5, 1.0, 3.5, 2.0]
    assert descending_ranks(values).tolist() == [3, 2, 4, 1]
