"""How sure it is that a pattern is more frequent in a list than elsewhere, when millions of patterns are tested."""

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

Z_95 = 1.959963984540054


class FalseDiscoveries(NamedTuple):
    """What is left of many tests when the share of false ones among those that pass is controlled."""

    q: NDArray[np.float64]
    """Smallest false-discovery rate at which each asked test passes."""
    n_passed: int
    """Tests that pass at the rate asked for."""


def g2_root(
    n_list: ArrayLike,
    size_list: ArrayLike,
    n_background: ArrayLike,
    size_background: ArrayLike,
    *,
    n_overlap: ArrayLike,
    size_overlap: ArrayLike,
) -> NDArray[np.float64]:
    """Compare a list with the rest of the background by the log-likelihood ratio G2; give its signed root.

    ``n_list, size_list``: Sentences of the list that hold the pattern; sentences of the list. Broadcast together.
    ``n_overlap, size_overlap``: How many of these two are sentences of the list: they are taken out of the
        background.
    Returns: float64, broadcast shape. Root of G2 (which has one degree of freedom), negative where the list has
        less; under the hypothesis that list and rest are draws from one population it is about normal. 0 where the
        rest is empty.

    Reference: T. Dunning (1993), Accurate Methods for the Statistics of Surprise and Coincidence, Comput.
        Linguistics 19(1).

    Examples
    --------
    >>> round(float(g2_root(60, 1_000, 1_260, 21_000, n_overlap=60, size_overlap=1_000)), 6)
    0.0
    >>> round(float(g2_root(20, 100, 0, 100, n_overlap=0, size_overlap=0)) ** 2, 2)
    29.95
    """
    arrays = (n_list, size_list, n_background, size_background, n_overlap, size_overlap)
    held, size, in_all, of_all, in_both, of_both = (np.asarray(each, dtype=np.float64) for each in arrays)
    rest, of_rest = np.maximum(in_all - in_both, 0.0), np.maximum(of_all - of_both, 0.0)
    pooled = (held + rest) / np.maximum(size + of_rest, 1.0)
    total = np.zeros(np.broadcast(held, size, rest, of_rest).shape)
    for observed, expected in (
        (held, pooled * size),
        (size - held, (1.0 - pooled) * size),
        (rest, pooled * of_rest),
        (of_rest - rest, (1.0 - pooled) * of_rest),
    ):
        ratio = np.divide(observed, expected, out=np.ones_like(total), where=(observed > 0) & (expected > 0))
        total += observed * np.log(ratio)
    root = np.sqrt(np.maximum(2.0 * total, 0.0))
    return np.asarray(np.where(held * of_rest >= rest * size, root, -root))


def fisher_surprise(
    n_list: NDArray[np.integer[Any]],
    size_list: int,
    n_background: NDArray[np.integer[Any]],
    size_background: int,
    *,
    n_overlap: NDArray[np.integer[Any]],
    size_overlap: int,
) -> NDArray[np.float32]:
    """Test exactly whether a list has more of each pattern than the rest of the background (Fisher, one-sided).

    ``n_list, n_background, n_overlap``: int, shape (n,). As of :func:`g2_root`.
    Returns: float32, shape (n,). ``-ln p``; 0 where the list has no more than its share. G2 would give a hundred
        times smaller p for patterns of five sentences: exactly what most tests are about.

    Examples
    --------
    >>> one, none = np.array([3, 0]), np.array([0, 0])
    >>> surprise = fisher_surprise(one, 3, none, 3, n_overlap=none, size_overlap=0)
    >>> [round(float(each), 3) for each in np.exp(-surprise)]
    [0.05, 1.0]
    """
    rest = np.maximum(n_background - n_overlap, 0)
    size_rest = max(size_background - size_overlap, 0)
    logs = log_factorials(1 << (size_list + size_rest).bit_length())
    columns = (each.astype(np.int64) for each in (n_list, np.minimum(rest, size_rest)))
    return upper_tails(*columns, size_list, size_rest, logs)  # type: ignore[no-any-return]


def false_discoveries(
    asked: NDArray[np.floating[Any]], *, every: NDArray[np.floating[Any]], n_tests: int, rate: float
) -> FalseDiscoveries:
    """Control the false-discovery rate of many tests (Benjamini and Hochberg).

    ``asked``: shape (n,). ``-ln p`` of the tests whose q is wanted; those above 0 are among `every`.
    ``every``: shape (m,). ``-ln p`` above 0 of all tests that were made. Of the others, none can pass.
    ``n_tests``: All hypotheses, those that were not looked at included: they count as not passing.
    ``rate``: Share of false ones allowed among those that pass.

    Reference: Y. Benjamini, Y. Hochberg (1995), Controlling the False Discovery Rate, J. Royal Statistical Society
        B 57(1).

    Examples
    --------
    >>> surprise = -np.log(np.array([0.1, 0.001], np.float32))
    >>> found = false_discoveries(surprise, every=surprise, n_tests=10, rate=0.05)
    >>> found.q.round(3).tolist(), found.n_passed
    ([0.5, 0.01], 1)
    """
    ascending = np.sort(every)
    if not len(ascending):
        return FalseDiscoveries(np.ones(len(asked)), 0)
    q = np.exp(-ascending.astype(np.float64))
    q *= n_tests
    q /= np.arange(len(q), 0, -1)
    np.minimum(q, 1.0, out=q)
    np.minimum.accumulate(q, out=q)
    order = np.argsort(asked)  # searches in order find their places in the cache
    places = np.empty(len(asked), np.int64)
    places[order] = np.minimum(np.searchsorted(ascending, asked[order]), len(q) - 1)
    return FalseDiscoveries(np.where(asked > 0, q[places], 1.0), int(np.count_nonzero(q <= rate)))


def wilson_interval(n: ArrayLike, size: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Say how far the share in a sample may be from that in what was sampled.

    ``n, size``: Sentences of the sample that hold something; sentences of the sample, at least 1. Broadcast
        together.
    Returns: low, high: float64, broadcast shape. Ends of the 95 % interval of the share.

    Reference: E. Wilson (1927), Probable Inference, the Law of Succession, and Statistical Inference, JASA 22(158).

    Examples
    --------
    >>> [round(float(end), 3) for end in wilson_interval(0, 100)]
    [0.0, 0.037]
    """
    counts, sizes = np.asarray(n, dtype=np.float64), np.asarray(size, dtype=np.float64)
    share = counts / sizes
    centre = share + Z_95**2 / (2 * sizes)
    margin = Z_95 * np.sqrt(share * (1 - share) / sizes + Z_95**2 / (4 * sizes**2))
    below = 1 + Z_95**2 / sizes
    low = np.where(counts > 0, (centre - margin) / below, 0.0)
    return low, np.asarray(np.where(counts < sizes, (centre + margin) / below, 1.0))


@lru_cache(maxsize=4)
def log_factorials(n: int) -> NDArray[np.float64]:
    """Give the logarithms of the factorials of 0 to n."""
    logs = np.zeros(n + 1)
    np.cumsum(np.log(np.arange(1, n + 1)), out=logs[1:])
    return logs


@njit(cache=True, nogil=True)
def upper_tails(
    held: NDArray[np.int64], rest: NDArray[np.int64], size: int, size_rest: int, logs: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Sum the upper tail of the hypergeometric distribution; `logs` are logarithms of factorials."""
    surprise = np.zeros(len(held), np.float32)
    total = size + size_rest
    every = logs[total] - logs[size] - logs[size_rest]
    for k in range(len(held)):
        x, n = held[k], held[k] + rest[k]
        if x * size_rest <= rest[k] * size:
            continue
        first = logs[n] - logs[x] - logs[n - x] + logs[total - n] - logs[size - x]
        first -= logs[total - n - size + x] + every
        term = tail = 1.0  # by the first term
        while x < min(n, size) and term > 1e-9 * tail:
            term *= float((n - x) * (size - x)) / float((x + 1) * (size_rest - n + x + 1))
            tail += term
            x += 1
        surprise[k] = max(0.0, -first - math.log(tail))
    return surprise
