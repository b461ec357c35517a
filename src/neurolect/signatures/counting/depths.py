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

from neurolect.statistics.significance import false_discoveries, log_factorials

if TYPE_CHECKING:
    from neurolect.signatures.counting.items import Items
    from neurolect.signatures.inputs import Lists

DEPTHS = (10, 100)
"""Strongest sentences that evidence is counted in, besides all."""
WIDTH = 2
"""Words of 64 bits that say which of the strongest sentences hold it."""
LISTS_PER_BLOCK = 128
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
    n_rows, n_lists = len(row_lists), len(lists.rows)
    found = Held(
        np.zeros((n_rows, WIDTH), np.uint64),
        np.zeros(n_rows, np.int64),
        np.zeros(n_rows, np.int64),
        np.zeros(n_rows, np.int32),
        np.ones((n_rows, 3)),
    )
    starts = np.searchsorted(row_lists, np.arange(n_lists + 1)).astype(np.int64)
    documents = lists.documents_of(len(items.offsets) - 1)

    def block(first: int) -> None:
        last = min(first + LISTS_PER_BLOCK, n_lists)
        rows = lists.rows[first:last]
        slots = np.full(items.n_items, -1, np.int32)
        of_block = (rows, documents, inside, starts[first : last + 1], row_items, slots)
        _held_kernel(items.offsets, items.codes, *of_block, *found)

    with ThreadPoolExecutor(max(1, workers)) as pool:
        list(pool.map(block, range(0, n_lists, LISTS_PER_BLOCK)))
    return found


@njit(nogil=True, cache=True)
def _held_kernel(
    offsets: NDArray[np.int64],
    codes: NDArray[np.int32],
    lists: NDArray[np.int32],
    documents: NDArray[np.int64],
    inside: NDArray[np.bool_],
    starts: NDArray[np.int64],
    row_items: NDArray[np.int32],
    slots: NDArray[np.int32],
    places: NDArray[np.uint64],
    n_sentences: NDArray[np.int64],
    n_overlap: NDArray[np.int64],
    n_documents: NDArray[np.int32],
    clustering: NDArray[np.float64],
) -> None:
    """Fill the last five; `slots` are -1 before and after: the row of each item in the list at hand."""
    for each in range(lists.shape[0]):
        first, last = starts[each], starts[each + 1]
        if first == last:
            continue
        for row in range(first, last):
            slots[row_items[row]] = row - first
        kept = lists[each][lists[each] >= 0]
        for place in range(min(len(kept), 100)):
            for entry in range(offsets[kept[place]], offsets[kept[place] + 1]):
                slot = slots[codes[entry]]
                if slot >= 0:
                    places[first + slot, place // 64] |= np.uint64(1) << np.uint64(place % 64)
        sums = np.zeros((last - first, 6), np.int64)
        _count_all(offsets, codes, np.sort(kept), documents, inside, slots, sums)
        for slot in range(last - first):
            total = sums[slot, SENTENCES]
            n_sentences[first + slot], n_overlap[first + slot] = total, sums[slot, OVERLAP]
            n_documents[first + slot] = sums[slot, DOCUMENTS]
            clustering[first + slot, 2] = sums[slot, SQUARES] / total if total else 1.0
        _cluster_strongest(kept, documents, places[first:last], clustering[first:last])
        for row in range(first, last):
            slots[row_items[row]] = -1


@njit(nogil=True, cache=True)
def _count_all(
    offsets: NDArray[np.int64],
    codes: NDArray[np.int32],
    rows: NDArray[np.int32],
    documents: NDArray[np.int64],
    inside: NDArray[np.bool_],
    slots: NDArray[np.int32],
    sums: NDArray[np.int64],
) -> None:
    """Count sentences, those of the background, and documents, and sum the squares of the documents' counts.

    ``sums``: int64, shape (R, 6), zeros before. Sums of a row lie side by side: one line of the cache each.

    Sentences of one document are neighbours in `rows`.
    """
    for place in range(len(rows)):
        row = np.uint64(rows[place])
        document, is_inside = documents[row] + 1, np.int64(inside[row])  # 0 stands for none yet
        for entry in range(np.uint64(offsets[row]), np.uint64(offsets[row + np.uint64(1)])):
            slot = slots[np.uint64(codes[entry])]
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


@njit(nogil=True, cache=True)
def _cluster_strongest(
    kept: NDArray[np.int32],
    documents: NDArray[np.int64],
    places: NDArray[np.uint64],
    clustering: NDArray[np.float64],
) -> None:
    """Give the design effects in the strongest 10 and 100."""
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
    kept = np.ascontiguousarray(places & strongest_mask(depth)).view(np.uint8)
    return np.asarray(_BITS[kept].sum(axis=1), dtype=np.int64)


_BITS = np.array([each.bit_count() for each in range(256)], np.uint8)


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
) -> AtDepths:
    """Test rows of evidence at every depth.

    ``n_background``: int64, shape (R,). Sentences of the background that hold each; of ``size_background``.
    ``inside``: bool, shape (n_sentences,). Kept sentences that belong to the background.
    ``n_items``: Items that lists may have: as many tests a list are made at every depth.
    """
    n_tests = n_items * len(lists.rows)
    own = _inside_bits(lists, inside)
    sizes, of_inside = lists.sizes, lists.count_in(inside)
    shares, qs = [], []
    for place, depth in enumerate((*DEPTHS, None)):
        if depth is None:
            n, size = held.n_sentences, sizes
            overlap, of_overlap = held.n_overlap, of_inside
        else:
            n, size = count_strongest(held.places, depth), np.minimum(sizes, depth)
            overlap = count_strongest(held.places & own[row_lists], depth)
            of_overlap = count_strongest(own, depth)
        logs = surprise(
            n.astype(np.float64),
            size[row_lists].astype(np.float64),
            np.maximum(n_background - overlap, 0).astype(np.float64),
            np.maximum(size_background - of_overlap[row_lists], 0).astype(np.float64),
            clustering=held.clustering[:, place],
        )
        found = false_discoveries(logs, every=logs[logs > 0], n_tests=max(n_tests, 1), rate=0.05)
        shares.append(n / np.maximum(size[row_lists], 1))
        qs.append(found.q)
    usual = n_background / np.maximum(size_background, 1)
    at_10, at_100, whole = qs
    effect = held.clustering[:, 2]
    return AtDepths(shares[0], shares[1], held.n_documents, effect, at_10, at_100, whole, usual, held.places)


def _inside_bits(lists: "Lists", inside: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Say which of the strongest sentences of every list belong to a set, as bits."""
    rows = lists.rows[:, : DEPTHS[-1]]
    has = np.zeros((len(rows), WIDTH * 64), np.bool_)
    has[:, : rows.shape[1]] = np.append(inside, False)[rows]  # -1 reads the last
    return np.packbits(has, axis=1, bitorder="little").view("<u8").astype(np.uint64)
