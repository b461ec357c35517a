import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from neurolect.clustering.assignment import best_assignment
from tests.reference.assignment import best_gain


@settings(deadline=None, max_examples=40)
@given(
    st.tuples(st.integers(1, 5), st.integers(1, 6)).flatmap(
        lambda shape: arrays(np.int64, shape, elements=st.integers(-5, 20))
    )
)
def test_no_other_assignment_gains_more(gains: np.ndarray[tuple[int, int], np.dtype[np.int64]]) -> None:
    columns = best_assignment(gains)
    rows = np.flatnonzero(columns >= 0)
    assert len(rows) == min(gains.shape)
    assert len(set(columns[rows].tolist())) == len(rows)
    assert gains[rows, columns[rows]].sum() == best_gain(gains)
