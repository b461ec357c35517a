"""K-means and silhouettes as their definitions say, pair by pair."""

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


def kmeans_plain(points: Matrix, centers: Matrix, *, n_rounds: int) -> tuple[NDArray[np.int64], Matrix]:
    """Lloyd's rounds from given centres; ties go to the first centre, an empty cluster keeps its centre."""
    centers = centers.copy()
    labels = np.full(len(points), -1)
    for _ in range(n_rounds):
        distances = ((points[:, None, :] - centers[None, :, :]) ** 2).sum(axis=2)
        nearest = distances.argmin(axis=1)
        if np.array_equal(nearest, labels):
            break
        labels = nearest
        for cluster in range(len(centers)):
            if (labels == cluster).any():
                centers[cluster] = points[labels == cluster].mean(axis=0)
    return labels, centers


def silhouettes_plain(points: Matrix, labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Rousseeuw's formula over all pairs, with squared Euclidean distances."""
    values = np.zeros(len(points))
    for i, point in enumerate(points):
        distances = ((points - point) ** 2).sum(axis=1)
        same = labels == labels[i]
        others = [distances[labels == each].mean() for each in np.unique(labels) if each != labels[i]]
        if same.sum() < 2 or not others:
            continue
        own, other = distances[same].sum() / (same.sum() - 1), min(others)
        values[i] = (other - own) / max(own, other) if max(own, other) > 1e-12 else 0.0
    return values
