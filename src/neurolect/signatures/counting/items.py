"""What sentences hold, as rows of item codes; and how many sentences of each list hold each item.

An item is a word, a tag or a value of a metadata field: all are counted by the same kernel.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

LISTS_PER_BLOCK = 128
ENTRIES_PER_LIST = 1_024
"""Room for entries to begin with."""
PEAK_10, PEAK_100 = 3, 5
"""Sentences of the strongest 10 or 100 from which an item counts as one that the list has, rare as it may be."""


class Items(NamedTuple):
    """The distinct items of every sentence."""

    offsets: NDArray[np.int64]
    """Where each sentence's items start, shape (n_sentences + 1,)."""
    codes: NDArray[np.int32]
    """Item codes, ascending and distinct within a sentence, shape (n_entries,)."""
    weights: NDArray[np.int32]
    """What each entry counts: 1, or its occurrences in the sentence, shape (n_entries,)."""
    n_items: int
    """Number of codes."""


class ListCounts(NamedTuple):
    """How often lists hold items; one entry for every list and item that occurs often enough."""

    lists: NDArray[np.int32]
    """List of each entry, ascending."""
    items: NDArray[np.int32]
    """Item code, ascending within a list."""
    n_list: NDArray[np.int64]
    """Weight of the list's sentences that hold the item."""
    n_overlap: NDArray[np.int64]
    """The part of it that lies in the background."""
    n_10: NDArray[np.int64]
    """How many of the list's strongest 10 sentences hold the item."""
    n_100: NDArray[np.int64]
    """How many of its strongest 100 do."""


def items_of_tokens(
    codes: NDArray[np.int32],
    offsets: NDArray[np.int64],
    *,
    n_items: int,
    keep: NDArray[np.bool_] | None = None,
    occurrences: bool = False,
) -> Items:
    """Collect the distinct items of every sentence.

    ``codes``: int32, shape (n_tokens,). Item code of each token.
    ``offsets``: int64, shape (n_sentences + 1,). Where each sentence's tokens start.
    ``keep``: bool, shape (n_tokens,). Tokens that count; all when not given.
    ``occurrences``: Whether an entry weighs as many as the sentence has of it, or 1.
    """
    n_sentences = len(offsets) - 1
    sentences = np.repeat(np.arange(n_sentences, dtype=np.int64), np.diff(offsets))
    keys = sentences * max(n_items, 1) + codes
    keys, weights = np.unique(keys if keep is None else keys[keep], return_counts=True)
    starts = np.searchsorted(keys, np.arange(n_sentences + 1, dtype=np.int64) * max(n_items, 1))
    return Items(
        offsets=starts.astype(np.int64),
        codes=(keys % max(n_items, 1)).astype(np.int32),
        weights=weights.astype(np.int32) if occurrences else np.ones(len(keys), dtype=np.int32),
        n_items=n_items,
    )


def items_of_values(codes: Sequence[NDArray[np.int32]], *, n_items: Sequence[int]) -> Items:
    """Give every sentence the items that are its values of some fields.

    ``codes``: sequence of int32 arrays, shape (n_sentences,). Value of each sentence in each field; -1 for none.
    Returns: Codes of a field come after those of the fields before it; at most one entry a sentence and field.
    """
    firsts = np.concatenate([[0], np.cumsum(n_items)])
    values = np.stack(codes, axis=1)
    has = values >= 0
    held = (values + firsts[:-1]).astype(np.int32)[has]
    offsets = np.concatenate([[0], np.cumsum(np.count_nonzero(has, axis=1))]).astype(np.int64)
    weights = np.ones(len(held), dtype=np.int32)
    return Items(offsets=offsets, codes=held, weights=weights, n_items=int(firsts[-1]))


def count_in_rows(items: Items, rows: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Count every item in a set of sentences.

    ``rows``: bool, shape (n_sentences,). The sentences to count in.
    Returns: int64, shape (n_items,). Weight of each item.
    """
    entries = np.repeat(rows, np.diff(items.offsets))
    counts = np.bincount(items.codes[entries], weights=items.weights[entries], minlength=items.n_items)
    return counts.astype(np.int64)


def count_in_lists(
    items: Items,
    lists: NDArray[np.int32],
    *,
    in_background: NDArray[np.bool_],
    min_counts: NDArray[np.int64],
    workers: int = 1,
    advance: Callable[[int], None] | None = None,
) -> ListCounts:
    """Count every item in every list, and in its strongest 10 and 100 sentences.

    ``lists``: int32, shape (n_lists, N). Sentences of each list; -1 where it has fewer.
    ``in_background``: bool, shape (n_sentences,). Whether a sentence is part of the background that the lists are
        compared with.
    ``min_counts``: int64, shape (n_lists,), >= 1. Items counted less often in a list are left out, unless
        its peak has them: 3 of the strongest 10, or 5 of the strongest 100.
    ``workers``: Threads; the result is the same for any number.
    ``advance``: Called now and then with the number of lists done.
    """

    def block(start: int) -> ListCounts:
        end = min(start + LISTS_PER_BLOCK, len(lists))
        counts = _count_block(
            items, lists[start:end], in_background=in_background, min_counts=min_counts[start:end]
        )
        return counts._replace(lists=counts.lists + np.int32(start))

    blocks: list[ListCounts] = []
    starts = range(0, len(lists), LISTS_PER_BLOCK)
    with ThreadPoolExecutor(max(1, workers)) as pool:
        for start, each in zip(starts, pool.map(block, starts), strict=True):
            blocks.append(each)
            if advance is not None:
                advance(min(LISTS_PER_BLOCK, len(lists) - start))
    if not blocks:
        empty = np.empty(0, dtype=np.int64)
        return ListCounts(empty.astype(np.int32), empty.astype(np.int32), empty, empty, empty, empty)
    return ListCounts(*(np.concatenate(columns) for columns in zip(*blocks, strict=True)))


def _count_block(
    items: Items, lists: NDArray[np.int32], *, in_background: NDArray[np.bool_], min_counts: NDArray[np.int64]
) -> ListCounts:
    scratch = np.zeros((4, items.n_items), np.int32)
    out = np.empty((6, len(lists) * min(items.n_items, ENTRIES_PER_LIST)), dtype=np.int64)
    n = _count_kernel(*items[:3], lists, in_background, min_counts, scratch, out)
    if n > out.shape[1]:  # once more, now that the number is known
        out = np.empty((6, n), dtype=np.int64)
        _count_kernel(*items[:3], lists, in_background, min_counts, scratch, out)
    found = out[:, :n]
    lists_and_items = (column.astype(np.int32) for column in found[:2])
    return ListCounts(*lists_and_items, *(column.copy() for column in found[2:]))


@njit(nogil=True, cache=True)
def _count_kernel(
    offsets: NDArray[np.int64],
    codes: NDArray[np.int32],
    weights: NDArray[np.int32],
    lists: NDArray[np.int32],
    in_background: NDArray[np.bool_],
    min_counts: NDArray[np.int64],
    counts: NDArray[np.int32],
    out: NDArray[np.int64],
) -> int:
    """Fill `out`, as far as it goes, with the columns of :class:`ListCounts`; give the number of entries.

    `counts` are zeros before and after: of sentences outside the background, inside, of the strongest 10 and 100.
    """
    n_out = 0
    for each in range(lists.shape[0]):
        place = 0  # among the sentences that are there
        for row in lists[each]:
            if row >= 0:
                into = counts[np.int64(in_background[row])]
                for entry in range(np.uint64(offsets[row]), np.uint64(offsets[row + 1])):
                    into[np.uint64(codes[entry])] += weights[entry]
                    if place < 100:
                        counts[3, np.uint64(codes[entry])] += 1
                        if place < 10:
                            counts[2, np.uint64(codes[entry])] += 1
                place += 1
        for code in range(counts.shape[1]):
            total = counts[0, code] + counts[1, code]
            if total >= min_counts[each] or counts[2, code] >= PEAK_10 or counts[3, code] >= PEAK_100:
                if n_out < out.shape[1]:
                    out[0, n_out], out[1, n_out] = each, code
                    out[2, n_out], out[3, n_out] = total, counts[1, code]
                    out[4, n_out], out[5, n_out] = counts[2, code], counts[3, code]
                n_out += 1
        counts[:] = 0
    return n_out
