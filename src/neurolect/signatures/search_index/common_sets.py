"""Sets of sentences that many searches come near: common words, tags and their patterns, counted beforehand.

A search whose sentences are much like one of them counts only the sentences in which the two differ.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.signatures.annotation.coding import CodedSentences
from neurolect.signatures.search_index.kernels import count_bits, hold_patterns

MIN_SHARE = 0.05
"""Of the sentences: smaller sets are counted soon enough."""
MAX_LENGTH = 5
LOOKED_AT = 8_192
"""Sentences that the patterns are chosen from."""
WIDEST = 512
"""Patterns of one length that longer ones are made from."""
WORD_GAP, TAG_GAP = 4, 1


class CommonSets(NamedTuple):
    """Sets of sentences and their counts in every list."""

    members: NDArray[np.uint8]
    """Bit s of a row is sentence s, lowest bit first, padded to 8 bytes, shape (n_sets, n_bytes)."""
    counts: NDArray[np.unsignedinteger]
    """Sentences of each list in each set, shape (n_sets, n_lists)."""


def common_sets(
    coded: CodedSentences, rows: NDArray[np.int32], *, max_sets: int, min_share: float = MIN_SHARE
) -> CommonSets:
    """Find patterns that many sentences hold and count their sentences in every list.

    ``rows``: int32, shape (n_lists, N). Sentences of each list; -1 where it has fewer.
    Returns: Which sets is a matter of speed alone: any serve.
    """
    kinds = [(coded.words, len(coded.vocabulary), WORD_GAP), (coded.tags, len(coded.tag_names), TAG_GAP)]
    kinds = [each for each in kinds if len(each[0]) and max_sets]
    found = [
        common_patterns(codes, coded.offsets, n_items=n, gap=gap, min_share=min_share) for codes, n, gap in kinds
    ]
    cost = np.concatenate([np.empty(0), *(np.minimum(shares, 1 - shares) for _, shares in found)])  # of a search
    chosen = np.argsort(-cost, kind="stable")[:max_sets]
    chosen = chosen[cost[chosen] >= min_share]
    bits = np.zeros((coded.n_sentences, -(-len(chosen) // 64)), np.uint64)
    first_bit, first = 0, 0
    every = np.arange(coded.n_sentences)
    for (codes, n, gap), (patterns, _) in zip(kinds, found, strict=True):
        here = patterns[np.sort(chosen[(chosen >= first) & (chosen < first + len(patterns))]) - first]
        hold_patterns(codes, coded.offsets, every, here, gap, n, first_bit, bits)
        first, first_bit = first + len(patterns), first_bit + len(here)
    width = np.uint16 if rows.shape[1] < 1 << 16 else np.uint32
    counts = np.zeros((len(chosen), len(rows)), width)
    if len(chosen):
        count_bits(rows, bits, counts)
    return CommonSets(_by_set(bits, len(chosen)), counts)


def common_patterns(
    codes: NDArray[np.int32], offsets: NDArray[np.int64], *, n_items: int, gap: int, min_share: float
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Choose patterns that many sentences hold, judged by some of them.

    ``codes``: int32. Items of all sentences.
    ``offsets``: int64, shape (n_sentences + 1,). Where each sentence's items start.
    ``gap``: Most items skipped between two items of a pattern.
    Returns: patterns: int32, shape (n, MAX_LENGTH). Items in order, -1 after the last; by length.
    Returns: shares: float64, shape (n,). Share of the sentences looked at that hold each.
    """
    n = len(offsets) - 1
    rows = np.arange(0, n, max(1, n // LOOKED_AT), dtype=np.int64)
    pairs = [np.unique(codes[offsets[row] : offsets[row + 1]]) for row in rows.tolist()]
    n_held = np.bincount(np.concatenate([codes[:0], *pairs]), minlength=n_items)
    common = np.flatnonzero(n_held >= max(1.0, min_share * len(rows)))
    level = np.full((len(common), MAX_LENGTH), -1, np.int32)
    level[:, 0] = common
    patterns, shares = [level[:0]], [np.empty(0)]
    for length in range(1, MAX_LENGTH + 1):
        held = np.zeros((len(rows), -(-len(level) // 64)), np.uint64)
        hold_patterns(codes, offsets, rows, level, gap, n_items, 0, held)
        share = np.array([np.mean(_has(held, each)) for each in range(len(level))])
        level, share = level[share >= min_share], share[share >= min_share]
        patterns.append(level)
        shares.append(share)
        level = _longer(level[np.argsort(-share, kind="stable")[:WIDEST]], common, length=length)
        if length == MAX_LENGTH or not len(level):
            break
    return np.concatenate(patterns), np.concatenate(shares)


def _longer(level: NDArray[np.int32], common: NDArray[np.int64], *, length: int) -> NDArray[np.int32]:
    """Put every common item behind every pattern whose last items are one of the patterns too."""
    known = {tuple(each[:length]) for each in level.tolist()}
    longer = [
        [*pattern, item]
        for pattern in sorted(known)
        for item in common.tolist()
        if length == 1 or (*pattern[1:], item) in known
    ]
    made = np.full((len(longer), MAX_LENGTH), -1, np.int32)
    if longer and length < MAX_LENGTH:
        made[:, : length + 1] = longer
    return made


def _by_set(bits: NDArray[np.uint64], n_sets: int) -> NDArray[np.uint8]:
    """Turn bits by sentence into bits by set."""
    members = np.zeros((n_sets, -(-len(bits) // 64) * 8), np.uint8)
    for each in range(n_sets):
        members[each, : -(-len(bits) // 8)] = np.packbits(_has(bits, each), bitorder="little")
    return members


def _has(bits: NDArray[np.uint64], each: int) -> NDArray[np.bool_]:
    """Read one bit of every sentence."""
    return np.asarray((bits[:, each // 64] & np.uint64(1 << each % 64)) != 0, dtype=np.bool_)
