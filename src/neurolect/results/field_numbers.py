"""Numbers of metadata fields: how one-sided lists are in a field, and how much of them has one value."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.errors import OptionError, RunFolderError, nearest
from neurolect.results.field_values import coded_field
from neurolect.results.list_entries import ListEntries, read_list_entries
from neurolect.results.number import Asked, Numbers
from neurolect.store import Run

# How one-sided lists are in a metadata field.
#
# Dims: n lists, V values of the field.
BLOCK_CELLS = 1 << 23
PRIOR_SIZE = 10.0
"""Sentences, spread like the corpus, that every list is thought to have besides its own."""


class OneSidedness(NamedTuple):
    """How unevenly the values of a field come in lists."""

    deviation: NDArray[np.float64]
    """Standard deviation of the values' balanced shares, shape (n,); NaN with too few labelled sentences."""
    leading: NDArray[np.int64]
    """The value with the highest balanced share, shape (n,)."""
    n_labelled: NDArray[np.int64]
    """Sentences of the list that have any value, shape (n,)."""


def one_sidedness(
    entries: ListEntries, codes: NDArray[np.int32], *, background: NDArray[np.int64], min_labelled: int
) -> OneSidedness:
    """Measure how one-sided every list is.

    ``codes``: int32, shape (n_sentences,). Value of each kept sentence; -1 for none.
    ``background``: int64, shape (V,). Sentences of the corpus with each value.

    A value's balanced share is what its share would be if the corpus had equally many sentences of each value:
    share in the list by share in the corpus, brought to sum 1 over the values. With two values that are equally
    common the standard deviation is that of the shares themselves, as in [E] section 4.3.

    Differs from [E]: their polarities were balanced beforehand. And ten sentences spread like the corpus are added
    to each list, so that lists with few labelled sentences do not come first by chance.
    """
    n, n_values = len(entries.starts) - 1, len(background)
    usual = np.maximum(background, 1) / np.maximum(background, 1).sum()
    deviation, leading = np.full(n, np.nan), np.zeros(n, dtype=np.int64)
    n_labelled = np.zeros(n, dtype=np.int64)
    for first, counts in _counts(entries, codes, n_values):
        here = slice(first, first + len(counts))
        total = counts.sum(axis=1)
        ratios = (counts + PRIOR_SIZE * usual) / (total + PRIOR_SIZE)[:, None] / usual
        shares = ratios / ratios.sum(axis=1, keepdims=True)
        leading[here] = shares.argmax(axis=1)
        deviation[here] = np.where(total >= min_labelled, shares.std(axis=1), np.nan)
        n_labelled[here] = total
    return OneSidedness(deviation, leading, n_labelled)


def shares_of_value(entries: ListEntries, codes: NDArray[np.int32], *, value: int) -> NDArray[np.float64]:
    """Give the share of every list's sentences that have a value.

    ``codes``: int32, shape (n_sentences,). Value of each kept sentence; -1 for none.
    Returns: float64, shape (n,). Of all sentences of the list, labelled or not; NaN for an empty list.
    """
    only = np.where(codes == value, 0, -1).astype(np.int32)
    counts = np.concatenate([np.empty(0, np.int64), *(counts[:, 0] for _, counts in _counts(entries, only, 1))])
    sizes = entries.sizes
    return np.where(sizes > 0, counts / np.maximum(sizes, 1), np.nan)


def _counts(
    entries: ListEntries, codes: NDArray[np.int32], n_values: int
) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Yield the counts of some lists at a time, with the first one's number: all at once they may not fit."""
    step = max(1, BLOCK_CELLS // max(n_values, 1))
    for first in range(0, len(entries.starts) - 1, step):
        starts = entries.starts[first : first + step + 1]
        counts = np.zeros((len(starts) - 1, n_values), dtype=np.int64)
        from neurolect.results.kernels import count_values  # loads numba

        count_values(starts, entries.positions, codes, counts)
        yield first, counts


MIN_LABELLED = 20
"""Lists with fewer sentences that have a value get no number."""


def fields_of(run: Run) -> list[str]:
    """Name the metadata fields of a run's corpus."""
    return [each["name"] for each in run.manifest["corpus"]["fields"]]


def of_field(run: Run, asked: Asked) -> Numbers:
    """Count a field's values in the lists."""
    field, side, value = asked.argument, asked.side, asked.value
    fields = fields_of(run)
    if field not in fields:
        what = f"The corpus has no metadata field {field!r}."
        listed = ", ".join(repr(each) for each in fields)
        raise OptionError(what, expected=f"one of {listed}" if fields else "none: the corpus has no metadata")
    ids = run.table("sentences", columns=["sentence_id"]).column("sentence_id").to_numpy()
    coded = coded_field(run, field, sentences=run.table("sentences", columns=[field]))
    if len(coded.values) < 2:
        has = f"only the value {coded.values[0]!r}" if coded.values else "no value at all"
        what = f"The metadata field {field!r} has {has}: lists cannot differ in it."
        raise OptionError(what, expected="a field with two values or more")
    entries = read_list_entries(run, side, sentence_ids=ids)
    if value is not None:
        if value not in coded.values:
            what = f"The metadata field {field!r} has no value {value!r}."
            raise OptionError(what, hint=f"The nearest: {nearest(value, coded.values)}.")
        shares = shares_of_value(entries, coded.codes, value=coded.values.index(value))
        return Numbers(shares, None, f"share of {field} = {value}")
    found = one_sidedness(entries, coded.codes, background=coded.background, min_labelled=MIN_LABELLED)
    n_without = int(np.isnan(found.deviation).sum())
    if n_without == run.n_neurons:
        what = f"No {side} list has {MIN_LABELLED} sentences with a value of {field!r}."
        hint = f"At most {int(found.n_labelled.max(initial=0))} have one. Is the field rare? Longer lists help."
        raise RunFolderError(what, hint=hint)
    note = (
        f"{n_without:,} of {run.n_neurons:,} {side} lists have fewer than {MIN_LABELLED} sentences with a value of "
        f"{field}."
    )
    evidence = [coded.values[each] for each in found.leading]
    label = f"one-sidedness in {field} (standard deviation)"
    return Numbers(found.deviation, evidence, label, (note,) if n_without else ())
