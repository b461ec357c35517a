"""Decide from the first rows which column is the text and which are metadata, and of what kind."""

import datetime
import decimal
import math
import re
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from neurolect.corpus.reading.arrow_values import DateText
from neurolect.corpus.reading.names import plain_name
from neurolect.errors import CorpusError, nearest

Kind = Literal["category", "number"]
TEXT_NAMES = ("text", "content", "sentence", "body", "review", "document", "article", "tweet", "message", "comment")
_ID_NAMES = """
    id _id doc_id docid document_id index idx key guid uuid url uri link permalink file filename path source_id row
    row_id tweet_id sentence_id text_id item_id n number
"""
ID_NAMES = frozenset(_ID_NAMES.split()) | {""}
# What pandas and neurolect call columns without a name.
UNNAMED = re.compile(r"(?:unnamed: \d+|column_\d+)\Z", re.IGNORECASE)
# Whole numbers that are names: a ZIP code, an account. (Months and days may be written 01.)
PADDED = re.compile(r"\s*0\d{2,}\s*\Z")
WHOLE = re.compile(r"\s*[+-]?\d{16,}\s*\Z")
ID_LIKE = re.compile(r"(?:https?://\S+|[\w./:#+-]*\d[\w./:#+-]*)\Z")
LONG_TEXT = 200
FEW = 50
MOST = 0.95
MAX_DIGITS = 300
SCALARS = (str, bool, int, float, decimal.Decimal, datetime.date, datetime.time, datetime.timedelta)
OWN_COLUMNS = ("sentence_id", "document_id", "position", "held_out", "n_in_document", "n_words", "text")


class Field(NamedTuple):
    """One metadata field of a corpus."""

    name: str
    """Its name in the corpus."""
    column: str
    """The column of the sources it comes from."""
    kind: Kind


@dataclass(slots=True)
class Survey:
    """What the first rows of one source show of one column."""

    n_values: int = 0
    n_strings: int = 0
    n_characters: int = 0
    n_numbers: int = 0
    n_nested: int = 0
    n_id_like: int = 0
    n_padded: int = 0
    n_rounded: int = 0
    distinct: set[object] | None = None

    def update(self, value: object, *, numbers_in_text: bool) -> None:
        """Count one value; ``None``, NaN and empty strings are no values."""
        if is_null(value):
            return
        self.n_values += 1
        if is_nested(value):
            self.n_nested += 1
            return
        if self.distinct is None:
            self.distinct = set()
        self.distinct.add(value)
        if isinstance(value, str) and not isinstance(value, DateText):
            self.n_strings += 1
            self.n_characters += len(value)
            self.n_id_like += ID_LIKE.match(value) is not None
            if numbers_in_text and to_number(value) is not None:
                self.n_numbers += 1
                self.n_padded += PADDED.match(value) is not None
                self.n_rounded += _is_rounded(value)
        else:
            self.n_numbers += to_number(value) is not None
            self.n_rounded += _is_rounded(value)
            self.n_id_like += isinstance(value, int) and not isinstance(value, bool)

    @property
    def mean_length(self) -> float:
        """Characters a string value."""
        return self.n_characters / self.n_strings if self.n_strings else 0.0

    @property
    def all_distinct(self) -> bool:
        """Whether no value came twice."""
        return self.n_values > 0 and len(self.distinct or ()) == self.n_values


def is_null(value: object) -> bool:
    """Tell whether a value stands for nothing."""
    return (
        value is None or (isinstance(value, float) and math.isnan(value)) or (isinstance(value, str) and not value)
    )


def is_nested(value: object) -> bool:
    """Tell whether a value is no single value."""
    return not isinstance(value, SCALARS)


def to_number(value: object) -> float | None:
    """Read a value as a finite number; None where it is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float | decimal.Decimal | str):
        if isinstance(value, str) and "_" in value:
            return None  # Python would read 2020_01 as 202001
        try:
            number = float(value)
        except (ValueError, OverflowError):
            return None
        return number if math.isfinite(number) else None
    return None


def _is_rounded(value: object) -> bool:
    """Tell whether a value is a whole number that no float is equal to."""
    if isinstance(value, str):
        whole = int(value) if len(value) <= MAX_DIGITS and WHOLE.match(value) else 0
    elif isinstance(value, decimal.Decimal):
        whole = int(value) if value.is_finite() and abs(value.adjusted()) <= MAX_DIGITS and value % 1 == 0 else 0
    else:
        whole = value if isinstance(value, int) else 0
    number = to_number(whole)
    return number is not None and int(number) != whole


def survey_rows(rows: Iterable[Mapping[str, object]], *, numbers_in_text: bool) -> dict[str, Survey]:
    """Survey the first rows of one source.

    ``numbers_in_text``: Whether strings that read as numbers are numbers (CSV knows only strings).
    Returns: Column name to what was seen, in order of first appearance.
    """
    surveys: dict[str, Survey] = {}
    survey_further(surveys, rows, numbers_in_text=numbers_in_text)
    return surveys


def empty_columns(surveys: Mapping[str, Survey]) -> list[str]:
    """Name the columns without any value so far."""
    return [column for column, survey in surveys.items() if not survey.n_values]


def survey_further(
    surveys: dict[str, Survey],
    rows: Iterable[Mapping[str, object]],
    *,
    numbers_in_text: bool,
    known: Container[str] = (),
) -> None:
    """Survey more rows, all but the columns that are known already."""
    for row in rows:
        for column, value in row.items():
            if column not in known:
                surveys.setdefault(column, Survey()).update(value, numbers_in_text=numbers_in_text)


def find_text_column(
    surveys: Mapping[str, Survey], *, source: str, wanted: str | None = None, option: str = "prepare.text_column"
) -> str:
    """Find the column that holds the text.

    ``surveys``: The columns of one source. ``option``: what names the column.
    """
    there = ", ".join(f"{name!r}" for name in surveys) or "none"
    if wanted is not None:
        if wanted in surveys:
            return wanted
        what = f"{source} has no column {wanted!r} ({option})."
        raise CorpusError(
            what, expected=f"one of its columns: {there}", hint=f"Nearest: {nearest(wanted, surveys)}."
        )
    strings = {
        name: each for name, each in surveys.items() if each.n_strings and 2 * each.n_strings >= each.n_values
    }
    by_lower = {name.lower(): name for name in reversed(strings)}
    for name in TEXT_NAMES:
        if name in by_lower:
            return by_lower[name]
    longest = sorted(strings, key=lambda name: -strings[name].mean_length)
    if longest and strings[longest[0]].mean_length >= 20:
        second = strings[longest[1]].mean_length if len(longest) > 1 else 0.0
        if strings[longest[0]].mean_length >= 2 * second:
            return longest[0]
    what = f"No column of {source} is clearly the text. Its columns: {there}."
    expected = "a column named " + ", ".join(TEXT_NAMES) + ", or one with much longer strings than the others"
    raise CorpusError(what, expected=expected, hint=f"Name it: --set {option}=NAME")


def choose_fields(
    surveys: Sequence[tuple[str, Mapping[str, Survey]]], *, wanted: tuple[str, ...] | None = None
) -> tuple[list[Field], list[str]]:
    """Choose the metadata fields over all sources.

    ``surveys``: sequence of (text column, surveys). One pair a source.
    ``wanted``: The columns the user named.
    Returns: notices: list of str. What was left out or renamed, for people.
    """
    by_column: dict[str, list[Survey]] = {}
    for text_column, columns in surveys:
        for column, survey in columns.items():
            if column != text_column:
                by_column.setdefault(column, []).append(survey)
    notices: list[str] = []
    if wanted is None:
        kept = [column for column in by_column if not _left_out(column, by_column[column], notices)]
    else:
        kept = list(dict.fromkeys(wanted))
        _check_wanted(kept, by_column)
    fields: list[Field] = []
    for column in kept:
        name = plain_name(column) or "unnamed"
        taken = {*OWN_COLUMNS} | {field.name for field in fields} | (set(kept) - {column})
        while name in taken:
            name += "_"
        if name != column:
            why = "its name was taken" if column in taken else "its name cannot be shown as it is"
            notices.append(f"The metadata column {column!r} is called {name!r} in the corpus: {why}.")
        kind = _kind(by_column[column])
        if kind == "number" and _are_names(by_column[column]):
            kind = "category"
            why = "its numbers begin with zeros, or have more digits than a number keeps"
            notices.append(f"The metadata column {column!r} is kept as text: {why}.")
        fields.append(Field(name, column, kind))
    return fields, notices


def _check_wanted(columns: Sequence[str], by_column: Mapping[str, Sequence[Survey]]) -> None:
    for column in columns:
        if column not in by_column:
            what = f"No source has a metadata column {column!r} (prepare.metadata_columns)."
            there = ", ".join(map(repr, by_column)) or "none"
            raise CorpusError(what, expected=f"columns that are there: {there}")
        if _mostly_nested(by_column[column]):
            what = f"The metadata column {column!r} holds lists or objects (prepare.metadata_columns)."
            raise CorpusError(what, expected="single values: text, numbers, dates, true or false")


def _left_out(column: str, surveys: Sequence[Survey], notices: list[str]) -> bool:
    """Tell whether a column is no metadata, and say why."""
    n_values = sum(survey.n_values for survey in surveys)
    why = ""
    if n_values == 0:
        why = "it is empty in the documents looked at"
    elif _mostly_nested(surveys):
        why = "it holds lists or objects, or bytes that are no text"
    elif all(survey.all_distinct for survey in surveys if survey.n_values) and (
        column.lower() in ID_NAMES
        or UNNAMED.match(column)
        or (n_values >= FEW and all(survey.n_id_like == survey.n_values for survey in surveys))
    ):
        why = "every document has its own value"
    elif sum(survey.n_characters for survey in surveys) > LONG_TEXT * n_values:
        why = "its values are long texts"
    if why:
        notices.append(f"The column {column!r} was left out of the metadata: {why}.")
    return bool(why)


def _kind(surveys: Sequence[Survey]) -> Kind:
    n_values = sum(survey.n_values - survey.n_nested for survey in surveys)
    n_numbers = sum(survey.n_numbers for survey in surveys)
    # a few "unknown" among the years make no categories of them: they are counted and left empty
    return "number" if n_values and n_numbers >= MOST * n_values else "category"


def _are_names(surveys: Sequence[Survey]) -> bool:
    """Tell codes, which only look like numbers; a few that no float is equal to are a number's rounding."""
    n_numbers = sum(survey.n_numbers for survey in surveys)
    n_rounded = sum(survey.n_rounded for survey in surveys)
    return any(survey.n_padded for survey in surveys) or n_rounded > (1 - MOST) * n_numbers


def _mostly_nested(surveys: Sequence[Survey]) -> bool:
    """Tell lists and objects from a few values of another type, which are counted and left empty."""
    return 2 * sum(survey.n_nested for survey in surveys) > sum(survey.n_values for survey in surveys)
