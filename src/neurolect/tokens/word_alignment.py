"""Which model tokens cover which words; and a word's weight."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Alignment(NamedTuple):
    """Pairs of a word and a token that share a character."""

    words: NDArray[np.int64]
    tokens: NDArray[np.int64]
    n_words: int


def word_spans(text: str, words: Sequence[str]) -> list[tuple[int, int]]:
    """Find words in their sentence, one after the other.

    ``words``: Its words, in order, as :func:`neurolect.corpus.words.split_words` gives them.
    Returns: list of (int, int). First character and one past the last; an empty span for a word that is not there.

    Examples
    --------
    >>> word_spans("I don't, no.", ["I", "do", "n't", ",", "no", "."])
    [(0, 1), (2, 4), (4, 7), (7, 8), (9, 11), (11, 12)]
    """
    spans, at = [], 0
    for word in words:
        start = text.find(word, at)
        if start < 0:
            spans.append((at, at))
            continue
        at = start + len(word)
        spans.append((start, at))
    return spans


def align(spans: Sequence[tuple[int, int]], *, starts: NDArray[np.int32], ends: NDArray[np.int32]) -> Alignment:
    """Pair words with the tokens that cover them.

    ``spans``: sequence of (int, int). Characters of each word.
    ``starts, ends``: int32, shape (n_tokens,). Characters of each token.
    Returns: A word cut off with the end of a long sentence is in no pair.
    """
    bounds = np.array(spans, np.int64).reshape(-1, 2)
    shared = np.minimum(bounds[:, 1:], ends[None]) > np.maximum(bounds[:, :1], starts[None])
    words, tokens = np.nonzero(shared)
    return Alignment(words, tokens, len(bounds))


def word_weights(
    values: NDArray[np.float32], alignment: Alignment, *, mean: float, sign: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Share a sentence's excess activation out to its words.

    ``values``: float32, shape (n_tokens,). Activations at the tokens.
    Returns: activations: float64, shape (n_words,). Mean activation of each word's tokens; NaN for a word without
        one.
    Returns: weights: float64, shape (n_words,). The part above the mean (below it, for the bottom list) divided by
        the sentence's average word's, so that they average 1; all 0 where no word is above the mean.
    """
    n = np.bincount(alignment.words, minlength=alignment.n_words)
    sums = np.bincount(alignment.words, weights=values[alignment.tokens], minlength=alignment.n_words)
    activations = np.divide(sums, n, out=np.full(len(n), np.nan), where=n > 0)
    excess = np.maximum(np.nan_to_num(sign * (activations - mean)), 0.0)
    total = excess.sum()
    return activations, excess * (len(excess) / total) if total > 0 else np.zeros(len(excess))
