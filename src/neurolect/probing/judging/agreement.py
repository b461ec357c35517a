"""How alike orders of the same neurons are.

Dims: N neurons.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Order = NDArray[np.int64]


def jaccard_at(one: Order, other: Order, k: int) -> float:
    """Give the share of the first k of either that both have."""
    both = len(np.intersect1d(one[:k], other[:k]))
    return both / (2 * min(k, len(one)) - both)


def rank_biased_overlap(one: Order, other: Order, *, persistence: float = 0.9) -> float:
    """Weigh the overlap of prefixes, less with depth; the same orders have 1 (Webber et al. 2010)."""
    n = len(one)
    place = np.empty(n, np.int64)
    place[other] = np.arange(n)
    enters = np.maximum(np.arange(n), place[one])  # the depth at which a neuron is in both
    overlap = np.cumsum(np.bincount(enters, minlength=n)) / np.arange(1, n + 1)
    weights = (1 - persistence) * persistence ** np.arange(n)
    return float(weights @ overlap + persistence**n * overlap[-1])


def spearman(one: Order, other: Order) -> float:
    """Correlate the ranks."""
    n = len(one)
    ranks = np.empty((2, n))
    for row, order in zip(ranks, (one, other), strict=True):
        row[order] = np.arange(n)
    return 1.0 - 6.0 * float(((ranks[0] - ranks[1]) ** 2).sum()) / (n * (n * n - 1)) if n > 1 else 1.0


def vote(orders: Sequence[Order], *, n_voted: int = 100) -> Order:
    """Order by points: each order gives its first neurons as many as there are from them on (Borda); ties by id."""
    points = np.zeros(len(orders[0]))
    for order in orders:
        first = order[:n_voted]
        points[first] += np.arange(n_voted, n_voted - len(first), -1)
    return np.argsort(-points, kind="stable")


def neuron_vote(orders: Sequence[Order], which: int, k: int, *, with_itself: bool = False) -> float:
    """Give how far the first k of an order are those that the orders vote for (Fan et al. 2023)."""
    voters = [order for place, order in enumerate(orders) if with_itself or place != which]
    return jaccard_at(orders[which], vote(voters), k)
