"""Scores of one piece of evidence: how much more of it is in a list than in the background.

Counts are sentences that hold the evidence (tokens, for tags). The sentences of a list are, in
whole or in part, sentences of the background too; ``overlap`` says how much of the background's
count came from them, and is taken out, so that a list is never compared with itself.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

PRIOR_SIZE = 500.0
"""Sentences' weight of the prior in log-odds z, where an option does not say otherwise."""
MIN_Z = 2.0
"""Evidence of a lower log-odds z is what chance gives among thousands of candidates: it is not shown or used."""


def lift(
    n_list: ArrayLike, size_list: ArrayLike, n_background: ArrayLike, size_background: ArrayLike
) -> NDArray[np.float64]:
    """Divide the share in the list by the share in the (whole) background.

    ``n_list, size_list``: Sentences of the list that hold the evidence; sentences of the list. Broadcast together.
    Returns: float64, broadcast shape. The lift; NaN where the background does not hold the evidence or a size is
        zero.

    Examples
    --------
    >>> float(lift(50, 100, 1_000, 10_000))
    5.0
    """
    above = _float(n_list) * _float(size_background)
    below = _float(n_background) * _float(size_list)
    result = np.full(np.broadcast(above, below).shape, np.nan)
    return np.asarray(np.divide(above, below, out=result, where=below > 0))


def log_odds_z(
    n_list: ArrayLike,
    size_list: ArrayLike,
    n_background: ArrayLike,
    size_background: ArrayLike,
    *,
    n_overlap: ArrayLike | None = None,
    size_overlap: ArrayLike | None = None,
    prior_size: float = PRIOR_SIZE,
) -> NDArray[np.float64]:
    """Compare a list with the rest of the background: log-odds ratio over its standard deviation.

    Both sides get a prior of `prior_size` sentences that hold the evidence at the background's
    share, so evidence seen a handful of times does not outrank evidence seen hundreds of times.

    ``n_background, size_background``: The same in the background, the list's own sentences included where they
        belong to it.
    ``n_overlap, size_overlap``: How many of `n_background` and `size_background` are sentences of the list. Left
        out, the whole list lies in the background; 0 says that the two are disjoint.
    Returns: float64, broadcast shape. Above 0 where the list has more, exactly 0 (up to rounding) where the shares
        are equal.

    With ``y`` sentences of ``n`` that hold the evidence, background share ``p`` and prior ``a``::

        delta = log((y + ap) / (n - y + a(1-p)))  of the list, minus the same of the rest
        z = delta / sqrt((1/(y_list + ap) + 1/(y_background + ap)) / (1 - p))

    Differs from the paper in the variance, which there is ``1/(y_list + ap) + 1/(y_rest + ap)``:
    (1) the rest's term would punish what occurs *only* in the list (then ``y_rest`` is 0), so the
    whole background is used; (2) the paper counts rare words, while shares of metadata and
    tags come near 1, where ``1 - p`` matters. With fixed margins z grows strictly with `n_list`
    from 0 on.

    Reference: B. Monroe, M. Colaresi, K. Quinn (2008), Fightin' Words, Political Analysis 16(4), eq. 15-22.

    Examples
    --------
    >>> abs(float(log_odds_z(60, 1_000, 1_260, 21_000).round(6)))
    0.0
    >>> bool(log_odds_z(90, 1_000, 1_260, 21_000) > 2)
    True
    """
    in_list, of_list = _float(n_list), _float(size_list)
    in_all, of_all = _float(n_background), _float(size_background)
    # An item that the background (a sample) misses gets half a sentence there, and one that every
    # sentence has leaves half a sentence without it: both odds stay finite.
    share = np.clip(in_all, 0.5, np.maximum(of_all - 0.5, 0.5)) / np.maximum(of_all, 1.0)
    in_rest = np.maximum(in_all - (in_list if n_overlap is None else _float(n_overlap)), 0.0)
    of_rest = np.maximum(of_all - (of_list if size_overlap is None else _float(size_overlap)), in_rest)
    held, without = share * prior_size, (1.0 - share) * prior_size
    delta = np.log(in_list + held) - np.log(of_list - in_list + without)
    delta -= np.log(in_rest + held) - np.log(of_rest - in_rest + without)
    variance = (1.0 / (in_list + held) + 1.0 / (in_all + held)) / (1.0 - share)
    return np.asarray(delta / np.sqrt(variance))


def _float(values: ArrayLike) -> NDArray[np.float64]:
    return np.asarray(values, dtype=np.float64)


# One scale for evidence of every kind: how many bits a sentence of the list differs from the background.
#
# A word, a metadata value, a tag and a mean length have nothing in common but this: the number of
# bits by which the list's distribution diverges from the background's. It grows with the share of
# the list that is covered and with the lift, so neither a rarity that covers two sentences in a
# hundred nor a commonplace makes a name.
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
