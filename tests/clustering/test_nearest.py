import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from neurolect.clustering.nearest import SparseRows, nearest_rows
from tests.reference.neighbours import nearest_dense

MATRICES = st.tuples(st.integers(1, 7), st.integers(1, 6)).flatmap(
    lambda shape: arrays(np.int64, shape, elements=st.integers(0, 3))
)


@settings(max_examples=40)
@given(MATRICES, st.integers(1, 4), st.integers(1, 3))
def test_neighbours_are_those_of_the_whole_matrix(
    dense: np.ndarray[tuple[int, int], np.dtype[np.int64]], k: int, workers: int
) -> None:
    rows, columns = np.nonzero(dense)
    starts = np.concatenate([[0], np.cumsum(np.count_nonzero(dense, axis=1))]).astype(np.int64)
    sparse = SparseRows(starts, columns.astype(np.int32), dense[rows, columns].astype(np.float32))
    counted: list[float] = []
    found = nearest_rows(sparse, n_columns=dense.shape[1], k=k, workers=workers, advance=counted.append)
    assert sum(counted) == len(dense)
    ids, values = nearest_dense(dense.astype(np.float64), k)
    assert found.ids.tolist() == ids
    assert found.values.tolist() == values
