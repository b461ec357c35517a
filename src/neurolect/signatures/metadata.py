"""Metadata of lists: the distribution of every field against all sentences read."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.signatures.evidence import Evidence, Sizes, evidence_columns, score_counts, select
from neurolect.signatures.items import ListCounts, count_in_lists, items_of_values
from neurolect.signatures.lists import Lists
from neurolect.signatures.options import DescribeOptions
from neurolect.signatures.words import min_counts

__all__ = ["CodedField", "code_categories", "code_numbers", "field_evidence", "metadata_table"]

MAX_PLAIN_NUMBERS = 12
"""A number field with at most so many values keeps them as they are."""
N_RANGES = 10
EN_DASH = "\u2013"


class CodedField(NamedTuple):
    """One metadata field of the kept sentences as codes."""

    name: str
    values: list[str]
    """Label of each code."""
    codes: NDArray[np.int32]
    """Value of each kept sentence, shape (n_sentences,); -1 for none."""
    background: NDArray[np.int64]
    """Sentences read that have each value, shape (n_values,)."""
    n_background: int
    """Sentences read, with or without a value."""


def code_categories(
    name: str, column: pa.Array, *, background_values: Sequence[str | None], background_counts: NDArray[np.int64]
) -> CodedField:
    """Give the values of a category field numbers.

    Parameters
    ----------
    name : str
        The field.
    column : pyarrow.Array of string
        Values of the kept sentences.
    background_values : sequence of str or None
        Values of all sentences read.
    background_counts : int64, shape (n_background_values,)
        How many sentences had each.

    Returns
    -------
    CodedField
        Values in alphabetical order.
    """
    encoded = column.cast(pa.string()).dictionary_encode()
    kept = encoded.dictionary.to_pylist()
    counted = {value: int(n) for value, n in zip(background_values, background_counts, strict=True)}
    values = sorted({value for value in (*kept, *counted) if value is not None})
    number = {value: code for code, value in enumerate(values)}
    to_code = np.array([number[value] for value in kept] or [-1], dtype=np.int32)
    places = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return CodedField(
        name=name,
        values=values,
        codes=np.where(places >= 0, to_code[np.maximum(places, 0)], -1).astype(np.int32),
        background=np.array([counted.get(value, 0) for value in values], dtype=np.int64),
        n_background=int(background_counts.sum()),
    )


def code_numbers(
    name: str,
    column: NDArray[np.float64],
    *,
    background_values: NDArray[np.float64],
    background_counts: NDArray[np.int64],
) -> CodedField:
    """Give the values, or ranges of values, of a number field running numbers.

    Parameters
    ----------
    name : str
        The field.
    column : float64, shape (n_sentences,)
        Values of the kept sentences; NaN for none.
    background_values : float64, shape (n_background_values,)
        Values of all sentences read; NaN for none.
    background_counts : int64, shape (n_background_values,)
        How many sentences had each.

    Returns
    -------
    CodedField
        Ascending. Few values stay as they are; years become decades; others about ten ranges
        that hold equally many sentences read.
    """
    real = np.isfinite(background_values)
    held = column[np.isfinite(column)]
    values = np.concatenate([background_values[real], held])
    weights = np.concatenate([background_counts[real], np.zeros(len(held), dtype=np.int64)])
    lower = range_starts(values, weights)
    members = np.searchsorted(lower, values, side="right") - 1
    is_decade = (
        are_years(values)
        and len(lower) > 0
        and bool(np.all(lower % 10 == 0))
        and len(np.unique(values)) > MAX_PLAIN_NUMBERS
    )
    labels = []
    for code in range(len(lower)):
        inside = values[members == code]
        low, high = (lower[code], lower[code] + 9) if is_decade else (inside.min(), inside.max())
        labels.append(range_label(float(low), float(high)))
    codes = np.searchsorted(lower, np.nan_to_num(column), side="right") - 1
    return CodedField(
        name=name,
        values=labels,
        codes=np.where(np.isfinite(column), codes, -1).astype(np.int32),
        background=np.bincount(members, weights=weights, minlength=len(lower)).astype(np.int64),
        n_background=int(background_counts.sum()),
    )


def are_years(values: NDArray[np.float64]) -> bool:
    """Guess whether numbers are years.

    Parameters
    ----------
    values : float64, shape (n,)
        Finite numbers.

    Returns
    -------
    bool
        True for whole numbers between 1000 and 2100.
    """
    return bool(
        len(values) and values.min() >= 1000 and values.max() <= 2100 and np.all(values == np.round(values))
    )


def range_starts(values: NDArray[np.float64], weights: NDArray[np.int64]) -> NDArray[np.float64]:
    """Cut numbers into ranges.

    Parameters
    ----------
    values : float64, shape (n,)
        Finite numbers, in any order.
    weights : int64, shape (n,)
        Sentences that have each.

    Returns
    -------
    float64, ascending
        Least value of each range; every range holds one of `values`.
    """
    distinct, inverse = np.unique(values, return_inverse=True)
    if len(distinct) <= MAX_PLAIN_NUMBERS:
        return distinct
    if are_years(values):
        return np.unique(np.floor(distinct / 10) * 10)
    below = np.cumsum(np.bincount(inverse, weights=weights)) - np.bincount(inverse, weights=weights)
    bins = np.floor(below * N_RANGES / max(float(weights.sum()), 1.0))
    starts: NDArray[np.float64] = distinct[np.concatenate([[True], np.diff(bins) > 0])]
    return starts


def range_label(low: float, high: float) -> str:
    """Write a range for people.

    Parameters
    ----------
    low, high : float
        Least and greatest value.

    Returns
    -------
    str
        E.g. ``1990`` and ``1999`` joined by a dash; one number where they are equal.

    Examples
    --------
    >>> range_label(3.0, 3.0), range_label(-2.0, 1.5)
    ('3', '-2 to 1.5')
    """
    first, last = (f"{value:.0f}" if value == round(value) else f"{value:.4g}" for value in (low, high))
    if first == last:
        return first
    return f"{first} to {last}" if low < 0 else f"{first}{EN_DASH}{last}"


def field_evidence(
    fields: Sequence[CodedField], lists: Lists, *, options: DescribeOptions, workers: int = 1
) -> list[Evidence]:
    """Find the values of fields that lists have more of.

    Parameters
    ----------
    fields : sequence of CodedField
        The fields.
    lists : Lists
        Lists of kept sentences.
    options : DescribeOptions
        What to keep.
    workers : int
        Threads.

    Returns
    -------
    list of Evidence
        One for each field; items are value codes. A missing value is no evidence, but counts in the sizes.
    """
    if not fields:
        return []
    sizes_of_fields = [len(field.values) for field in fields]
    counts = count_in_lists(
        items_of_values([field.codes for field in fields], n_items=sizes_of_fields),
        lists.rows,
        in_background=np.ones(len(fields[0].codes), dtype=np.bool_),
        min_counts=min_counts(lists, options=options),
        workers=workers,
    )
    found, sizes = [], lists.sizes
    ends = np.cumsum(sizes_of_fields)
    for field, end in zip(fields, ends, strict=True):
        first = end - len(field.values)
        here = (counts.items >= first) & (counts.items < end)
        of_field = ListCounts(*(column[here] for column in counts))
        scored = score_counts(
            of_field._replace(items=of_field.items - np.int32(first)),
            background=field.background,
            sizes=Sizes(of_list=sizes, of_overlap=sizes, of_background=field.n_background),
            prior_size=options.prior_size,
        )
        found.append(
            select(scored, n_frequent=options.n_frequent, n_relative=options.n_relative, min_z=options.min_z)
        )
    return found


def metadata_table(evidence: Sequence[tuple[CodedField, Evidence]], *, lists: Lists) -> pa.Table:
    """Write the evidence of all fields as a table.

    Parameters
    ----------
    evidence : sequence of (CodedField, Evidence)
        Fields in the run's order.
    lists : Lists
        The lists.

    Returns
    -------
    pyarrow.Table
        ``signatures/metadata`` of ``docs/run_folder.md``; by neuron, side, field, frequency.
    """
    parts, keys = [], []
    for place, (field, each) in enumerate(evidence):
        columns = lists.identify(each.lists)
        columns["field"] = pa.array([field.name] * len(each.lists), pa.string())
        columns["value"] = pa.array(field.values, pa.string()).take(pa.array(each.items))
        parts.append(pa.table(columns | evidence_columns(each)))
        keys.append(np.stack([each.rank_frequency, np.full(len(each.lists), place), each.lists]))
    if not parts:
        return metadata_table([(_NO_FIELD, _no_evidence())], lists=lists)
    order = np.lexsort(np.concatenate(keys, axis=1))
    return pa.concat_tables(parts).take(pa.array(order))


_NO_FIELD = CodedField(
    name="", values=[], codes=np.empty(0, np.int32), background=np.empty(0, np.int64), n_background=0
)


def _no_evidence() -> Evidence:
    whole, real = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float64)
    few = np.empty(0, dtype=np.int32)
    return Evidence(few, few, whole, real, whole, real, real, real, whole, whole)
