"""Which metadata a card shows: values that say something which stronger ones do not say already.

A corpus of several sources has many fields that repeat one another: who wrote a tweet says that it is a tweet, and
a recipe's number of ingredients that it is a recipe.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.results.field_values import range_bounds
from neurolect.signatures.counting.candidates import UNINFORMATIVE
from neurolect.store import Run
from neurolect.store.field_columns import column_of

Holders = Callable[[str, str], NDArray[np.bool_]]
"""Tells which of a list's sentences have a value of a field."""
MIN_SHARE_METADATA = 0.03
"""Values of less of a list than this are no theme of it."""
WEAK = 0.05
"""Nor are those whose log-odds z is less than this part of the strongest value's."""
MAX_SAME_SENTENCES = 0.9
"""Two values that this share (Jaccard index) of their sentences have in common say the same."""
EXPLAINED = 0.9
"""A value is part of another one if at least this share of its sentences has that one, ..."""
MIN_GAIN = 1.3
"""... and then worth showing only if its lift is this many times higher."""


class _Shown(NamedTuple):
    field: str
    lift: float
    sentences: NDArray[np.bool_]


def telling_values(rows: list[dict[str, Any]], has: Holders) -> list[dict[str, Any]]:
    """Leave out the metadata values that others explain.

    ``rows``: Rows of the metadata table of one list, strongest first: ``field``, ``value``, ``share_list``,
        ``lift``, ``log_odds_z``.
    ``has``: Tells which of its sentences have a value of a field.
    Returns: The rows to show, in the order given. Left out are uninformative values (``no``, ``unknown``), rare
        and weak ones, those that have nearly the same sentences as one before them, and those within one before
        them whose lift is hardly higher.
    """
    kept: list[dict[str, Any]] = []
    shown: list[_Shown] = []
    least_z = WEAK * max((row["log_odds_z"] for row in rows), default=0.0)
    for row in rows:
        value = row["value"]
        if value is None or value.lower() in UNINFORMATIVE:
            continue
        if row["share_list"] < MIN_SHARE_METADATA or row["log_odds_z"] < least_z:
            continue
        sentences = has(row["field"], value)
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
    same = both >= MAX_SAME_SENTENCES * (size + other_size - both)
    return bool(same or (both >= EXPLAINED * size and lift < MIN_GAIN * other.lift))


def holders(run: Run, sentence_ids: NDArray[np.int64]) -> Holders:
    """Prepare to tell which sentences of a list have a metadata value: bool, one a sentence; False for null.

    Of a run whose reads are kept a field is made numbers once, and looked up in for every list: ten thousand texts
    a field would be taken out of the table otherwise, for each.
    """
    places = run.places_of(sentence_ids)
    if run.files.kept is None:
        taken: dict[str, FieldNumbers] = {}

        def has(field: str, value: str) -> NDArray[np.bool_]:
            if field not in taken:
                taken[field] = numbers_of(run.take_sentences(sentence_ids, columns=[column_of(field)]).column(0))
            return taken[field].equal(value)

        return has
    kept = run.files.kept

    def has_kept(field: str, value: str) -> NDArray[np.bool_]:
        make = partial(_field_numbers, run, field)
        found: FieldNumbers = kept.get((field, "numbers of a field"), make, size=lambda each: each.values.nbytes)
        return found.equal(value, places)

    return has_kept


def _field_numbers(run: Run, field: str) -> "FieldNumbers":
    return numbers_of(run.table("sentences", columns=[column_of(field)]).column(0))


class FieldNumbers(NamedTuple):
    """A field of sentences as numbers: codes of categories, or the numbers themselves."""

    values: NDArray[Any]
    """int32, -1 for null; or float64, NaN for null."""
    codes: dict[str, int] | None
    """Of categories."""

    def equal(self, value: str, places: NDArray[np.integer] | None = None) -> NDArray[np.bool_]:
        r"""Tell which sentences have a value, a range of numbers of such a field.

        >>> numbers_of(pa.chunked_array([[1811.0, None, 1851.0]])).equal("1850\u20131859").tolist()
        [False, False, True]
        >>> numbers_of(pa.chunked_array([["a", None, "b"]])).equal("b", np.array([2, 0])).tolist()
        [True, False]
        """
        values = self.values if places is None else self.values[places]
        if self.codes is not None:
            return np.asarray(values == self.codes.get(value, -2))
        low, high = range_bounds(value)
        # Ends of ranges are written with four digits, so a number may lie a hair outside of its own range.
        known = values[~np.isnan(values)]
        rounding = 0.0 if np.array_equal(known, np.round(known)) else 5e-4
        first, last = (end - sign * rounding * abs(end) for end, sign in ((low, 1), (high, -1)))
        return np.asarray((values >= first) & (values <= last))


def numbers_of(column: pa.ChunkedArray) -> FieldNumbers:
    """Make numbers of a column of metadata."""
    if pa.types.is_floating(column.type):
        return FieldNumbers(column.cast(pa.float64()).fill_null(float("nan")).to_numpy(), None)
    coded = column.combine_chunks().dictionary_encode()
    values = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
    return FieldNumbers(values, {value: code for code, value in enumerate(coded.dictionary.to_pylist())})
