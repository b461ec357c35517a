"""What sentences hold, as rows of item codes; and how many sentences of each list hold each item.

An item is a word, a tag or a value of a metadata field: all are counted by the same kernel.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["Items", "ListCounts", "count_in_lists", "count_in_rows", "items_of_tokens", "items_of_values"]

LISTS_PER_BLOCK = 128


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


def items_of_tokens(
    codes: NDArray[np.int32],
    offsets: NDArray[np.int64],
    *,
    n_items: int,
    keep: NDArray[np.bool_] | None = None,
    occurrences: bool = False,
) -> Items:
    """Collect the distinct items of every sentence.

    Parameters
    ----------
    codes : int32, shape (n_tokens,)
        Item code of each token.
    offsets : int64, shape (n_sentences + 1,)
        Where each sentence's tokens start.
    n_items : int
        Number of codes.
    keep : bool, shape (n_tokens,), optional
        Tokens that count; all when not given.
    occurrences : bool
        Whether an entry weighs as many as the sentence has of it, or 1.

    Returns
    -------
    Items
        One entry for every sentence and item.
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


def items_of_values(codes: NDArray[np.int32], *, n_items: int) -> Items:
    """Give every sentence the one item it has, or none.

    Parameters
    ----------
    codes : int32, shape (n_sentences,)
        Value of each sentence; -1 for none.
    n_items : int
        Number of values.

    Returns
    -------
    Items
        At most one entry a sentence.
    """
    has = codes >= 0
    offsets = np.concatenate([[0], np.cumsum(has)]).astype(np.int64)
    held = np.ascontiguousarray(codes[has], dtype=np.int32)
    return Items(offsets=offsets, codes=held, weights=np.ones(len(held), dtype=np.int32), n_items=n_items)


def count_in_rows(items: Items, rows: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Count every item in a set of sentences.

    Parameters
    ----------
    items : Items
        Items of all sentences.
    rows : bool, shape (n_sentences,)
        The sentences to count in.

    Returns
    -------
    int64, shape (n_items,)
        Weight of each item.
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
    """Count every item in every list.

    Parameters
    ----------
    items : Items
        Items of all sentences.
    lists : int32, shape (n_lists, N)
        Sentences of each list; -1 where it has fewer.
    in_background : bool, shape (n_sentences,)
        Whether a sentence is part of the background that the lists are compared with.
    min_counts : int64, shape (n_lists,), >= 1
        Items counted less often in a list are left out.
    workers : int
        Threads; the result is the same for any number.
    advance : callable, optional
        Told how many lists were done, now and then.

    Returns
    -------
    ListCounts
        Sorted by list, then item.
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
        return ListCounts(empty.astype(np.int32), empty.astype(np.int32), empty, empty)
    return ListCounts(*(np.concatenate(columns) for columns in zip(*blocks, strict=True)))


def _count_block(
    items: Items, lists: NDArray[np.int32], *, in_background: NDArray[np.bool_], min_counts: NDArray[np.int64]
) -> ListCounts:
    total = np.concatenate([[0], np.cumsum(items.weights, dtype=np.int64)])
    sentence_weights = np.diff(total[items.offsets])
    weights = np.where(lists >= 0, sentence_weights[np.maximum(lists, 0)], 0).sum(axis=1)
    room = int((weights // min_counts).sum())
    out = np.empty((4, room), dtype=np.int64)
    n = _count_kernel(
        items.offsets,
        items.codes,
        items.weights,
        lists,
        in_background,
        min_counts,
        np.zeros((2, items.n_items), np.int64),
        np.empty(items.n_items, np.int64),
        out,
    )
    order = np.argsort(out[0, :n] * max(items.n_items, 1) + out[1, :n])
    ordered = out[:, order]
    return ListCounts(ordered[0].astype(np.int32), ordered[1].astype(np.int32), ordered[2], ordered[3])


@njit(nogil=True, cache=True)
def _count_kernel(
    offsets: NDArray[np.int64],
    codes: NDArray[np.int32],
    weights: NDArray[np.int32],
    lists: NDArray[np.int32],
    in_background: NDArray[np.bool_],
    min_counts: NDArray[np.int64],
    counts: NDArray[np.int64],
    touched: NDArray[np.int64],
    out: NDArray[np.int64],
) -> int:
    """Fill `out` with list, item, count, count within the background; give the number of entries."""
    n_out = 0
    for each in range(lists.shape[0]):
        n_touched = 0
        for place in range(lists.shape[1]):
            row = lists[each, place]
            if row < 0:
                continue
            shared = 1 if in_background[row] else 0
            for entry in range(offsets[row], offsets[row + 1]):
                code = codes[entry]
                if counts[0, code] == 0:
                    touched[n_touched] = code
                    n_touched += 1
                counts[0, code] += weights[entry]
                counts[1, code] += weights[entry] * shared
        for index in range(n_touched):
            code = touched[index]
            if counts[0, code] >= min_counts[each]:
                out[0, n_out] = each
                out[1, n_out] = code
                out[2, n_out] = counts[0, code]
                out[3, n_out] = counts[1, code]
                n_out += 1
            counts[0, code] = 0
            counts[1, code] = 0
    return n_out
