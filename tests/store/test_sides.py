"""Numbers of lists go both ways."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurolect.errors import OptionError
from neurolect.store.sides import SIDES, check_side, list_columns, lists_of


@given(numbers=st.lists(st.integers(0, 10**6)), sides=st.sampled_from([SIDES, ("top",), ("bottom",)]))
def test_columns_give_the_numbers_back(numbers: list[int], sides: tuple[str, ...]) -> None:
    columns = list_columns(np.array(numbers, np.int64), sides)
    assert lists_of(pa.table(columns), sides).tolist() == numbers
    pairs = zip(columns["neuron_id"].to_pylist(), columns["side"].to_pylist(), strict=True)
    assert [neuron * len(sides) + sides.index(side) for neuron, side in pairs] == numbers


def test_neurons_have_no_side() -> None:
    columns = list_columns(np.array([3, 5]), (None,))
    assert columns["neuron_id"].to_pylist() == [3, 5]
    assert columns["side"].to_pylist() == [None, None]


def test_no_side_and_a_side_without_lists_are_refused() -> None:
    with pytest.raises(OptionError, match="There is no side 'up'"):
        check_side("up")
    with pytest.raises(OptionError, match="The run a has no bottom lists"):
        check_side("bottom", ("top",), of="a")
