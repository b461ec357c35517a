"""Mine a corpus once and note which patterns each sentence holds: a list is then a sum over its sentences.

A pattern that is frequent in some list is held by at least so many sentences of the corpus. So mining the corpus at
the smallest support any list asks for finds all that any list can have, and counting is exact. Lists of a model
overlap heavily (each sentence is in hundreds of them), which makes this several times as fast as mining each.

Dims: P patterns, numbered by falling support in the corpus, so that counters in use lie side by side; S sentences.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurolect.signatures.mining.prefixspan import MinedPatterns, mine_patterns
from neurolect.signatures.mining.projections import ANY_GAP
from neurolect.signatures.mining.ranking import suffixes
from neurolect.signatures.mining.shorter_patterns import shorter_sequences
from neurolect.signatures.mining.trie import PatternTrie, hashed_nodes, node_slot

BLOCK = 4_096
"""Sentences that a thread takes at a time."""


class PatternIndex(NamedTuple):
    """The frequent patterns of a corpus, by sentence and by pattern."""

    trie: PatternTrie
    """One node a pattern, numbered by falling support."""
    length: NDArray[np.int8]
    """Items of each pattern, shape (P,)."""
    place: NDArray[np.int32]
    """Where each pattern is in the order of mining, shape (P,)."""
    parts: NDArray[np.int32]
    """Numbers of all but the last item, the last, the first, all but the first; (P, 4), -1 for single items."""
    starts: NDArray[np.int64]
    """Where the patterns of each sentence start in `numbers`, shape (S + 1,)."""
    numbers: NDArray[np.int32]
    """Patterns of each sentence, in no order."""
    holder_starts: NDArray[np.int64]
    """Where the sentences of each pattern start in `holders`, shape (P + 1,)."""
    holders: NDArray[np.int32]
    """Sentences of each pattern, ascending."""
    shorter: NDArray[np.int32]
    """Numbers of each pattern with any one item left out, shape (P, 5), as of ``shorter_patterns.py``."""
    max_length: int
    """Items of the longest that were asked for."""


def index_patterns(
    codes: NDArray[np.int32],
    offsets: NDArray[np.int64],
    *,
    allowed: NDArray[np.bool_],
    min_support: int,
    max_length: int,
    max_gap: int | None = None,
    max_patterns: int,
    max_entries: int,
    workers: int = 1,
) -> PatternIndex | None:
    """Find the patterns that `min_support` sentences hold, and where.

    ``codes``: int32, shape (n_tokens,). Item codes of all sentences; a negative code is a place without an item.
    ``offsets``: int64, shape (S + 1,). Sentence ``s`` is ``codes[offsets[s]:offsets[s + 1]]``.
    ``allowed``: bool, shape (n_codes,). Whether an item may be part of a pattern. Items left out still count in
        gaps.
    ``max_gap``: Most places skipped between two neighbouring items; None for any number, 0 for contiguous.
    ``max_patterns, max_entries``: Nothing is made where there would be more patterns, or more pairs of sentence and
        pattern (8 bytes each).
    """
    n_sentences = len(offsets) - 1
    mined = mine_patterns(
        codes,
        offsets,
        rows=np.arange(n_sentences),
        allowed=allowed,
        min_support=min_support,
        max_length=max_length,
        max_gap=max_gap,
        max_patterns=max_patterns,
        max_entries=max(1, max_entries),
    )
    n_entries = int(mined.support.sum(dtype=np.int64))
    if mined.truncated or n_entries > max_entries:
        return None
    trie, order, parts = _numbered(mined)
    starts, numbers = _by_sentence(
        codes,
        offsets,
        trie=trie,
        n_codes=len(allowed),
        n_entries=n_entries,
        max_length=max_length,
        max_gap=max_gap,
        workers=workers,
    )
    holder_starts = np.concatenate([[0], np.cumsum(mined.support[order], dtype=np.int64)])
    return PatternIndex(
        trie=trie,
        length=mined.length[order],
        place=order.astype(np.int32),
        parts=parts,
        starts=starts,
        numbers=numbers,
        holder_starts=holder_starts,
        holders=_by_pattern(starts, numbers, holder_starts),
        shorter=shorter_sequences(trie, length=mined.length[order]),
        max_length=max_length,
    )


def _numbered(mined: MinedPatterns) -> tuple[PatternTrie, NDArray[np.intp], NDArray[np.int32]]:
    """Give patterns numbers by falling support: the trie, the node of each number, its parts."""
    parent = mined.trie.parent
    order = np.argsort(-mined.support, kind="stable")
    number = np.empty(len(order) + 1, np.int32)
    number[order] = np.arange(len(order), dtype=np.int32)
    number[-1] = -1
    suffix = suffixes(mined.trie)
    first, last = np.arange(len(order)), np.arange(len(order))
    for _ in range(int(mined.length.max(initial=1)) - 1):
        first = np.where(parent[first] >= 0, parent[first], first)
        last = np.where(suffix[last] >= 0, suffix[last], last)
    parts = np.stack([number[part][order] for part in (parent, last, first, suffix)], axis=1)
    parts[mined.length[order] == 1] = -1
    return PatternTrie(parts[:, 0].copy(), mined.trie.item[order]), order, parts


def _by_sentence(
    codes: NDArray[np.int32],
    offsets: NDArray[np.int64],
    *,
    trie: PatternTrie,
    n_codes: int,
    n_entries: int,
    max_length: int,
    max_gap: int | None,
    workers: int,
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Find the patterns of every sentence."""
    table = (trie.parent, trie.item, hashed_nodes(trie))
    single = np.full(n_codes, -1, np.int32)
    alone = np.flatnonzero(trie.parent < 0)
    single[trie.item[alone]] = alone
    grows = np.zeros(len(trie.parent), np.bool_)
    grows[trie.parent[trie.parent >= 0]] = True
    longest = int(np.diff(offsets).max(initial=0))
    gap = ANY_GAP if max_gap is None else max_gap

    def block(rows: tuple[int, int]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        seen = np.zeros((len(grows), 2), np.int32)
        stack = np.empty((max_length + 1, 3, longest + 1), np.int32)
        pairs = np.empty((2, longest + 1), np.int32)
        found: tuple[NDArray[np.int64], NDArray[np.int32]] = _find_in_sentences(
            codes, offsets, rows, table, single, grows, max_length, gap, seen, stack, pairs
        )
        return found

    starts = np.zeros(len(offsets), np.int64)
    numbers = np.empty(n_entries, np.int32)
    ranges = [(at, min(at + BLOCK, len(offsets) - 1)) for at in range(0, len(offsets) - 1, BLOCK)]
    n = 0
    with ThreadPoolExecutor(workers) as pool:
        for (first, last), (sizes, found) in zip(ranges, pool.map(block, ranges), strict=True):
            starts[first + 1 : last + 1] = n + np.cumsum(sizes)
            numbers[n : n + len(found)] = found
            n += len(found)
    return starts, numbers


@njit(cache=True, nogil=True)
def _find_in_sentences(
    codes: NDArray[np.int32],
    offsets: NDArray[np.int64],
    rows: tuple[int, int],
    trie: tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]],
    single: NDArray[np.int32],
    grows: NDArray[np.bool_],
    max_length: int,
    max_gap: int,
    seen: NDArray[np.int32],
    stack: NDArray[np.int32],
    pairs: NDArray[np.int32],
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Walk down the trie with every sentence; count and write the nodes that it reaches.

    At each depth `stack` has the nodes that one prefix reaches, the end of their entries, and the entries: places
    right after the last matched item, ascending. `seen` has for each node the visit that reached it last, and the
    entries it got. `pairs` are node and entry in the order of the entries.
    """
    sizes = np.zeros(rows[1] - rows[0], np.int64)
    out = np.empty(64 * (rows[1] - rows[0]), np.int32)
    n_out = 0
    visit = 0
    following = np.zeros(max_length + 1, np.int64)
    last = np.zeros(max_length + 1, np.int64)
    for row in range(rows[0], rows[1]):
        sentence = codes[offsets[row] : offsets[row + 1]]
        before = n_out
        # The root is reached once, before the first token.
        stack[0, 0, 0], stack[0, 1, 0], stack[0, 2, 0] = -1, 1, 0
        depth, following[0], last[0] = 0, 0, 1
        while depth >= 0:
            k = following[depth]
            if k == last[depth]:
                depth -= 1
                continue
            following[depth] += 1
            node = stack[depth, 0, k]
            if node >= 0 and not grows[node]:
                continue
            entries = stack[depth, 2, (stack[depth, 1, k - 1] if k > 0 else 0) : stack[depth, 1, k]]
            visit += 1
            reached = stack[depth + 1]
            n, m = _reach(sentence, node, entries, max_gap, visit, trie, single, seen, reached[0], pairs)
            if n_out + m > len(out):
                out = _enlarged(out, n_out + m)
            for place in range(m):
                out[n_out + place] = reached[0, place]
            n_out += m
            if depth + 1 < max_length:
                _group(pairs, n, reached, m, seen)
                depth += 1
                following[depth], last[depth] = 0, m
        sizes[row - rows[0]] = n_out - before
    return sizes, out[:n_out].copy()


@njit(cache=True, nogil=True)
def _reach(
    sentence: NDArray[np.int32],
    node: int,
    entries: NDArray[np.int32],
    max_gap: int,
    visit: int,
    trie: tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]],
    single: NDArray[np.int32],
    seen: NDArray[np.int32],
    reached: NDArray[np.int32],
    pairs: NDArray[np.int32],
) -> tuple[int, int]:
    """Find the children of a node in a sentence: pairs of child and entry, and the different children."""
    n = m = j = 0
    for entry in entries:
        j = max(j, int(entry))  # windows overlap: no token is looked at twice
        stop = len(sentence)
        if node >= 0 and max_gap >= 0:
            stop = min(stop, entry + 1 + max_gap)
        while j < stop:
            code = sentence[j]
            j += 1
            child = single[code] if code >= 0 else np.int32(-1)
            if node >= 0 and child >= 0:
                child = trie[2][node_slot(trie[0], trie[1], trie[2], node, code)]
            if child < 0:
                continue
            if seen[child, 0] != visit:
                seen[child, 0], seen[child, 1] = visit, 0
                reached[m] = child
                m += 1
            elif max_gap < 0:
                continue  # with any gap the first place stands for all
            seen[child, 1] += 1
            pairs[0, n], pairs[1, n] = child, j
            n += 1
    return n, m


@njit(cache=True, nogil=True)
def _group(pairs: NDArray[np.int32], n: int, reached: NDArray[np.int32], m: int, seen: NDArray[np.int32]) -> None:
    """Put the entries of each of the reached nodes together."""
    top = 0
    for place in range(m):
        node = reached[0, place]
        top += seen[node, 1]
        reached[1, place] = top
        seen[node, 1] = top - seen[node, 1]
    for place in range(n):
        node = pairs[0, place]
        reached[2, seen[node, 1]] = pairs[1, place]
        seen[node, 1] += 1


@njit(cache=True, nogil=True)
def _enlarged(out: NDArray[np.int32], n: int) -> NDArray[np.int32]:
    larger = np.empty(2 * n, np.int32)
    for k in range(len(out)):
        larger[k] = out[k]
    return larger


@njit(cache=True, nogil=True)
def _by_pattern(
    starts: NDArray[np.int64], numbers: NDArray[np.int32], holder_starts: NDArray[np.int64]
) -> NDArray[np.int32]:
    """Sentences of each pattern, ascending."""
    holders = np.empty(len(numbers), np.int32)
    free = holder_starts[:-1].copy()
    for row in range(len(starts) - 1):
        for k in range(starts[row], starts[row + 1]):
            holders[free[numbers[k]]] = row
            free[numbers[k]] += 1
    return holders
