"""How one-sided lists are in a metadata field.

Dims: n lists, V values of the field.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.results.count_kernels import count_values
from neurolect.results.list_entries import ListEntries

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
        count_values(starts, entries.positions, codes, counts)
        yield first, counts
