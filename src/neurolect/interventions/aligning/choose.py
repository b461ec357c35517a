"""Which phrases a list is aligned with, and random ones to compare with: arrays only.

Dims: C candidates of a list, R random phrases of the corpus.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Compared(NamedTuple):
    """Candidates of a list with their degrees of alignment."""

    activation: NDArray[np.float64]
    """Shape (C,): the degree of alignment, what the neuron gives for the repeated phrase."""
    excess: NDArray[np.float64]
    """Shape (C,): how far above random phrases of as many words, in standard deviations of the neuron over the
    corpus; for a bottom list how far below."""


def compare(
    activation: NDArray[np.floating],
    n_words: NDArray[np.integer],
    random: NDArray[np.floating],
    random_n_words: NDArray[np.integer],
    *,
    std: float,
    sign: int,
) -> Compared:
    """Compare candidates with random phrases of the same length.

    ``activation``: shape (C,). Of repeated candidates; NaN for one that is no text to the model.
    ``n_words``: int, shape (C,).
    ``random``: shape (R,). The same neuron for repeated random phrases.
    ``random_n_words``: int, shape (R,). Of a length without any, the mean of all is taken.
    ``std``: Of the neuron over the corpus.
    ``sign``: -1 for a bottom list.
    """
    values = np.asarray(activation, np.float64)
    finite = np.isfinite(random)
    everywhere = float(np.mean(random[finite], dtype=np.float64)) if finite.any() else 0.0
    usual = np.full(len(values), everywhere)
    for length in np.unique(n_words).tolist():
        same = finite & (random_n_words == length)
        if same.any():
            usual[n_words == length] = float(np.mean(random[same], dtype=np.float64))
    return Compared(values, sign * (values - usual) / max(std, 1e-12))


def first_of(excess: NDArray[np.float64], n: int) -> NDArray[np.int64]:
    """Give the candidates of the greatest excess, the greatest first, ties by their order; NaN never.

    Examples
    --------
    >>> first_of(np.array([1.0, np.nan, 3.0, 3.0]), 2).tolist()
    [2, 3]
    """
    order = np.argsort(-excess, kind="stable")
    return order[np.isfinite(excess[order])][:n]


def of_same_lengths(
    random: np.random.Generator, n_words: NDArray[np.integer], lengths: NDArray[np.integer]
) -> NDArray[np.int64]:
    """Draw for each length one of the phrases as long, without repeating one; of any length where none is left.

    ``n_words``: int, shape (n,). Of the phrases to draw from.
    ``lengths``: int, shape (m,).
    Returns: int64, shape (min(m, n),).
    """
    left = random.permutation(len(n_words)).tolist()
    drawn: list[int] = []
    for length in lengths.tolist():
        if not left:
            break
        chosen = next((each for each in left if n_words[each] == length), left[0])
        left.remove(chosen)
        drawn.append(chosen)
    return np.array(drawn, np.int64)
