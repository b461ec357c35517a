"""How well groups found without looking agree with groups that are known: accuracy, chance, an interval."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment


class Accuracy(NamedTuple):
    """Agreement of a clustering with known groups."""

    accuracy: float
    """Share of points whose cluster is matched with their group, by the best one-to-one matching."""
    low: float
    """Lower end of the 95 % interval: points drawn again with replacement, matched again, less the bias of that."""
    high: float
    """Upper end."""
    chance: float
    """Mean accuracy when the groups are dealt out at random; above 1/groups, since the best matching is taken."""
    chance_high: float
    """The 95th percentile of that."""
    p: float
    """Share of random dealings (and the true one) that reach the accuracy."""


def best_assignment(gains: NDArray[np.int64]) -> NDArray[np.int64]:
    """Match rows and columns one to one so that the sum of gains is greatest; -1 for rows left over."""
    columns = np.full(len(gains), -1, dtype=np.int64)
    rows, matched = linear_sum_assignment(gains, maximize=True)
    columns[rows] = matched
    return columns


def crossed(
    labels: NDArray[np.int32], groups: NDArray[np.int32], *, n_labels: int, n_groups: int
) -> NDArray[np.int64]:
    """Count the points of every cluster in every group, shape (n_labels, n_groups).

    >>> crossed(np.array([0, 0, 1], np.int32), np.array([1, 1, 0], np.int32), n_labels=2, n_groups=2).tolist()
    [[0, 2], [1, 0]]
    """
    cells = np.bincount(labels.astype(np.int64) * n_groups + groups, minlength=n_labels * n_groups)
    return cells.reshape(n_labels, n_groups).astype(np.int64)


def cluster_accuracy(
    labels: NDArray[np.int32],
    groups: NDArray[np.int32],
    *,
    n_labels: int,
    n_groups: int,
    seed: int = 0,
    n_draws: int = 500,
) -> Accuracy:
    """Measure how well clusters agree with known groups, by `n_draws` random dealings and bootstrap samples."""
    table = crossed(labels, groups, n_labels=n_labels, n_groups=n_groups)
    n = len(labels)
    accuracy = _matched_share(table)
    random = np.random.default_rng(seed)
    dealt = np.empty(n_draws)
    for draw in range(n_draws):
        mixed = random.permutation(groups)
        dealt[draw] = _matched_share(crossed(labels, mixed, n_labels=n_labels, n_groups=n_groups))
    # drawing n points with replacement is drawing their cells
    cells = random.multinomial(n, (table / n).ravel(), size=n_draws).reshape(n_draws, *table.shape)
    again = np.array([_matched_share(each) for each in cells])
    # the best matching of a sample is better than it should be, and the more so the fewer points agree
    again += accuracy - again.mean()
    low, high = np.clip(np.quantile(again, [0.025, 0.975]), 0.0, 1.0)
    reached = int(np.count_nonzero(dealt >= accuracy - 1e-12))
    return Accuracy(
        accuracy=accuracy,
        low=float(low),
        high=float(high),
        chance=float(dealt.mean()),
        chance_high=float(np.quantile(dealt, 0.95)),
        p=(reached + 1) / (n_draws + 1),
    )


def _matched_share(table: NDArray[np.int64]) -> float:
    return float(table[linear_sum_assignment(table, maximize=True)].sum() / max(table.sum(), 1))
