"""What the lists have in common at a moment of the pass: each list's most telling words and metadata values.

A quick stand-in for the signatures that ``describe`` makes, good enough to see whether they still change.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

_N_LEADING = 10
_N_HELD = 20
_CHANCE = 1.0
_LEAST_COUNT = 3
_LEAST_SCORE = 4.0
_BLOCK = 512


class LeadingItems(NamedTuple):
    """The leading items of every list.

    ``items``: int32, shape (n_neurons, 20). Most telling first; -1 where a list has fewer. The first ten lead.
    ``scores``: float32, shape (n_neurons, 20). ``(count - expected) / sqrt(expected + 1)``; 0 where a list has
        fewer.
    ``used``: bool, shape (n_sentences,). Which of the sampled sentences are in any list.
    """

    items: NDArray[np.int32]
    scores: NDArray[np.float32]
    used: NDArray[np.bool_]


def leading_items(
    keys: NDArray[np.uint64],
    fill: NDArray[np.int64],
    *,
    rows: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]],
    shares: NDArray[np.float64],
    cores: float = 1.0,
) -> LeadingItems:
    """Find each list's leading items among its sampled sentences.

    ``keys``: uint64, shape (n_neurons, width). Entries as ``TopLists.to_arrays`` gives them, in any order.
    ``fill``: int64, shape (n_neurons,). Entries of each list.
    ``shares``: float64, shape (n_items,). Share of all sentences that hold each item.
    """
    ids, starts, items = rows
    used = np.zeros(len(ids), dtype=np.bool_)
    leading = np.full((len(fill), _N_HELD), -1, dtype=np.int32)
    scores = np.zeros((len(fill), _N_HELD), dtype=np.float32)
    if len(ids) and len(fill):
        places = np.full(_table_size(len(ids)), -1, dtype=np.int64)
        _fill_table(ids, places)
        blocks = [slice(start, start + _BLOCK) for start in range(0, len(fill), _BLOCK)]
        n_threads = max(1, round(cores * (os.cpu_count() or 1)))
        with ThreadPoolExecutor(min(len(blocks), n_threads)) as pool:
            # Threads only ever write True into `used`, and own their neurons' rows.
            done = [
                pool.submit(
                    _leading, keys[b], fill[b], ids, places, starts, items, shares, used, leading[b], scores[b]
                )
                for b in blocks
            ]
        for each in done:
            each.result()
    return LeadingItems(leading, scores, used)


def kept_evidence(before: LeadingItems, now: LeadingItems) -> NDArray[np.float32]:
    """Say how much of the evidence two moments share.

    Returns: float32, shape (n_neurons,). Share of the leading items' scores at one moment that they still have (or
        had) at the other, give or take one standard deviation of chance; the smaller of looking back and ahead. 1
        where no item leads at either.

    Examples
    --------
    >>> a = LeadingItems(np.array([[4, 7]]), np.array([[9.0, 5.0]]), np.empty(0, dtype=bool))
    >>> b = LeadingItems(np.array([[4, 2]]), np.array([[10.0, 6.0]]), np.empty(0, dtype=bool))
    >>> kept_evidence(a, b)
    array([0.625], dtype=float32)
    """
    kept: NDArray[np.float32] = np.minimum(_found(before, now), _found(now, before)).astype(np.float32)
    return kept


def _found(here: LeadingItems, there: LeadingItems) -> NDArray[np.float64]:
    """Give the share of the leading items' scores here that is found there."""
    items, scores = here.items[:, :_N_LEADING], here.scores[:, :_N_LEADING].astype(np.float64)
    same = (items[:, :, None] == there.items[:, None, :]) & (items[:, :, None] >= 0)
    other = np.where(same, there.scores[:, None, :] + _CHANCE, 0).max(axis=2)
    total = scores.sum(axis=1)
    share: NDArray[np.float64] = np.where(
        total > 0, np.minimum(scores, other).sum(axis=1) / np.where(total > 0, total, 1), 1.0
    )
    return share


def _table_size(n: int) -> int:
    """Give a power of two with room to spare."""
    return 1 << max(4, int(2 * n - 1).bit_length())


@njit(cache=True, nogil=True)
def _slot(sentence_id: int, mask: int) -> int:
    """Scatter ids over a table."""
    return int((np.uint64(sentence_id) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32)) & mask


@njit(cache=True, nogil=True)
def _fill_table(ids: NDArray[np.int64], places: NDArray[np.int64]) -> None:
    """Hash ids to their row numbers, open addressing."""
    mask = len(places) - 1
    for row in range(len(ids)):
        at = _slot(ids[row], mask)
        while places[at] >= 0:
            at = (at + 1) & mask
        places[at] = row


@njit(cache=True, nogil=True)
def _leading(
    keys: NDArray[np.uint64],
    fill: NDArray[np.int64],
    ids: NDArray[np.int64],
    places: NDArray[np.int64],
    starts: NDArray[np.int64],
    items: NDArray[np.int32],
    shares: NDArray[np.float64],
    used: NDArray[np.bool_],
    leading: NDArray[np.int32],
    scores: NDArray[np.float32],
) -> None:
    """Count each list's items, score them, keep the best."""
    mask = len(places) - 1
    counts = np.zeros(len(shares), dtype=np.int64)
    seen = np.empty(len(shares), dtype=np.int32)
    n_leading = leading.shape[1]
    for neuron in range(len(fill)):
        n_seen = n_rows = 0
        for entry in range(fill[neuron]):
            sentence_id = np.int64(np.uint64(0xFFFFFFFF) - (keys[neuron, entry] & np.uint64(0xFFFFFFFF)))
            at = _slot(sentence_id, mask)
            while places[at] >= 0 and ids[places[at]] != sentence_id:
                at = (at + 1) & mask
            row = places[at]
            if row < 0:
                continue
            used[row] = True
            n_rows += 1
            for place in range(starts[row], starts[row + 1]):
                item = items[place]
                if item >= 0:
                    if counts[item] == 0:
                        seen[n_seen] = item
                        n_seen += 1
                    counts[item] += 1
        for number in range(n_seen):
            item = seen[number]
            count = counts[item]
            counts[item] = 0
            if count < _LEAST_COUNT:
                continue
            expected = n_rows * shares[item]
            score = np.float32((count - expected) / np.sqrt(expected + 1.0))
            if score >= _LEAST_SCORE:
                _insert(leading[neuron], scores[neuron], item, score, n_leading)


@njit(cache=True, nogil=True)
def _insert(
    leading: NDArray[np.int32], scores: NDArray[np.float32], item: int, score: np.float32, n_leading: int
) -> None:
    """Put an item where it belongs; ties to the smaller number."""
    at = n_leading
    while at > 0 and (
        leading[at - 1] < 0 or scores[at - 1] < score or (scores[at - 1] == score and leading[at - 1] > item)
    ):
        at -= 1
    for place in range(n_leading - 1, at, -1):
        leading[place], scores[place] = leading[place - 1], scores[place - 1]
    if at < n_leading:
        leading[at], scores[at] = item, score
