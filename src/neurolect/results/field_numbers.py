"""Numbers of metadata fields: how one-sided lists are in a field, and how much of them has one value."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.errors import OptionError, RunFolderError, nearest
from neurolect.results.field_values import CodedField, coded_field
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
    """Standard deviation of the values' shares, shape (n,); NaN with too few labelled sentences."""
    leading: NDArray[np.int64]
    """The value with the highest share, shape (n,)."""
    n_labelled: NDArray[np.int64]
    """Sentences of the list that have any value, shape (n,)."""


def one_sidedness(
    entries: ListEntries,
    codes: NDArray[np.int32],
    *,
    background: NDArray[np.int64],
    min_labelled: int,
    balanced: bool = True,
) -> OneSidedness:
    """Measure how one-sided every list is.

    ``codes``: int32, shape (n_sentences,). Value of each kept sentence; -1 for none.
    ``background``: int64, shape (V,). Sentences of the corpus with each value.
    ``balanced``: Whether shares are balanced; else they are those of the list's labelled sentences, as in [E].

    A value's balanced share is what its share would be if the corpus had equally many sentences of each value:
    share in the list by share in the corpus, brought to sum 1 over the values. With two values that are equally
    common the standard deviation is that of the shares themselves, as in [E] section 4.3.

    Differs from [E], if balanced: they took the shares as they are. And ten sentences spread like the corpus are
    added to each list, so that lists with few labelled sentences do not come first by chance.
    """
    n, n_values = len(entries.starts) - 1, len(background)
    usual = np.maximum(background, 1) / np.maximum(background, 1).sum()
    deviation, leading = np.full(n, np.nan), np.zeros(n, dtype=np.int64)
    n_labelled = np.zeros(n, dtype=np.int64)
    for first, counts in _counts(entries, codes, n_values):
        here = slice(first, first + len(counts))
        total = counts.sum(axis=1)
        if balanced:
            ratios = (counts + PRIOR_SIZE * usual) / (total + PRIOR_SIZE)[:, None] / usual
            shares = ratios / ratios.sum(axis=1, keepdims=True)
        else:
            shares = counts / np.maximum(total, 1)[:, None]
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


def check_field(name: str, fields: Sequence[str]) -> None:
    """Refuse a name that no metadata field has."""
    if name not in fields:
        what = f"The corpus has no metadata field {name!r}."
        listed = f"one of {', '.join(map(repr, fields))}" if fields else "none: the corpus has no metadata"
        raise OptionError(what, expected=listed, hint=f"Nearest: {nearest(name, fields)}." if fields else None)


def of_field(run: Run, asked: Asked, *, balanced: bool = True) -> Numbers:
    """Count a field's values in the lists: all of them, those named, or one."""
    field, named = _named_values(run, asked)
    ids = run.table("sentences", columns=["sentence_id"]).column("sentence_id").to_numpy()
    coded = coded_field(run, field, sentences=run.table("sentences", columns=[field]))
    if len(coded.values) < 2:
        has = f"only the value {coded.values[0]!r}" if coded.values else "no value at all"
        what = f"The metadata field {field!r} has {has}: lists cannot differ in it."
        raise OptionError(what, expected="a field with two values or more")
    entries = read_list_entries(run, asked.side, sentence_ids=ids)
    values = _chosen_values(coded, named)
    if len(values) == 1:
        shares = shares_of_value(entries, coded.codes, value=values[0])
        return Numbers(shares, None, f"share of {field} = {coded.values[values[0]]}")
    places = np.full(len(coded.values) + 1, -1, dtype=np.int32)
    places[values] = np.arange(len(values), dtype=np.int32)  # a sentence without a value is at -1: the last place
    found = one_sidedness(
        entries,
        places[coded.codes],
        background=coded.background[values],
        min_labelled=MIN_LABELLED,
        balanced=balanced,
    )
    of = field if named is None else f"{field}: {', '.join(coded.values[each] for each in values)}"
    notes = _too_few(run, found, of, asked.side)
    evidence = [coded.values[values[each]] for each in found.leading]
    what = "one-sidedness" if balanced else "unbalanced one-sidedness"
    return Numbers(found.deviation, evidence, f"{what} in {of} (standard deviation)", notes)


def _named_values(run: Run, asked: Asked) -> tuple[str, str | None]:
    """Part ``NAME:VALUE,...`` into field and values; values given apart win."""
    fields = fields_of(run)
    field, _, own = (asked.argument, "", "") if asked.argument in fields else asked.argument.partition(":")
    check_field(field, fields)
    return field, asked.value if asked.value is not None else own.strip() or None


def _chosen_values(coded: CodedField, named: str | None) -> list[int]:
    """Look values up, separated by commas; one that has commas itself comes first."""
    if named is None:
        return list(range(len(coded.values)))
    wanted = [named] if named in coded.values else [each.strip() for each in named.split(",")]
    for value in wanted:
        if value not in coded.values:
            what = f"The metadata field {coded.name!r} has no value {value!r}."
            raise OptionError(what, hint=f"The nearest: {nearest(value, coded.values)}.")
    return [coded.values.index(value) for value in dict.fromkeys(wanted)]


def _too_few(run: Run, found: OneSidedness, field: str, side: str) -> tuple[str, ...]:
    """Say how many lists have too few labelled sentences; refuse where all have."""
    n_without = int(np.isnan(found.deviation).sum())
    if n_without == run.n_neurons:
        what = f"No {side} list has {MIN_LABELLED} sentences with a value of {field!r}."
        hint = f"At most {int(found.n_labelled.max(initial=0))} have one. Is the field rare? Longer lists help."
        raise RunFolderError(what, hint=hint)
    if not n_without:
        return ()
    lists = f"{n_without:,} of {run.n_neurons:,} {side} lists"
    return (f"{lists} have fewer than {MIN_LABELLED} sentences with a value of {field}.",)
