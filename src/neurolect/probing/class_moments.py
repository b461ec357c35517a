"""Mean, variance and range of every neuron in every class, while rows stream by.

Dims: T units, N neurons, K classes. Knows arrays only.
"""

from typing import Any, Self

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurolect.probing.labels import check_finite
from neurolect.probing.rows import Rows, widened


class ClassMoments:
    """Counts, means and sums of squared distances from them, by class; least and greatest values over all."""

    def __init__(self, n_classes: int, n_neurons: int) -> None:
        self.n_K = np.zeros(n_classes, np.int64)
        self.mean_KN = np.zeros((n_classes, n_neurons))
        self.squares_KN = np.zeros((n_classes, n_neurons))
        self.low_N = np.full(n_neurons, np.inf)
        self.high_N = np.full(n_neurons, -np.inf)

    def update(self, block_TN: NDArray[Any], labels_T: NDArray[np.int64]) -> None:
        """Add rows with their classes."""
        parts = (self.n_K, self.mean_KN, self.squares_KN, self.low_N, self.high_N)
        _add(widened(block_TN), labels_T, *parts)

    def merge(self, other: "ClassMoments") -> "ClassMoments":
        """Add what was gathered from other rows (Chan et al. 1979)."""
        found = ClassMoments(*self.mean_KN.shape)
        found.n_K = self.n_K + other.n_K
        share = other.n_K / np.maximum(found.n_K, 1)
        away = other.mean_KN - self.mean_KN
        found.mean_KN = self.mean_KN + away * share[:, None]
        found.squares_KN = self.squares_KN + other.squares_KN + away**2 * (self.n_K * share)[:, None]
        found.low_N = np.minimum(self.low_N, other.low_N)
        found.high_N = np.maximum(self.high_N, other.high_N)
        return found

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Give the state as arrays."""
        return dict(vars(self))

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> Self:
        """Make the state of arrays."""
        made = cls(*arrays["mean_KN"].shape)
        for name, array in arrays.items():
            setattr(made, name, array)
        return made

    def variance(self) -> NDArray[np.float64]:
        """Give the variances, of n and not n - 1; shape (K, N)."""
        return self.squares_KN / np.maximum(self.n_K, 1)[:, None]

    def all_mean(self) -> NDArray[np.float64]:
        """Give the mean over all units; shape (N,)."""
        mean: NDArray[np.float64] = self.n_K @ self.mean_KN / self.n_K.sum()
        return mean

    def all_sd(self) -> NDArray[np.float64]:
        """Give the standard deviation over all units; 0 exactly where a neuron is constant; shape (N,)."""
        between = self.n_K @ (self.mean_KN - self.all_mean()) ** 2
        sd = np.sqrt((self.squares_KN.sum(axis=0) + between) / self.n_K.sum())
        return np.where(self.high_N > self.low_N, sd, 0.0)


def class_moments(
    rows: Rows, labels: NDArray[np.int64], chosen: NDArray[np.int64], *, n_classes: int
) -> ClassMoments:
    """Gather the moments of the chosen rows in one pass; refuse values that are not finite."""
    found = ClassMoments(n_classes, rows.n_neurons)
    at = 0
    for _, block in rows.blocks(chosen, None):
        found.update(block, labels[chosen[at : at + len(block)]])
        at += len(block)
    check_finite(int((~np.isfinite(found.squares_KN.sum(axis=0))).sum()), n_columns=rows.n_neurons)
    return found


@njit(nogil=True, cache=True)
def _add(
    block: NDArray[Any],
    labels: NDArray[np.int64],
    n: NDArray[np.int64],
    mean: NDArray[np.float64],
    squares: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
) -> None:
    """Add one row after the other (Welford 1962)."""
    for row in range(len(block)):
        label = labels[row]
        n[label] += 1
        share = 1.0 / n[label]
        for column in range(block.shape[1]):
            value = np.float64(block[row, column])
            away = value - mean[label, column]
            mean[label, column] += away * share
            squares[label, column] += away * (value - mean[label, column])
            low[column] = min(low[column], value)
            high[column] = max(high[column], value)
