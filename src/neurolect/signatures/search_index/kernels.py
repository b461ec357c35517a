"""Which sentences hold patterns, and how many of them every list has; a pattern is one bit of a sentence's words.

Dims: S sentences, P patterns of at most L items, W = ceil(P / 64) words of bits, N places of a list.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

PLANES = 32
"""Binary digits of a count."""


@njit(cache=True, nogil=True)
def hold_patterns(
    codes: NDArray[np.int32],
    offsets: NDArray[np.int64],
    rows: NDArray[np.int64],
    patterns: NDArray[np.int32],
    gap: int,
    n_items: int,
    first_bit: int,
    bits: NDArray[np.uint64],
) -> None:
    """Set the bit of every pattern that a sentence holds.

    ``codes``: int32. Items of all sentences.
    ``offsets``: int64, shape (n_sentences + 1,). Where each sentence's items start.
    ``rows``: int64, shape (S,). Which sentences.
    ``patterns``: int32, shape (P, L). Items in order, -1 after the last.
    ``gap``: Most items skipped between two items of a pattern.
    ``bits``: uint64, shape (S, W). Written to.
    """
    one = np.uint64(1)
    places = np.zeros(n_items, np.uint64)  # where each item is in the sentence
    for s in range(len(rows)):
        begin, end = offsets[rows[s]], offsets[rows[s] + 1]
        short = end - begin <= 64
        if short:
            for at in range(begin, end):
                places[codes[at]] |= one << np.uint64(at - begin)
        for p in range(patterns.shape[0]):
            if _in_short(places, patterns[p], gap) if short else _in_long(codes[begin:end], patterns[p], gap):
                bit = first_bit + p
                bits[s, bit // 64] |= one << np.uint64(bit % 64)
        if short:
            for at in range(begin, end):
                places[codes[at]] = 0


@njit(cache=True, nogil=True)
def _in_short(places: NDArray[np.uint64], pattern: NDArray[np.int32], gap: int) -> bool:
    """Shift the places reached so far over the gap, and keep those where the next item is."""
    ends = places[pattern[0]]
    for step in range(1, len(pattern)):
        if ends == 0 or pattern[step] < 0:
            break
        reached = np.uint64(0)
        for _ in range(gap + 1):
            ends <<= np.uint64(1)
            reached |= ends
        ends = reached & places[pattern[step]]
    return bool(ends != 0)


@njit(cache=True, nogil=True)
def _in_long(codes: NDArray[np.int32], pattern: NDArray[np.int32], gap: int) -> bool:
    """Do the same a place at a time."""
    n = len(codes)
    ends = codes == pattern[0]
    for step in range(1, len(pattern)):
        if pattern[step] < 0:
            break
        further = np.zeros(n, np.bool_)
        for at in range(1, n):
            if codes[at] == pattern[step]:
                further[at] = ends[max(0, at - 1 - gap) : at].any()
        ends = further
    return bool(ends.any())


@njit(cache=True, nogil=True)
def count_bits(rows: NDArray[np.int32], bits: NDArray[np.uint64], counts: NDArray[np.unsignedinteger]) -> None:
    """Count every bit over the sentences of every list.

    Counts of 64 bits are upright in binary digits: digit k of all of them is one word, and a sentence is added to
    all at once. Eight sentences are added up among themselves first.

    ``rows``: int32, shape (n_lists, N). Sentences of each list; -1 after the last.
    ``bits``: uint64, shape (n_sentences, W). Bits of each sentence.
    ``counts``: unsigned integer, shape (W * 64, n_lists). Written to.
    """
    n_words = bits.shape[1]
    digits = np.zeros((PLANES, n_words), np.uint64)
    for each in range(rows.shape[0]):
        digits[:] = 0
        at, n = 0, rows.shape[1]
        while at < n:
            if at + 8 <= n and rows[each, at + 7] >= 0:
                _add_eight(rows, each, at, bits, digits)
                at += 8
                continue
            if rows[each, at] >= 0:
                for w in range(n_words):
                    _carry(digits, w, 0, bits[rows[each, at], w])
            at += 1
        for bit in range(counts.shape[0]):
            total = 0
            for k in range(PLANES):
                total += int((digits[k, bit // 64] >> np.uint64(bit % 64)) & np.uint64(1)) << k
            counts[bit, each] = total


@njit(cache=True, nogil=True)
def _add_eight(
    rows: NDArray[np.int32], each: int, at: int, bits: NDArray[np.uint64], digits: NDArray[np.uint64]
) -> None:
    """Add eight sentences: seven full adders make one carry to the fourth digit of what were eight to the first."""
    for w in range(bits.shape[1]):
        ones, twos, fours = digits[0, w], digits[1, w], digits[2, w]
        ones, two_a = _add(ones, bits[rows[each, at], w], bits[rows[each, at + 1], w])
        ones, two_b = _add(ones, bits[rows[each, at + 2], w], bits[rows[each, at + 3], w])
        twos, four_a = _add(twos, two_a, two_b)
        ones, two_a = _add(ones, bits[rows[each, at + 4], w], bits[rows[each, at + 5], w])
        ones, two_b = _add(ones, bits[rows[each, at + 6], w], bits[rows[each, at + 7], w])
        twos, four_b = _add(twos, two_a, two_b)
        fours, eight = _add(fours, four_a, four_b)
        digits[0, w], digits[1, w], digits[2, w] = ones, twos, fours
        _carry(digits, w, 3, eight)


@njit(cache=True, nogil=True)
def _add(a: np.uint64, b: np.uint64, c: np.uint64) -> tuple[np.uint64, np.uint64]:
    """Add three digits of 64 counts: sum and carry."""
    half = a ^ b
    return half ^ c, (a & b) | (half & c)


@njit(cache=True, nogil=True)
def _carry(digits: NDArray[np.uint64], w: int, k: int, carry: np.uint64) -> None:
    while carry != 0:
        held = digits[k, w]
        digits[k, w] = held ^ carry
        carry &= held
        k += 1
