"""Different values, against a set."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurolect.statistics.sorting import distinct


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint64])
@given(values=st.lists(st.integers(0, 9) | st.integers(0, 2**31 - 1)))
def test_each_once_ascending(values: list[int], dtype: type[np.integer]) -> None:
    found = distinct(np.array(values, dtype=dtype))
    assert found.dtype == dtype
    assert found.tolist() == sorted(set(values))
