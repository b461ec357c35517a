"""What a pattern's occurrences in a sentence are worth: the mean weight of the words that they cover.

All ways to place a pattern's items count alike. They may be many, so sums over them are kept by the place of the
last item: the ways to reach it, and what the words on all these ways add up to.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def weigh_occurrences(
    codes: NDArray[np.int32],
    offsets: NDArray[np.int64],
    values: NDArray[np.float64],
    patterns: NDArray[np.int32],
    max_gap: int,
    means: NDArray[np.float64],
) -> None:
    """Average word values over the occurrences of patterns.

    ``codes``: int32, shape (n_words,). Item of each word of some sentences.
    ``offsets``: int64, shape (n_sentences + 1,). Where each sentence starts.
    ``values``: float64, shape (n_words, n_values). Numbers of each word.
    ``patterns``: int32, shape (n_patterns, n_items). Items in order, -1 after the last.
    ``max_gap``: Most words skipped between two items; -1 for any number.
    ``means``: float64, shape (n_patterns, n_sentences, n_values). Written to: mean over the pattern's words and all
        its occurrences; NaN where a sentence does not hold it.
    """
    longest = 0
    for sentence in range(len(offsets) - 1):
        longest = max(longest, offsets[sentence + 1] - offsets[sentence])
    n_values = values.shape[1]
    ways, sums = np.zeros((2, longest)), np.zeros((2, longest, n_values))
    for p in range(patterns.shape[0]):
        for sentence in range(len(offsets) - 1):
            begin, n = offsets[sentence], offsets[sentence + 1] - offsets[sentence]
            length = _place(codes[begin : begin + n], values[begin : begin + n], patterns[p], max_gap, ways, sums)
            now = (length - 1) % 2
            total = ways[now, :n].sum()
            for each in range(n_values):
                share = sums[now, :n, each].sum() / (length * total) if total > 0 else np.nan
                means[p, sentence, each] = share


@njit(cache=True, nogil=True)
def _place(
    codes: NDArray[np.int32],
    values: NDArray[np.float64],
    pattern: NDArray[np.int32],
    max_gap: int,
    ways: NDArray[np.float64],
    sums: NDArray[np.float64],
) -> int:
    """Place item after item; row `(length - 1) % 2` then holds ways and sums by the last item's place."""
    n = len(codes)
    for at in range(n):
        fits = codes[at] == pattern[0]
        ways[0, at] = 1.0 if fits else 0.0
        for each in range(values.shape[1]):
            sums[0, at, each] = values[at, each] if fits else 0.0
    length = 1
    while length < len(pattern) and pattern[length] >= 0:
        before, now = (length - 1) % 2, length % 2
        for at in range(n):
            ways[now, at] = 0.0
            sums[now, at] = 0.0
            if codes[at] != pattern[length]:
                continue
            first = 0 if max_gap < 0 else max(0, at - 1 - max_gap)
            for earlier in range(first, at):
                if ways[before, earlier] > 0:
                    ways[now, at] += ways[before, earlier]
                    for each in range(values.shape[1]):
                        sums[now, at, each] += sums[before, earlier, each]
            for each in range(values.shape[1]):
                sums[now, at, each] += ways[now, at] * values[at, each]
        length += 1
    return length
