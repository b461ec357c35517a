import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from neurolect.tokens.entries import pack_values, unpack_values

NUMBERS = st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=20)


@given(st.lists(NUMBERS, max_size=5))
def test_a_byte_is_true_to_half_a_step(lists: list[list[float]]) -> None:
    values = [np.array(each, np.float32) for each in lists]
    table = pa.table(pack_values(values))
    back = unpack_values(table)
    assert len(back) == len(values)
    for one, two, step in zip(values, back, table.column("step").to_pylist(), strict=True):
        size = float(np.abs(one).max())
        # below the smallest normal number steps have no digits left
        assert np.abs(one - two).max() <= step * 0.51 + 1e-6 * size + float(np.finfo(np.float32).tiny)
        assert step <= (one.max() - one.min()) / 254 + 1e-6 * size
