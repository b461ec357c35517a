"""Skip n-grams of lists from an index of the corpus: best for many lists of the same sentences.

A list's counts are the sum of its sentences' patterns, so a sentence is mined once and not once a list. Dims: P
patterns of the index, N sentences of a list.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurolect.progress import Progress
from neurolect.signatures.mining.index import PatternIndex
from neurolect.signatures.mining.ranking import preselect
from neurolect.signatures.mining.shorter_patterns import closed_or_maximal
from neurolect.signatures.patterns.inputs import Comparison, expected_shares
from neurolect.signatures.patterns.reported import Candidates, ListReport, MinedLists, report_patterns

LISTS_PER_BLOCK = 32
"""Lists that a thread takes at a time: they share one set of counters."""


class _Counts(NamedTuple):
    """Patterns of two items or more of one list, in the order of mining."""

    numbers: NDArray[np.int32]
    support: NDArray[np.int32]
    overlap: NDArray[np.int32]
    association: NDArray[np.float32]
    flags: NDArray[np.uint8]
    truncated: bool


class _Background(NamedTuple):
    counts: NDArray[np.int64]  # of each pattern
    expected: NDArray[np.float64]  # share of each pattern if its items were independent


class _Scratch(NamedTuple):
    """Room for one thread; zeros between two lists. P patterns, S sentences."""

    counts: NDArray[np.int32]  # (2, P)
    marks: NDArray[np.uint8]  # (P,)
    place: NDArray[np.int32]  # (S,), -1 between two lists
    used: NDArray[np.bool_]  # (P,), for all lists together: whether a list has the pattern


def count_indexed_lists(
    index: PatternIndex, compared: Comparison, *, lists: NDArray[np.int32], progress: Progress
) -> MinedLists:
    """Add up the patterns of lists.

    ``lists``: int32, shape (n_lists, n). Sentences of each list; -1 where a list is shorter.
    """
    n_patterns = len(index.length)
    background = _background(index, compared)
    used = np.zeros(n_patterns, np.bool_)

    def block(start: int) -> tuple[list[ListReport], int]:
        scratch = _Scratch(
            np.zeros((2, n_patterns), np.int32),
            np.zeros(n_patterns, np.uint8),
            np.full(len(compared.in_background), -1, np.int32),
            used,
        )
        reported, n_truncated = [], 0
        for rows in lists[start : start + LISTS_PER_BLOCK]:
            held = rows[rows >= 0]
            found = _candidates(held, index, compared, background, scratch)
            n_truncated += found.truncated
            scratch.place[held] = np.arange(len(held), dtype=np.int32)
            reported.append(_report(found, index, compared, background, scratch.place))
            scratch.place[held] = -1
        return reported, n_truncated

    everything: list[ListReport] = []
    total = 0
    with (
        ThreadPoolExecutor(compared.workers) as pool,
        progress.task(f"mine {compared.item} patterns", total=len(lists), unit="lists") as task,
    ):
        for reported, n_truncated in pool.map(block, range(0, len(lists), LISTS_PER_BLOCK)):
            everything += reported
            total += n_truncated
            task.advance(len(reported))

    def count_by_bin(nodes: NDArray[np.int32]) -> NDArray[np.int32]:
        counts = np.zeros((len(nodes), int(compared.bins.max(initial=0)) + 1), np.int32)
        _add_bins(index.holder_starts, index.holders, nodes, compared.in_background, compared.bins, counts)
        return counts

    return MinedLists(index.trie, everything, total, int(np.count_nonzero(used)), count_by_bin)


def _background(index: PatternIndex, compared: Comparison) -> _Background:
    counts = np.zeros((2, len(index.length)), np.int32)
    nowhere = np.zeros_like(compared.in_background)
    _add_up(index.starts, index.numbers, compared.background.astype(np.int32), nowhere, counts)
    last = np.where(index.length > 1, index.parts[:, 1], np.arange(len(index.length)))
    shares = np.maximum(counts[0][last], 0.5) / max(1, len(compared.background))
    return _Background(
        counts[0].astype(np.int64), expected_shares(index.trie, length=index.length, last_shares=shares)
    )


def _candidates(
    rows: NDArray[np.int32],
    index: PatternIndex,
    compared: Comparison,
    background: _Background,
    scratch: _Scratch,
) -> Candidates:
    options = compared.options
    counts = _count_list(rows, index, compared, scratch)
    chosen = preselect(
        counts.support,
        expected=background.expected[counts.numbers] * len(rows),
        n_frequent=options.n_frequent,
        n_candidates=options.n_candidates,
    )
    numbers = counts.numbers[chosen]
    return Candidates(
        nodes=numbers,
        length=index.length[numbers],
        support=counts.support[chosen],
        overlap=counts.overlap[chosen],
        association=counts.association[chosen],
        flags=counts.flags[chosen],
        n_sentences=len(rows),
        n_overlap=int(np.count_nonzero(compared.in_background[rows])),
        truncated=counts.truncated,
    )


def _count_list(rows: NDArray[np.int32], index: PatternIndex, compared: Comparison, scratch: _Scratch) -> _Counts:
    """Count the patterns of one list; those longer than fit under its bounds are left out."""
    options = compared.options
    _add_up(index.starts, index.numbers, rows, compared.in_background, scratch.counts)
    min_support = options.min_support(len(rows))
    everywhere = scratch.counts[0] + scratch.counts[1]
    frequent = np.flatnonzero(everywhere >= min_support)
    lengths = index.length[frequent]
    held = np.bincount(lengths, weights=everywhere[frequent], minlength=index.max_length + 1)
    n_up_to = np.cumsum(np.bincount(lengths, minlength=index.max_length + 1))
    held_up_to = np.cumsum(held)
    longest = index.max_length
    while longest > 1 and (
        n_up_to[longest] > options.max_patterns or held_up_to[longest] > options.max_list_entries
    ):
        longest -= 1
    chosen = frequent[(lengths > 1) & (lengths <= longest)]
    chosen = chosen[np.argsort(index.place[chosen])]
    scratch.used[chosen] = True
    support, overlap, association = _of_chosen(chosen, index.parts, scratch.counts, len(rows))
    flags = closed_or_maximal(chosen, index.shorter, everywhere, scratch.marks)
    scratch.counts[:] = 0
    return _Counts(chosen.astype(np.int32), support, overlap, association, flags, longest < index.max_length)


@njit(cache=True, nogil=True)
def _add_bins(
    starts: NDArray[np.int64],
    holders: NDArray[np.int32],
    patterns: NDArray[np.int32],
    inside: NDArray[np.bool_],
    bins: NDArray[np.int8],
    counts: NDArray[np.int32],
) -> None:
    """Count the background's sentences that hold some patterns, by bin."""
    for k in range(len(patterns)):
        for place in range(starts[patterns[k]], starts[patterns[k] + 1]):
            sentence = holders[place]
            counts[k, bins[sentence]] += np.int32(inside[sentence])


@njit(cache=True, nogil=True)
def _add_up(
    starts: NDArray[np.int64],
    numbers: NDArray[np.int32],
    rows: NDArray[np.int32],
    marked: NDArray[np.bool_],
    counts: NDArray[np.int32],
) -> None:
    """Add the patterns of some sentences to `counts`, in two rows: of sentences not marked, of those marked."""
    for row in rows:
        into = counts[np.int64(marked[row])]
        for k in range(np.uint64(starts[row]), np.uint64(starts[row + 1])):
            into[np.uint64(numbers[k])] += 1


@njit(cache=True, nogil=True)
def _of_chosen(
    chosen: NDArray[np.int64], parts: NDArray[np.int32], counts: NDArray[np.int32], n_rows: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]:
    """Support, support in the background and association of patterns, from the counts of all patterns."""
    support = np.empty(len(chosen), np.int32)
    overlap = np.empty(len(chosen), np.int32)
    association = np.empty(len(chosen), np.float32)
    of_parts = np.empty(4)
    for k in range(len(chosen)):
        support[k] = counts[0, chosen[k]] + counts[1, chosen[k]]
        overlap[k] = counts[1, chosen[k]]
        for part in range(4):
            of_parts[part] = counts[0, parts[chosen[k], part]] + counts[1, parts[chosen[k], part]]
        by_chance = max(of_parts[0] * of_parts[1], of_parts[2] * of_parts[3])
        association[k] = np.float64(support[k]) * n_rows / by_chance
    return support, overlap, association


def _report(
    found: Candidates,
    index: PatternIndex,
    compared: Comparison,
    background: _Background,
    place: NDArray[np.int32],
) -> ListReport:
    options = compared.options

    def distinct(ranking: NDArray[np.intp]) -> NDArray[np.int64]:
        kept: NDArray[np.int64] = _keep(
            index.holder_starts,
            index.holders,
            found.nodes[ranking],
            found.support[ranking],
            place,
            found.n_sentences,
            options.n_relative,
            options.max_overlap,
        )
        return kept

    return report_patterns(
        found,
        in_background=background.counts[found.nodes],
        distinct=distinct,
        compared=compared,
    )


@njit(cache=True, nogil=True)
def _keep(
    holder_starts: NDArray[np.int64],
    holders: NDArray[np.int32],
    patterns: NDArray[np.int32],
    support: NDArray[np.int32],
    place: NDArray[np.int32],
    n_rows: int,
    n_keep: int,
    max_overlap: float,
) -> NDArray[np.int64]:
    """Keep the first patterns of a ranking that overlap little with each other; see ``distinct_patterns.py``.

    `place` has the place of each sentence in the list, or -1. The sentences of a pattern are bits by place.
    """
    kept = np.empty(min(n_keep, len(patterns)), np.int64)
    bits = np.zeros((len(kept) + 1, (n_rows >> 6) + 1), np.uint64)
    known = np.zeros(len(kept) + 1, np.bool_)
    n = 0
    for candidate in range(len(patterns)):
        if n == len(kept):
            break
        size = np.int64(support[candidate])
        known[n] = False
        new = True
        for k in range(n):
            other = np.int64(support[kept[k]])
            if min(size, other) <= max_overlap * max(size, other):
                continue  # sizes this different cannot overlap so much
            for slot, pattern in ((k, patterns[kept[k]]), (n, patterns[candidate])):
                if not known[slot]:
                    held = holders[holder_starts[pattern] : holder_starts[pattern + 1]]
                    _set_bits(held, place, bits[slot])
                    known[slot] = True
            both = _n_common(bits[n], bits[k])
            if both > max_overlap * (size + other - both):
                new = False
                break
        if new:
            kept[n] = candidate
            n += 1
    return kept[:n]


@njit(cache=True, nogil=True)
def _set_bits(rows: NDArray[np.int32], place: NDArray[np.int32], bits: NDArray[np.uint64]) -> None:
    for word in range(len(bits)):
        bits[word] = 0
    for row in rows:
        at = place[np.uint64(row)]
        if at >= 0:
            bits[np.uint64(at >> 6)] |= np.uint64(1) << np.uint64(at & 63)


@njit(cache=True, nogil=True)
def _n_common(one: NDArray[np.uint64], other: NDArray[np.uint64]) -> int:
    """Bits set in both: the usual sum of ever wider fields, which the compiler knows as one instruction."""
    n = np.uint64(0)
    for word in range(len(one)):
        both = one[word] & other[word]
        both -= (both >> np.uint64(1)) & np.uint64(0x5555555555555555)
        both = (both & np.uint64(0x3333333333333333)) + ((both >> np.uint64(2)) & np.uint64(0x3333333333333333))
        both = (both + (both >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
        n += (both * np.uint64(0x0101010101010101)) >> np.uint64(56)
    return int(n)
