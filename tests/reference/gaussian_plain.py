"""The Gaussian probe of Torroba Hennigen et al. (2020), refitted for each candidate; `d`: of its prior."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import multivariate_normal

Array = NDArray[np.float64]


def log_chances(
    rows: Array, labels: NDArray[np.int64], columns: list[int], units: Array, *, n_classes: int, d: int
) -> Array:
    """Log-probabilities of the classes of `units`: full covariances, then the chosen rows and columns of them."""
    joint = []
    for label in range(n_classes):
        own = rows[labels == label]
        n, mean = len(own), own.mean(axis=0)
        scatter = (own - mean).T @ (own - mean)
        prior = np.diag(np.diag(scatter / n))
        covariance = (prior + scatter) / ((d + 2) + n + d + 2)
        density = multivariate_normal(mean[columns], covariance[np.ix_(columns, columns)])
        share = (n + 1) / (len(rows) + n_classes)
        joint.append(np.log(share) + density.logpdf(units[:, columns].reshape(len(units), len(columns))))
    stacked = np.stack([np.atleast_1d(each) for each in joint], axis=1)
    found: Array = stacked - np.logaddexp.reduce(stacked, axis=1, keepdims=True)
    return found


def criterion(
    rows: Array,
    labels: NDArray[np.int64],
    columns: list[int],
    *,
    train: slice,
    dev: slice,
    n_classes: int,
    name: str,
    d: int,
) -> float:
    logs = log_chances(rows[train], labels[train], columns, rows[dev], n_classes=n_classes, d=d)
    if name == "accuracy":
        return float((logs.argmax(axis=1) == labels[dev]).mean())
    return float(logs[np.arange(len(logs)), labels[dev]].mean())
