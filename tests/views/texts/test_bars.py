import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurolect.views.texts.bars import EIGHTHS, MARK, histogram, number, percent, share_bar


@given(st.floats(0, 1), st.floats(0, 1), st.integers(2, 30))
def test_a_bar_has_its_width_one_mark_and_a_length_that_fits(share: float, background: float, width: int) -> None:
    cells = share_bar(share, background, width=width)
    assert len(cells) == width
    assert [cell for cell, _ in cells].count(MARK) == 1
    full = sum(cell == EIGHTHS[-1] for cell, _ in cells)
    assert abs(full - share * width) <= 2


@pytest.mark.parametrize(
    ("share", "expected"), [(None, "\u2013"), (0.0004, "<.1%"), (0.099, "9.9%"), (0.0999, "10%")]
)
def test_percent(share: float | None, expected: str) -> None:
    assert percent(share) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [(-0.00001, "\u22121e\u221205"), (-12.3, "\u221212"), (9.96, "10"), (0.1234, "0.12")]
)
def test_number(value: float, expected: str) -> None:
    assert number(value).replace("-", "\u2212") == expected


def test_a_histogram_marks_where_the_lists_begin() -> None:
    counts = [1, 5, 20, 60, 100, 60, 20, 5, 1, 0]
    drawn = histogram({"low": 0.0, "width": 1.0, "counts": counts}, width=9, marks=[1.5, 7.5])
    assert len(drawn.blocks) == 9
    assert drawn.blocks[4] == "\u2588"
    assert (drawn.low, drawn.high) == (2, 7)


def test_an_empty_histogram_draws_nothing() -> None:
    assert histogram({"low": 0.0, "width": 1.0, "counts": np.zeros(4)}, width=9, marks=[]).blocks == ""
