"""How well clusters agree with classes, next to the same after the classes are permuted.

Dims: K clusters, G classes.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

LEAST = 5
"""Points that a cluster and a class have in common, to be named as a pair."""
N_PAIRS = 10


class Agreement(NamedTuple):
    """Of clusters and classes of the same points."""

    precision: float
    """B-cubed: mean over points of the share of its cluster that is of its class (Bagga and Baldwin 1998)."""
    recall: float
    """B-cubed: mean over points of the share of its class that is in its cluster."""
    f: float
    """Harmonic mean of both."""
    nmi: float
    """Mutual information by the mean of both entropies."""


def contingency(clusters: NDArray[np.integer], classes: NDArray[np.integer]) -> NDArray[np.int64]:
    """Count the points of every cluster and class; shape (K, G)."""
    rows, columns = (np.unique(each, return_inverse=True)[1] for each in (clusters, classes))
    n_rows, n_columns = int(rows.max()) + 1, int(columns.max()) + 1
    counts: NDArray[np.int64] = np.bincount(rows * n_columns + columns, minlength=n_rows * n_columns)
    return counts.reshape(n_rows, n_columns)


def agreement_of(counts_KG: NDArray[np.int64]) -> Agreement:
    """Measure how well clusters agree with classes; NMI is 1 where all is one cluster and one class."""
    squares_KG, n = counts_KG.astype(np.float64) ** 2, counts_KG.sum()
    precision = float((squares_KG / counts_KG.sum(axis=1, keepdims=True)).sum() / n)
    recall = float((squares_KG / counts_KG.sum(axis=0)).sum() / n)
    one, other, joint = (
        _entropy(each) for each in (counts_KG.sum(axis=1), counts_KG.sum(axis=0), counts_KG.ravel())
    )
    nmi = 2 * (one + other - joint) / (one + other) if one + other > 0 else 1.0
    return Agreement(precision, recall, 2 * precision * recall / (precision + recall), max(nmi, 0.0))


def _entropy(counts: NDArray[np.int64]) -> float:
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())


def npmi(counts_KG: NDArray[np.int64]) -> NDArray[np.float64]:
    """Give the normalised pointwise mutual information of every cluster and class (2009); -1: never together."""
    n = counts_KG.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        joint = counts_KG / n
        apart = np.outer(counts_KG.sum(axis=1), counts_KG.sum(axis=0)) / n**2
        found = np.log(joint / apart) / -np.log(joint)
    found = np.where(counts_KG == 0, -1.0, found)
    return np.where(counts_KG == n, 1.0, found)


def against_classes(
    clusters: NDArray[np.integer], classes: NDArray[np.integer], *, names: tuple[str, ...], n: int, seed: int
) -> dict[str, Any]:
    """Measure clusters against classes and against the classes permuted n times.

    `classes` are places in `names`. Of pairs, those of the greatest NPMI are given, with what the greatest of any
    pair is in 95 % of the permutations.
    """
    counts, drawn = contingency(clusters, classes), np.random.default_rng(seed)
    permuted = [contingency(clusters, drawn.permutation(classes)) for _ in range(n)]
    by_chance = np.array([agreement_of(each) for each in permuted])
    mean, high = by_chance.mean(axis=0).tolist(), np.quantile(by_chance, 0.975, axis=0).tolist()
    measures: dict[str, Any] = {
        name: {"value": value, "chance": mean[place], "chance_high": high[place]}
        for place, (name, value) in enumerate(agreement_of(counts)._asdict().items())
    }
    known, of_cluster = np.unique(classes), np.unique(clusters)
    pairs = np.where(counts >= LEAST, npmi(counts), -np.inf)
    best = np.argsort(-pairs, axis=None, kind="stable")[:N_PAIRS]
    greatest = [np.where(each >= LEAST, npmi(each), -1.0).max() for each in permuted]
    return measures | {
        "n_clusters": len(of_cluster),
        "n_points": len(clusters),
        "pairs": [
            {
                "cluster": int(of_cluster[row]),
                "class": names[known[column]],
                "n": int(counts[row, column]),
                "of": int(counts[row].sum()),
                "npmi": float(pairs[row, column]),
            }
            for row, column in zip(*np.unravel_index(best, counts.shape), strict=True)
            if np.isfinite(pairs[row, column])
        ],
        "npmi_chance_high": float(np.quantile(greatest, 0.95)),
    }
