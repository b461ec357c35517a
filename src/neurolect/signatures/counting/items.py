"""What sentences hold, as rows of item codes; and how many sentences of each list hold each item.

An item is a word, a tag or a value of a metadata field: all are counted by the same kernel.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurolect.signatures.inverted import LAST_RANK, RANK_BITS, InvertedLists, postings

if TYPE_CHECKING:
    from neurolect.signatures.inputs import Lists

Found = TypeVar("Found")
LISTS_AT_ONCE = 128
ENTRIES_PER_LIST = 512
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


def items_of_entries(rows: NDArray[np.int64], codes: NDArray[np.int32], *, n_rows: int, n_items: int) -> Items:
    """Collect the items of every row from entries in any order, each item of a row once.

    ``rows, codes``: shape (n_entries,). Row and item code of each; -1 for an entry that does not count.
    """
    offsets, found = _collect_rows(rows, codes, n_rows)
    return Items(offsets, found, np.ones(len(found), np.int32), n_items)


@njit(nogil=True, cache=True)
def _collect_rows(
    rows: NDArray[np.int64], codes: NDArray[np.int32], n_rows: int
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Give where each row's codes start, and the codes, ascending within a row; a row has few."""
    offsets = np.zeros(n_rows + 1, np.int64)
    for entry in range(len(rows)):
        offsets[rows[entry] + 1] += codes[entry] >= 0
    offsets = np.cumsum(offsets)
    ends, found = offsets[:-1].copy(), np.empty(offsets[-1], np.int32)
    for entry in range(len(rows)):
        code, row = codes[entry], rows[entry]
        if code < 0:
            continue
        place = ends[row]
        ends[row] += 1
        while place > offsets[row] and found[place - 1] > code:
            found[place] = found[place - 1]
            place -= 1
        found[place] = code
    return offsets, found


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
    lists: "Lists",
    *,
    in_background: NDArray[np.bool_],
    min_counts: NDArray[np.int64],
    workers: int = 1,
    advance: Callable[[int], None] | None = None,
) -> ListCounts:
    """Count every item in every list, and in its strongest 10 and 100 sentences.

    ``in_background``: bool, shape (n_sentences,). Whether a sentence is part of the background that the lists are
        compared with.
    ``min_counts``: int64, shape (n_lists,), >= 1. Items counted less often in a list are left out, unless
        its peak has them: 3 of the strongest 10, or 5 of the strongest 100.
    ``workers``: Threads; the result is the same for any number.
    ``advance``: Called now and then with the number of lists done.
    """
    blocks = count_in_blocks(
        items,
        lists,
        in_background=in_background,
        min_counts=min_counts,
        of_block=lambda counts: counts,
        workers=workers,
        advance=advance,
    )
    whole, few = np.empty(0, np.int64), np.empty(0, np.int32)
    none = ListCounts(few, few, whole, whole, whole, whole)
    return ListCounts(*(np.concatenate(columns) for columns in zip(none, *blocks, strict=True)))


def count_in_blocks(
    items: Items,
    lists: "Lists",
    *,
    in_background: NDArray[np.bool_],
    min_counts: NDArray[np.int64],
    of_block: Callable[[ListCounts], Found],
    workers: int = 1,
    advance: Callable[[int], None] | None = None,
) -> list[Found]:
    """Count as :func:`count_in_lists`, and give what `of_block` makes of the counts of so many lists at once.

    What it makes is small, where the counts of all lists are not.
    """
    of_items = postings(*items)

    def block(part: InvertedLists) -> list[Found]:
        counts = _count_block(of_items, part, in_background=in_background, min_counts=min_counts)
        bounds = np.arange(part.first, part.first + part.n_lists + LISTS_AT_ONCE, LISTS_AT_ONCE)
        ends = np.searchsorted(counts.lists, bounds)
        return [of_block(ListCounts._make(column[start:end] for column in counts)) for start, end in pairwise(ends)]

    found: list[Found] = []
    with ThreadPoolExecutor(max(1, workers)) as pool:
        for part, each in zip(lists.inverted, pool.map(block, lists.inverted), strict=True):
            found += each
            if advance is not None:
                advance(part.n_lists)
    return found


def _count_block(
    of_items: tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]],
    part: InvertedLists,
    *,
    in_background: NDArray[np.bool_],
    min_counts: NDArray[np.int64],
) -> ListCounts:
    least = min_counts[part.first : part.first + part.n_lists]
    counts, held = np.zeros((part.n_lists, 2), np.int64), np.empty(part.n_lists + 1, np.int32)
    item, parts = 0, []
    while item < len(of_items[0]) - 1:  # as often as there is no room left
        out = np.empty((6, max(ENTRIES_PER_LIST, 1) * part.n_lists), np.int32)
        item, n = _count_kernel(*of_items, part.starts, part.entries, in_background, least, item, counts, held, out)
        parts.append(out[:, :n])
    found = np.concatenate([np.empty((6, 0), np.int32), *parts], axis=1)
    order = np.argsort(found[0].astype(np.uint16), kind="stable")  # items stay ascending within a list
    of_lists, codes, *numbers = found[:, order]
    return ListCounts(of_lists + np.int32(part.first), codes, *(column.astype(np.int64) for column in numbers))


@njit(nogil=True, cache=True)
def _count_kernel(
    posting_starts: NDArray[np.int64],
    posting_rows: NDArray[np.int32],
    weights: NDArray[np.int32],
    starts: NDArray[np.int64],
    entries: NDArray[np.int32],
    in_background: NDArray[np.bool_],
    min_counts: NDArray[np.int64],
    first: int,
    counts: NDArray[np.int64],
    held: NDArray[np.int32],
    out: NDArray[np.int32],
) -> tuple[int, int]:
    """Fill `out` with the columns of :class:`ListCounts`, item by item from the first on, until there is no room.

    Returns: the item to resume at; the number of entries.

    `counts` are zeros before and after. Two numbers lie in one, each 32 bits: a list's sentences outside the
    background and, above, inside; of its strongest 10 and, above, 100. `held` is for the lists at hand.
    """
    n_out = 0
    peaks = np.zeros(LAST_RANK + 1, np.int64)
    peaks[:100] = 1 << 32
    peaks[:10] += 1
    fewest = min(min_counts.min(), PEAK_10)
    for item in range(first, len(posting_starts) - 1):
        if n_out + len(counts) > out.shape[1]:
            return item, n_out
        total = 0
        for at in range(posting_starts[item], posting_starts[item + 1]):
            total += weights[at]
        if total < fewest:
            continue
        n_held = 0
        for at in range(posting_starts[item], posting_starts[item + 1]):
            row = posting_rows[at]
            if row >= len(starts) - 1:
                break
            weight = np.int64(weights[at]) << (32 * np.int64(in_background[row]))
            for entry in range(np.uint64(starts[row]), np.uint64(starts[row + 1])):
                own = counts[np.uint64(entries[entry] >> RANK_BITS)]
                held[n_held] = entries[entry] >> RANK_BITS
                n_held += own[0] == 0  # without a branch, which would be guessed wrong
                own[0] += weight
                own[1] += peaks[np.uint64(entries[entry] & LAST_RANK)]
        for at in range(n_held):
            each = np.uint64(held[at])
            own = counts[each]
            inside = own[0] >> 32
            both, of_10, of_100 = inside + (own[0] & 0xFFFFFFFF), own[1] & 0xFFFFFFFF, own[1] >> 32
            if both >= min_counts[each] or of_10 >= PEAK_10 or of_100 >= PEAK_100:
                out[0, n_out], out[1, n_out] = each, item
                out[2, n_out], out[3, n_out] = both, inside
                out[4, n_out], out[5, n_out] = of_10, of_100
                n_out += 1
            own[0] = own[1] = 0
    return len(posting_starts) - 1, n_out
