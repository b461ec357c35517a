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
from neurolect.signatures.patterns.reported import (
    Candidates,
    MinedLists,
    Report,
    ReportedPatterns,
    Rules,
    join_reports,
    report_rows,
    rules_of,
    score_candidates,
)

LISTS_PER_BLOCK = 32
"""Lists that a thread takes at a time: they share one set of counters."""


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

    rules = rules_of(compared, longest=lists.shape[1])
    supports = np.array([compared.options.min_support(n) for n in range(lists.shape[1] + 1)])
    limits = compared.options.max_patterns, compared.options.max_list_entries

    def block(start: int) -> tuple[Report, int]:
        scratch = _Scratch(
            np.zeros((2, n_patterns), np.int32),
            np.zeros(n_patterns, np.uint8),
            np.full(len(compared.in_background), -1, np.int32),
            used,
        )
        of_block = lists[start : start + LISTS_PER_BLOCK]
        rows, n_rows, tested, n_truncated = _report_lists(
            of_block, supports, limits, index, compared.in_background, background, scratch, rules
        )
        return Report(rows, n_rows, tested), n_truncated

    reports: list[Report] = []
    total = 0
    with (
        ThreadPoolExecutor(compared.workers) as pool,
        progress.task(f"mine {compared.item} patterns", total=len(lists), unit="lists") as task,
    ):
        for report, n_truncated in pool.map(block, range(0, len(lists), LISTS_PER_BLOCK)):
            reports.append(report)
            total += n_truncated
            task.advance(len(report.n_rows))

    def count_by_bin(nodes: NDArray[np.int32]) -> NDArray[np.int32]:
        counts = np.zeros((len(nodes), int(compared.bins.max(initial=0)) + 1), np.int32)
        _add_bins(index.holder_starts, index.holders, nodes, compared.in_background, compared.bins, counts)
        return counts

    return MinedLists(index.trie, join_reports(reports), total, int(np.count_nonzero(used)), count_by_bin)


def _background(index: PatternIndex, compared: Comparison) -> _Background:
    counts = np.zeros((2, len(index.length)), np.int32)
    nowhere = np.zeros_like(compared.in_background)
    _add_up(index.starts, index.numbers, compared.background.astype(np.int32), nowhere, counts)
    last = np.where(index.length > 1, index.parts[:, 1], np.arange(len(index.length)))
    shares = np.maximum(counts[0][last], 0.5) / max(1, len(compared.background))
    return _Background(
        counts[0].astype(np.int64), expected_shares(index.trie, length=index.length, last_shares=shares)
    )


@njit(cache=True, nogil=True)
def _report_lists(
    lists: NDArray[np.int32],
    supports: NDArray[np.int64],
    limits: tuple[int, int],
    index: PatternIndex,
    in_background: NDArray[np.bool_],
    background: _Background,
    scratch: _Scratch,
    rules: Rules,
) -> tuple[ReportedPatterns, NDArray[np.int64], NDArray[np.float32], int]:
    """Count, score and report the patterns of some lists: no thread waits for another's Python.

    ``supports``: int64. Least support of a pattern, by the size of the list.
    Returns: rows of all lists, rows of each, ``-ln p`` of all candidates where above 0, how many were truncated.
    """
    room = _room(len(lists) * (rules.n_relative + rules.n_frequent))
    n_rows = np.zeros(len(lists), np.int64)
    tested = np.empty(len(lists) * min(rules.n_candidates, len(index.length)), np.float32)
    n_tested = n_truncated = at = 0
    for each in range(len(lists)):
        rows = lists[each][lists[each] >= 0]
        found = _candidates(rows, supports[len(rows)], limits, index, in_background, background, scratch, rules)
        n_truncated += int(found.truncated)
        for place in range(len(rows)):
            scratch.place[rows[place]] = place
        of_background = background.counts[found.nodes]
        scores, surprise, ranking = score_candidates(found, of_background, rules)
        typical = ranking[_keep(index.holder_starts, index.holders, found, ranking, scratch.place, rules)]
        reported = report_rows(found, of_background, typical, scores, surprise, rules)
        n_rows[each] = len(reported.nodes)
        _put(room, at, reported)
        at += n_rows[each]
        for value in surprise:
            if value > 0:
                tested[n_tested] = value
                n_tested += 1
        scratch.place[rows] = -1
    return _cut(room, at), n_rows, tested[:n_tested].copy(), n_truncated


@njit(cache=True, nogil=True)
def _room(n: int) -> ReportedPatterns:
    return ReportedPatterns(
        np.empty(n, np.int32),
        np.empty(n, np.int32),
        np.empty(n, np.int32),
        np.empty(n, np.int64),
        np.empty(n, np.float32),
        np.empty(n, np.float32),
        np.empty(n, np.uint8),
        np.empty(n, np.int16),
        np.empty(n, np.int16),
    )


@njit(cache=True, nogil=True)
def _put(room: ReportedPatterns, at: int, rows: ReportedPatterns) -> None:
    n = at + len(rows.nodes)
    room.nodes[at:n], room.support[at:n], room.overlap[at:n] = rows.nodes, rows.support, rows.overlap
    room.n_background[at:n], room.scores[at:n] = rows.n_background, rows.scores
    room.surprise[at:n], room.flags[at:n] = rows.surprise, rows.flags
    room.rank_frequency[at:n], room.rank_relative[at:n] = rows.rank_frequency, rows.rank_relative


@njit(cache=True, nogil=True)
def _cut(room: ReportedPatterns, n: int) -> ReportedPatterns:
    short: ReportedPatterns = _room(n)
    short.nodes[:], short.support[:], short.overlap[:] = room.nodes[:n], room.support[:n], room.overlap[:n]
    short.n_background[:], short.scores[:] = room.n_background[:n], room.scores[:n]
    short.surprise[:], short.flags[:] = room.surprise[:n], room.flags[:n]
    short.rank_frequency[:], short.rank_relative[:] = room.rank_frequency[:n], room.rank_relative[:n]
    return short


@njit(cache=True, nogil=True)
def _candidates(
    rows: NDArray[np.int32],
    min_support: int,
    limits: tuple[int, int],
    index: PatternIndex,
    in_background: NDArray[np.bool_],
    background: _Background,
    scratch: _Scratch,
    rules: Rules,
) -> Candidates:
    """Count the patterns of one list, and choose those that may be reported."""
    _add_up(index.starts, index.numbers, rows, in_background, scratch.counts)
    chosen, longest = _frequent(index, scratch.counts, min_support, limits)
    everywhere = scratch.counts[0]  # from here on: of sentences inside the background or not
    for k in range(len(everywhere)):
        everywhere[k] += scratch.counts[1, k]
    flags = closed_or_maximal(chosen, index.shorter, everywhere, scratch.marks)
    for number in chosen:
        scratch.used[number] = True
    if len(chosen) > rules.n_candidates:
        order = np.argsort(index.place[chosen])
        chosen, flags = chosen[order], flags[order]
        expected = background.expected[chosen] * len(rows)
        first = preselect(everywhere[chosen], expected, rules.n_frequent, rules.n_candidates)
        chosen, flags = chosen[first], flags[first]
    n_overlap = 0
    for row in rows:
        n_overlap += int(in_background[row])
    found = Candidates(
        chosen.astype(np.int32),
        index.length[chosen],
        index.place[chosen],
        everywhere[chosen],
        scratch.counts[1][chosen],
        _association(chosen, index.parts, everywhere, len(rows)),
        flags,
        len(rows),
        n_overlap,
        longest < index.max_length,
    )
    scratch.counts[:] = 0
    return found


@njit(cache=True, nogil=True)
def _frequent(
    index: PatternIndex, counts: NDArray[np.int32], min_support: int, limits: tuple[int, int]
) -> tuple[NDArray[np.int64], int]:
    """Choose the frequent patterns of two items or more; those longer than fit under the bounds are left out."""
    frequent, n = np.empty(counts.shape[1], np.int64), 0
    n_of, held_of = np.zeros(index.max_length + 1, np.int64), np.zeros(index.max_length + 1, np.int64)
    for number in range(counts.shape[1]):
        support = counts[0, number] + counts[1, number]
        if support >= min_support:
            frequent[n] = number
            n += 1
            n_of[index.length[number]] += 1
            held_of[index.length[number]] += support
    longest = index.max_length
    while longest > 1 and (n_of[: longest + 1].sum() > limits[0] or held_of[: longest + 1].sum() > limits[1]):
        longest -= 1
    n_chosen = 0
    for number in frequent[:n]:
        if 1 < index.length[number] <= longest:
            frequent[n_chosen] = number
            n_chosen += 1
    return frequent[:n_chosen].copy(), longest


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
def _association(
    chosen: NDArray[np.int64], parts: NDArray[np.int32], support: NDArray[np.int32], n_rows: int
) -> NDArray[np.float32]:
    """Give the association of patterns from the support of all patterns."""
    association = np.empty(len(chosen), np.float32)
    of_parts = np.empty(4)
    for k in range(len(chosen)):
        for part in range(4):
            of_parts[part] = support[parts[chosen[k], part]]
        by_chance = max(of_parts[0] * of_parts[1], of_parts[2] * of_parts[3])
        association[k] = np.float64(support[chosen[k]]) * n_rows / by_chance
    return association


@njit(cache=True, nogil=True)
def _keep(
    holder_starts: NDArray[np.int64],
    holders: NDArray[np.int32],
    found: Candidates,
    ranking: NDArray[np.int64],
    place: NDArray[np.int32],
    rules: Rules,
) -> NDArray[np.int64]:
    """Keep the first patterns of a ranking that overlap little with each other; see ``distinct_patterns.py``.

    `place` has the place of each sentence in the list, or -1. The sentences of a pattern are bits by place.
    """
    kept = np.empty(min(rules.n_relative, len(ranking)), np.int64)
    bits = np.zeros((len(kept) + 1, (found.n_sentences >> 6) + 1), np.uint64)
    known = np.zeros(len(kept) + 1, np.bool_)
    n = 0
    for at in range(len(ranking)):
        if n == len(kept):
            break
        candidate = ranking[at]
        size = np.int64(found.support[candidate])
        known[n] = False
        new = True
        for k in range(n):
            before = ranking[kept[k]]
            other = np.int64(found.support[before])
            if min(size, other) <= rules.max_overlap * max(size, other):
                continue  # sizes this different cannot overlap so much
            for slot, pattern in ((k, found.nodes[before]), (n, found.nodes[candidate])):
                if not known[slot]:
                    held = holders[holder_starts[pattern] : holder_starts[pattern + 1]]
                    _set_bits(held, place, bits[slot])
                    known[slot] = True
            both = _n_common(bits[n], bits[k])
            if both > rules.max_overlap * (size + other - both):
                new = False
                break
        if new:
            kept[n] = at
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
