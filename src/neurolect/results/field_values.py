"""Values of a metadata field as codes: categories as they are, numbers in ranges."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from neurolect.store import Run

RANGE = re.compile(r"(-?[\d.]+(?:e[+-]?\d+)?)(?:(?: to |\u2013)(-?[\d.]+(?:e[+-]?\d+)?))?")
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
    """Give the values of a category field numbers."""
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
    """Give the values, or ranges of values, of a number field running numbers."""
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
    """Guess whether numbers are years."""
    return bool(
        len(values) and values.min() >= 1000 and values.max() <= 2100 and np.all(values == np.round(values))
    )


def range_starts(values: NDArray[np.float64], weights: NDArray[np.int64]) -> NDArray[np.float64]:
    """Cut numbers into ranges."""
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

    Examples
    --------
    >>> range_label(3.0, 3.0), range_label(-2.0, 1.5)
    ('3', '-2 to 1.5')
    """
    first, last = (f"{value:.0f}" if value == round(value) else f"{value:.4g}" for value in (low, high))
    if first == last:
        return first
    return f"{first} to {last}" if low < 0 else f"{first}{EN_DASH}{last}"


def range_bounds(label: str) -> tuple[float, float]:
    """Read the bounds of a range as :func:`range_label` writes it; no number is within those of anything else.

    Examples
    --------
    >>> range_bounds("3"), range_bounds("-2 to 1.5")
    ((3.0, 3.0), (-2.0, 1.5))
    """
    found = RANGE.fullmatch(label)
    if found is None:
        return float("inf"), float("-inf")
    return float(found[1]), float(found[2] or found[1])


def coded_field(run: Run, name: str, *, sentences: pa.Table) -> CodedField:
    """Give the values of one metadata field numbers.

    Categories come in alphabetical order, numbers or their ranges ascending; there are no values where the corpus
    has none. `sentences` are the kept ones, the field's column at least.
    """
    kind = next(field["kind"] for field in run.manifest["corpus"]["fields"] if field["name"] == name)
    table = run.table("background/metadata")
    table = table.filter(pc.equal(table.column("field"), name))
    values = table.column("value").to_pylist()
    counts = table.column("n_sentences").to_numpy().astype(np.int64)
    column = sentences.column(name if name in sentences.column_names else f"{name}_").combine_chunks()
    if kind == "number":
        numbers = np.array([np.nan if value is None else float(value) for value in values], dtype=np.float64)
        held = column.cast(pa.float64()).fill_null(float("nan")).to_numpy(zero_copy_only=False)
        return code_numbers(name, held, background_values=numbers, background_counts=counts)
    return code_categories(name, column, background_values=values, background_counts=counts)
