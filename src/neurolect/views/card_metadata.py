"""Which metadata a card shows: values that say something which stronger ones do not say already.

A corpus of several sources has many fields that repeat one another: who wrote a tweet says that it is a tweet,
and a recipe's number of ingredients that it is a recipe.
"""

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from neurolect.results.field_values import range_bounds
from neurolect.signatures.says_nothing import SAYS_NOTHING

MIN_SHARE = 0.03
"""Values of less of a list than this are no theme of it."""
WEAK = 0.05
"""Nor are those whose log-odds z is less than this part of the strongest value's."""
MAX_OVERLAP = 0.9
"""Two values that this share (Jaccard index) of their sentences have in common say the same."""
EXPLAINED = 0.9
"""A value is part of another one if at least this share of its sentences has that one, ..."""
MIN_GAIN = 1.3
"""... and then worth showing only if its lift is this many times higher."""


class _Shown(NamedTuple):
    field: str
    lift: float
    sentences: NDArray[np.bool_]


def telling_values(rows: list[dict[str, Any]], listed: pa.Table) -> list[dict[str, Any]]:
    """Leave out the metadata values that others explain.

    ``rows``: Rows of the metadata table of one list, strongest first: ``field``, ``value``, ``share_list``,
        ``lift``, ``log_odds_z``.
    Returns: The rows to show, in the order given. Left out are values that say nothing (``no``, ``unknown``), rare
        and weak ones, those that have nearly the same sentences as one before them, and those within one before
        them whose lift is hardly higher.
    """
    kept: list[dict[str, Any]] = []
    shown: list[_Shown] = []
    least_z = WEAK * max((row["log_odds_z"] for row in rows), default=0.0)
    for row in rows:
        value = row["value"]
        if value is None or value.lower() in SAYS_NOTHING:
            continue
        if row["share_list"] < MIN_SHARE or row["log_odds_z"] < least_z:
            continue
        sentences = holders(listed, row["field"], value)
        lift = row["lift"] if row["lift"] is not None else np.inf
        if any(each.field != row["field"] and _explains(each, sentences, lift) for each in shown):
            continue
        kept.append(row)
        shown.append(_Shown(row["field"], lift, sentences))
    return kept


def _explains(other: _Shown, sentences: NDArray[np.bool_], lift: float) -> bool:
    """Tell whether a value shown says what another would say."""
    both = np.count_nonzero(other.sentences & sentences)
    size, other_size = np.count_nonzero(sentences), np.count_nonzero(other.sentences)
    if size == 0:
        return False
    same = both >= MAX_OVERLAP * (size + other_size - both)
    return bool(same or (both >= EXPLAINED * size and lift < MIN_GAIN * other.lift))


def holders(listed: pa.Table, field: str, value: str) -> NDArray[np.bool_]:
    r"""Tell which sentences have a metadata value.

    ``field``: The field; one whose name a column of the table had taken has an underscore appended there.
    Returns: bool, shape (n_sentences,). False where there is none.

    Examples
    --------
    >>> holders(pa.table({"year": [1811.0, None, 1851.0]}), "year", "1850\u20131859").tolist()
    [False, False, True]
    """
    column = listed.column(f"{field}_" if f"{field}_" in listed.column_names else field)
    if not pa.types.is_floating(column.type):
        return _plain(pc.equal(column, value))
    low, high = range_bounds(value)
    # Ends of ranges are written with four digits, so a number may lie a hair outside of its own range.
    numbers = column.drop_null().to_numpy()
    rounding = 0.0 if np.array_equal(numbers, np.round(numbers)) else 5e-4
    first, last = (end - sign * rounding * abs(end) for end, sign in ((low, 1), (high, -1)))
    return _plain(pc.and_(pc.greater_equal(column, first), pc.less_equal(column, last)))


def _plain(flags: pa.ChunkedArray) -> NDArray[np.bool_]:
    filled: NDArray[np.bool_] = flags.fill_null(False).to_numpy()
    return filled
