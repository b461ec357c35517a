"""Mean sentence length of lists against the lengths of all sentences read."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.signatures.lists import Lists

__all__ = ["Lengths", "compare_lengths"]


class Lengths(NamedTuple):
    """Lengths in words."""

    mean: NDArray[np.float64]
    """Mean of each list, shape (n_lists,); NaN for an empty one."""
    z: NDArray[np.float64]
    """Its distance from the background mean in standard errors, shape (n_lists,)."""
    deviation: NDArray[np.float64]
    """Standard deviation within each list, shape (n_lists,)."""
    background_mean: float
    """Mean over all sentences read."""
    background_deviation: float
    """Standard deviation over all sentences read."""

    @property
    def times_longer(self) -> NDArray[np.float64]:
        """Mean of each list by the background's; 1 for an empty list."""
        times = np.nan_to_num(self.mean / max(self.background_mean, 1e-9), nan=1.0)
        return np.maximum(times, 1e-3)


def compare_lengths(
    n_words: NDArray[np.int32],
    lists: Lists,
    *,
    background_n_words: NDArray[np.int64],
    background_n_sentences: NDArray[np.int64],
) -> Lengths:
    """Compare mean lengths of lists with the background's.

    Parameters
    ----------
    n_words : int32, shape (n_sentences,)
        Length of each kept sentence.
    lists : Lists
        Lists of kept sentences.
    background_n_words, background_n_sentences : int64, shape (n_lengths,)
        How many sentences read had each length.

    Returns
    -------
    Lengths
        ``z`` is the z-test of a mean against the background's mean and variance; 0 where all
        sentences have one length.
    """
    sizes = lists.sizes
    lengths = np.append(n_words.astype(np.int64), 0)  # -1, the mark of a missing place, reads the 0
    sums = np.array([lengths[rows].sum() for rows in lists.rows], dtype=np.float64)
    squares = np.array([np.square(lengths[rows]).sum() for rows in lists.rows], dtype=np.float64)
    means = np.divide(sums, sizes, out=np.full(len(sizes), np.nan), where=sizes > 0)
    mean_squares = np.divide(squares, sizes, out=np.full(len(sizes), np.nan), where=sizes > 0)
    total = max(int(background_n_sentences.sum()), 1)
    mean = float((background_n_words * background_n_sentences).sum() / total)
    variance = float(((background_n_words - mean) ** 2 * background_n_sentences).sum() / total)
    deviation = np.nan_to_num(means - mean)
    z = deviation / np.sqrt(variance / np.maximum(sizes, 1)) if variance > 0 else np.zeros(len(sizes))
    return Lengths(
        mean=means,
        z=z,
        deviation=np.sqrt(np.maximum(mean_squares - means**2, 0.0)),
        background_mean=mean,
        background_deviation=float(np.sqrt(variance)),
    )
