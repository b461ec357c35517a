"""Ranks of numbers from 1: each its own, or equal numbers the mean of theirs."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray


def descending_ranks(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Rank the greatest number first, ties in the order given, NaN last.

    >>> descending_ranks(np.array([0.5, np.nan, 2.0, 0.5])).tolist()
    [2, 4, 1, 3]
    """
    order = np.argsort(np.where(np.isnan(values), np.inf, -values), kind="stable")
    ranks = np.empty(len(values), dtype=np.int64)
    ranks[order] = np.arange(1, len(values) + 1)
    return ranks


def mean_ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rank the least number first, equal numbers by the mean of their ranks, NaN last.

    >>> mean_ranks(np.array([0.5, np.nan, 2.0, 0.5])).tolist()
    [1.5, 4.0, 3.0, 1.5]
    """
    # scipy.stats.rankdata gives the same, but takes 0.6 s to import: more than half of what `rank` takes
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True, equal_nan=True)
    ranks: NDArray[np.float64] = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return ranks


def rank_correlation_of(one: NDArray[np.float64], other: NDArray[np.float64]) -> float | None:
    """Correlate ranks (Spearman) where both are finite; None of fewer than three pairs, or where one is constant.

    >>> rank_correlation_of(np.array([1.0, 2.0, np.nan, 9.0]), np.array([3.0, 1.0, 5.0, 0.0]))
    -1.0
    """
    there = np.isfinite(one) & np.isfinite(other)
    if there.sum() < 3:
        return None
    ranks = [mean_ranks(each[there]) for each in (one, other)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1]) if min(np.ptp(each) for each in ranks) > 0 else None


# The different values of an array, by sorting: since 2.3 NumPy hashes integers to find them, ten times slower.
Number = TypeVar("Number", bound=np.integer)


def distinct(values: NDArray[Number]) -> NDArray[Number]:
    """Give every value once.

    ``values``: int array, shape (n,). Of any integer type.
    Returns: int array, shape (n_distinct,), ascending. Of the same type.

    Examples
    --------
    >>> distinct(np.array([3, 1, 3, 2]))
    array([1, 2, 3])
    """
    ordered = np.sort(values)
    first = np.ones(len(ordered), dtype=np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    return ordered[first]
