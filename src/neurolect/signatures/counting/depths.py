"""How far down a list evidence holds, and in how many documents: its strongest 10, its strongest 100, all of it.

A list may be a large part of a small corpus, and every entry of it weighs the same; what activates the neuron most
is its peak. Dims: R rows of evidence, L lists.
"""

import math
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurolect.signatures.inverted import LAST_RANK, RANK_BITS, InvertedLists, postings
from neurolect.statistics.significance import false_discoveries, log_factorials

if TYPE_CHECKING:
    from neurolect.signatures.counting.items import Items
    from neurolect.signatures.inputs import Lists

DEPTHS = (10, 100)
"""Strongest sentences that evidence is counted in, besides all."""
WIDTH = 2
"""Words of 64 bits that say which of the strongest sentences hold it."""
ROWS_AT_ONCE = 1 << 16
SENTENCES, OVERLAP, DOCUMENTS, SQUARES, LATEST, HERE = range(6)
"""Columns of what is summed of a row: the last two are its latest document and its sentences of that so far."""


class Held(NamedTuple):
    """Where the rows of evidence are held. R rows."""

    places: NDArray[np.uint64]
    """Bit p of word ``p // 64``: whether the sentence of rank p holds it, of the strongest 100, shape (R, 2)."""
    n_sentences: NDArray[np.int64]
    """Sentences of the list that hold it, shape (R,)."""
    n_overlap: NDArray[np.int64]
    """How many of these belong to the background, shape (R,)."""
    n_documents: NDArray[np.int32]
    """Documents that they are of, shape (R,)."""
    clustering: NDArray[np.float64]
    """Design effect in the strongest 10, the strongest 100, and all: mean number of the row's sentences in a
    document, seen from a sentence (sum of squares by sum), at least 1, shape (R, 3)."""


def held_in_lists(
    items: "Items",
    lists: "Lists",
    *,
    row_lists: NDArray[np.int32],
    row_items: NDArray[np.int32],
    inside: NDArray[np.bool_],
    workers: int = 1,
) -> Held:
    """Say which of the strongest sentences hold each piece of evidence, and how its sentences share documents.

    ``row_lists, row_items``: int32, shape (R,), lists ascending. List and item code of each row.
    ``inside``: bool, shape (n_sentences,). Kept sentences that belong to the background.
    """
    n_rows = len(row_lists)
    found = Held(
        np.zeros((n_rows, WIDTH), np.uint64),
        np.zeros(n_rows, np.int64),
        np.zeros(n_rows, np.int64),
        np.zeros(n_rows, np.int32),
        np.ones((n_rows, 3)),
    )
    documents = lists.documents_of(len(items.offsets) - 1)
    of_items = postings(*items)

    def block(part: InvertedLists) -> None:
        bounds = np.searchsorted(row_lists, np.arange(part.first, part.first + part.n_lists + 1))
        rows = slice(bounds[0], bounds[-1])
        order = np.argsort(row_items[rows], kind="stable")
        own = Held._make(column[rows] for column in found)
        at = (row_lists[rows] - np.int32(part.first), row_items[rows], order)
        slots = np.full(part.n_lists, -1, np.int32)
        _held_kernel(*of_items[:2], part.starts, part.entries, documents, inside, *at, slots, *own)
        of_lists = lists.rows[part.first : part.first + part.n_lists]
        _cluster_strongest(of_lists, documents, bounds - bounds[0], own.places, own.clustering)

    with ThreadPoolExecutor(max(1, workers)) as pool:
        list(pool.map(block, lists.inverted))
    return found


@njit(nogil=True, cache=True)
def _held_kernel(
    posting_starts: NDArray[np.int64],
    posting_rows: NDArray[np.int32],
    starts: NDArray[np.int64],
    entries: NDArray[np.int32],
    documents: NDArray[np.int64],
    inside: NDArray[np.bool_],
    row_lists: NDArray[np.int32],
    row_items: NDArray[np.int32],
    order: NDArray[np.int64],
    slots: NDArray[np.int32],
    places: NDArray[np.uint64],
    n_sentences: NDArray[np.int64],
    n_overlap: NDArray[np.int64],
    n_documents: NDArray[np.int32],
    clustering: NDArray[np.float64],
) -> None:
    """Fill the last five, item by item; `slots` are -1 before and after: place of each list among the item's.

    ``order``: int64, shape (R,). Rows by item.

    Sentences of one document are neighbours among an item's, so that the squares of the documents' counts add up as
    sentences are read. The sums of a row lie side by side: one line of the cache each.
    """
    end, sums = 0, np.empty((len(slots), 6), np.int64)
    while end < len(order):
        start, item = end, row_items[order[end]]
        while end < len(order) and row_items[order[end]] == item:
            slots[row_lists[order[end]]] = end - start
            end += 1
        sums[: end - start] = 0
        for at in range(posting_starts[item], posting_starts[item + 1]):
            row = np.uint64(posting_rows[at])
            if row >= len(starts) - 1:
                break
            document, is_inside = documents[row] + 1, np.int64(inside[row])  # 0 stands for none yet
            for entry in range(np.uint64(starts[row]), np.uint64(starts[row + np.uint64(1)])):
                slot = slots[np.uint64(entries[entry] >> RANK_BITS)]
                if slot < 0:
                    continue
                own = sums[np.uint64(slot)]
                own[SENTENCES] += 1
                own[OVERLAP] += is_inside
                if own[LATEST] != document:
                    own[LATEST], own[HERE] = document, 0
                    own[DOCUMENTS] += 1
                own[SQUARES] += 2 * own[HERE] + 1  # the square of n is 1 + 3 + 5 + ...
                own[HERE] += 1
                rank = entries[entry] & LAST_RANK
                if rank < 100:
                    places[order[start + slot], rank // 64] |= np.uint64(1) << np.uint64(rank % 64)
        for place in range(start, end):
            row, total = order[place], sums[place - start, SENTENCES]
            slots[row_lists[row]] = -1
            n_sentences[row], n_overlap[row] = total, sums[place - start, OVERLAP]
            n_documents[row] = sums[place - start, DOCUMENTS]
            clustering[row, 2] = sums[place - start, SQUARES] / total if total else 1.0


@njit(nogil=True, cache=True)
def _cluster_strongest(
    lists: NDArray[np.int32],
    documents: NDArray[np.int64],
    bounds: NDArray[np.int64],
    places: NDArray[np.uint64],
    clustering: NDArray[np.float64],
) -> None:
    """Give the design effects in the strongest 10 and 100 of lists, whose rows lie between bounds."""
    for each in range(len(lists)):
        rows = slice(bounds[each], bounds[each + 1])
        _cluster_list(lists[each][lists[each] >= 0], documents, places[rows], clustering[rows])


@njit(nogil=True, cache=True)
def _cluster_list(
    kept: NDArray[np.int32],
    documents: NDArray[np.int64],
    places: NDArray[np.uint64],
    clustering: NDArray[np.float64],
) -> None:
    n = min(len(kept), 100)
    twin = np.zeros(n, np.int64)  # the first place of the same document
    for place in range(n):
        twin[place] = place
        for before in range(place):
            if documents[kept[before]] == documents[kept[place]]:
                twin[place] = before
                break
    if (twin == np.arange(n)).all():
        return  # no document twice: every effect is 1
    counts = np.zeros(n, np.int64)
    for row in range(len(places)):
        counts[:] = 0
        for place in range(n):
            if places[row, place // 64] >> np.uint64(place % 64) & np.uint64(1):
                counts[twin[place]] += 1
            if place == 9 or place == n - 1:
                total = squares = 0
                for other in range(place + 1):
                    total += counts[other]
                    squares += counts[other] * counts[other]
                if total:
                    if place <= 9:
                        clustering[row, 0] = squares / total
                    clustering[row, 1] = squares / total


def count_strongest(places: NDArray[np.uint64], depth: int) -> NDArray[np.int64]:
    """Count the bits of the first places.

    Examples
    --------
    >>> count_strongest(np.array([[0b1000000011, 1]], np.uint64), 10).tolist()
    [3]
    """
    return np.asarray(np.bitwise_count(places & strongest_mask(depth)).sum(axis=1), dtype=np.int64)


def strongest_mask(depth: int) -> NDArray[np.uint64]:
    """Give the bits of the first places."""
    return np.array([(1 << depth) - 1 & (1 << 64) - 1, (1 << depth) - 1 >> 64], np.uint64)


def surprise(
    held: NDArray[np.float64],
    size: NDArray[np.float64],
    rest: NDArray[np.float64],
    size_rest: NDArray[np.float64],
    *,
    clustering: NDArray[np.float64],
) -> NDArray[np.float32]:
    """Test exactly whether a list has more than the rest of the background, with documents taken into account.

    ``held, size``: float64, shape (R,). Sentences of the list that hold it; sentences of the list.
    ``rest, size_rest``: float64, shape (R,). The same of the background without them.
    ``clustering``: float64, shape (R,), >= 1. Design effect: `held` and `size` are divided by it, and rounded
        down and up: sentences of one document count as one witness.
    Returns: float32, shape (R,). ``-ln p`` of Fisher's exact test, one-sided; 0 where the list has no more.
    """
    few = np.floor(held / clustering + 1e-9).astype(np.int64)
    of = np.maximum(np.ceil(size / clustering - 1e-9).astype(np.int64), few)
    whole, of_whole = rest.astype(np.int64), np.maximum(size_rest, rest).astype(np.int64)
    most = int((of + of_whole).max(initial=0)) + 1
    found: NDArray[np.float32] = _fisher_rows(few, of, whole, of_whole, log_factorials(1 << most.bit_length()))
    return found


@njit(cache=True, nogil=True)
def _fisher_rows(
    held: NDArray[np.int64],
    sizes: NDArray[np.int64],
    rest: NDArray[np.int64],
    sizes_rest: NDArray[np.int64],
    logs: NDArray[np.float64],
) -> NDArray[np.float32]:
    """Sum the upper tail of the hypergeometric distribution; `logs` are logarithms of factorials."""
    found = np.zeros(len(held), np.float32)
    for k in range(len(held)):
        x, size, size_rest = held[k], sizes[k], sizes_rest[k]
        n, total = x + rest[k], size + size_rest
        if x * size_rest <= rest[k] * size:
            continue
        first = logs[n] - logs[x] - logs[n - x] + logs[total - n] - logs[size - x]
        first -= logs[total - n - size + x] + logs[total] - logs[size] - logs[size_rest]
        term = tail = 1.0  # by the first term
        while x < min(n, size) and term > 1e-9 * tail:
            term *= float((n - x) * (size - x)) / float((x + 1) * (size_rest - n + x + 1))
            tail += term
            x += 1
        found[k] = max(0.0, -first - math.log(tail))
    return found


class AtDepths(NamedTuple):
    """What is known of rows of evidence at all depths. R rows."""

    share_10: NDArray[np.float64]
    """Share of the strongest 10 that hold it, shape (R,)."""
    share_100: NDArray[np.float64]
    n_documents: NDArray[np.int32]
    clustering: NDArray[np.float64]
    """Design effect of the whole list."""
    q_10: NDArray[np.float64]
    """Smallest false-discovery rate at which it passes among the strongest 10."""
    q_100: NDArray[np.float64]
    q: NDArray[np.float64]
    """The same in the whole list."""
    usual: NDArray[np.float64]
    """Share of the background's sentences that hold it."""
    places: NDArray[np.uint64]
    """As of :class:`Held`."""


def depth_tests(
    held: Held,
    lists: "Lists",
    *,
    row_lists: NDArray[np.int32],
    n_background: NDArray[np.int64],
    size_background: int | NDArray[np.int64],
    inside: NDArray[np.bool_],
    n_items: int,
    workers: int = 1,
) -> AtDepths:
    """Test rows of evidence at every depth.

    ``n_background``: int64, shape (R,). Sentences of the background that hold each; of ``size_background``.
    ``inside``: bool, shape (n_sentences,). Kept sentences that belong to the background.
    ``n_items``: Items that lists may have: as many tests a list are made at every depth.
    """
    n_tests = n_items * len(lists.rows)
    n = len(row_lists)
    given = _Given(
        held=held,
        row_lists=row_lists,
        n_background=n_background,
        size_background=np.broadcast_to(size_background, n),
        sizes=lists.sizes,
        sizes_inside=lists.count_in(inside),
        bits_inside=_inside_bits(lists, inside),
    )
    shares, logs = np.empty((3, n)), np.empty((3, n), np.float32)

    def test(start: int) -> None:
        rows = slice(start, start + ROWS_AT_ONCE)
        for place in range(3):
            shares[place, rows], logs[place, rows] = _tested(given, rows, place)

    with ThreadPoolExecutor(max(1, workers)) as pool:
        list(pool.map(test, range(0, n, ROWS_AT_ONCE)))
    at_10, at_100, whole = (
        false_discoveries(each, every=each[each > 0], n_tests=max(n_tests, 1), rate=0.05).q for each in logs
    )
    return AtDepths(
        share_10=shares[0],
        share_100=shares[1],
        n_documents=held.n_documents,
        clustering=held.clustering[:, 2],
        q_10=at_10,
        q_100=at_100,
        q=whole,
        usual=n_background / np.maximum(size_background, 1),
        places=held.places,
    )


class _Given(NamedTuple):
    """What the tests need of the rows, R, and of the lists, L."""

    held: Held
    row_lists: NDArray[np.int32]
    n_background: NDArray[np.int64]
    size_background: NDArray[np.int64]
    sizes: NDArray[np.int64]
    """Sentences of each list, shape (L,)."""
    sizes_inside: NDArray[np.int64]
    """How many of them belong to the background, shape (L,)."""
    bits_inside: NDArray[np.uint64]
    """Which of the strongest 100 do, as bits, shape (L, 2)."""


def _tested(given: _Given, rows: slice, place: int) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Give the shares of some rows at one depth, and the logarithms of their tests."""
    of, held = given.row_lists[rows], given.held
    if place == len(DEPTHS):
        n, size = held.n_sentences[rows], given.sizes[of]
        overlap, of_overlap = held.n_overlap[rows], given.sizes_inside[of]
    else:
        places, inside, depth = held.places[rows], given.bits_inside[of], DEPTHS[place]
        n, size = count_strongest(places, depth), np.minimum(given.sizes[of], depth)
        overlap, of_overlap = count_strongest(places & inside, depth), count_strongest(inside, depth)
    logs = surprise(
        n.astype(np.float64),
        size.astype(np.float64),
        np.maximum(given.n_background[rows] - overlap, 0).astype(np.float64),
        np.maximum(given.size_background[rows] - of_overlap, 0).astype(np.float64),
        clustering=held.clustering[rows, place],
    )
    return n / np.maximum(size, 1), logs


def _inside_bits(lists: "Lists", inside: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Say which of the strongest sentences of every list belong to a set, as bits."""
    rows = lists.rows[:, : DEPTHS[-1]]
    has = np.zeros((len(rows), WIDTH * 64), np.bool_)
    has[:, : rows.shape[1]] = np.append(inside, False)[rows]  # -1 reads the last
    return np.packbits(has, axis=1, bitorder="little").view("<u8").astype(np.uint64)
