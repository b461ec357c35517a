"""One scale for evidence of every kind: how many bits a sentence of the list differs from the background.

A word, a metadata value, a tag and a mean length have nothing in common but this: the number of
bits by which the list's distribution diverges from the background's. It grows with the share of
the list that is covered and with the lift, so neither a rarity that covers two sentences in a
hundred nor a commonplace makes a name.
"""

import numpy as np
from numpy.typing import NDArray


def share_bits(share: NDArray[np.float64], background: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the divergence of a share in the list from a share in the background.

    ``share, background``: float64, shape (n,), 0 to 1. Shares; moved off 0 and 1 by 1e-6.
    Returns: float64, shape (n,). Kullback-Leibler divergence in bits; 0 where the list has less than the
        background.

    Examples
    --------
    >>> share_bits(np.array([0.5, 0.1]), np.array([0.05, 0.2])).round(2).tolist()
    [1.2, 0.0]
    """
    p, q = np.clip(share, 1e-6, 1 - 1e-6), np.clip(background, 1e-6, 1 - 1e-6)
    bits: NDArray[np.float64] = p * np.log2(p / q) + (1 - p) * np.log2((1 - p) / (1 - q))
    return np.where(p > q, bits, 0.0)


def expected_share(background: NDArray[np.float64], times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the share of sentences that would hold a word if they were so many times as long.

    ``background``: float64, shape (n,). Share at the usual length.
    ``times``: float64, shape (n,), > 0. Length by the usual length.
    Returns: float64, shape (n,). ``1 - (1 - background) ** times``: long sentences hold more of every word, which
        is no theme.

    Examples
    --------
    >>> expected_share(np.array([0.5]), np.array([2.0])).tolist()
    [0.75]
    """
    return np.asarray(-np.expm1(times * np.log1p(-np.clip(background, 0.0, 1 - 1e-9))))


def length_bits(
    mean: NDArray[np.float64],
    deviation: NDArray[np.float64],
    *,
    background_mean: float,
    background_deviation: float,
) -> NDArray[np.float64]:
    """Give the divergence of lengths in the list from lengths in the background.

    ``mean, deviation``: float64, shape (n,). Mean and standard deviation of each list.
    Returns: float64, shape (n,). Of two normal distributions, in bits, but only what their means explain: 0 at
        equal means.
    """
    if background_deviation <= 0:
        return np.zeros(len(mean))
    distance = np.nan_to_num(mean - background_mean) / background_deviation
    # A list of short sentences also varies less; the variance counts as far as the mean has moved.
    ratio = np.clip(np.nan_to_num(deviation) / background_deviation, 0.2, 1.0)
    narrower = (ratio**2 - 1) / 2 - np.log(ratio)
    return np.asarray((distance**2 / 2 + narrower * np.minimum(np.abs(distance), 1.0)) / np.log(2))
