"""Ranks of numbers, each its own or equal ones the same."""

import numpy as np
from numpy.typing import NDArray


def descending_ranks(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Give ranks from 1, the greatest number first.

    Parameters
    ----------
    values : float64, shape (n,)
        Numbers; NaN comes last.

    Returns
    -------
    int64, shape (n,)
        A different rank each; ties in the order given.

    Examples
    --------
    >>> descending_ranks(np.array([0.5, np.nan, 2.0, 0.5])).tolist()
    [2, 4, 1, 3]
    """
    order = np.argsort(np.where(np.isnan(values), np.inf, -values), kind="stable")
    ranks = np.empty(len(values), dtype=np.int64)
    ranks[order] = np.arange(1, len(values) + 1)
    return ranks


def shared_ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give ranks from 1, the greatest number first, equal numbers the mean of their ranks.

    Parameters
    ----------
    values : float64, shape (n,)
        Numbers; NaN comes last.

    Returns
    -------
    float64, shape (n,)
        Ranks that do not depend on the order of equal numbers: those of layers are compared by them.

    Examples
    --------
    >>> shared_ranks(np.array([0.5, np.nan, 2.0, 0.5])).tolist()
    [2.5, 4.0, 1.0, 2.5]
    """
    _, inverse, counts = np.unique(-values, return_inverse=True, return_counts=True, equal_nan=True)
    last = np.cumsum(counts)
    shared: NDArray[np.float64] = (last - (counts - 1) / 2)[inverse]
    return shared
