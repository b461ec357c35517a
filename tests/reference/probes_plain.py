"""Linear probes by plain proximal gradient steps in NumPy, and their objective term by term."""

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def objective(
    rows: Array, labels: NDArray[np.int64], weights: Array, biases: Array, *, l1: float, l2: float
) -> float:
    """Mean of minus the log-probabilities, and the penalties; one row of weights means two classes."""
    total = 0.0
    for row, label in zip(rows, labels, strict=True):
        scores = [float(row @ weight) + bias for weight, bias in zip(weights, biases, strict=True)]
        scores = scores if len(scores) > 1 else [0.0, scores[0]]
        most = max(scores)
        total += most + math.log(sum(math.exp(score - most) for score in scores)) - scores[label]
    return total / len(rows) + sum(l1 * abs(w) + l2 * w * w for w in weights.flatten().tolist())


def fit_softmax(
    rows: Array, labels: NDArray[np.int64], *, n_classes: int, l1: float, l2: float, n_steps: int = 3000
) -> tuple[Array, Array]:
    """Accelerated proximal gradient steps of the safe length 1 / L."""
    binary = n_classes == 2
    wide = np.hstack([rows, np.ones((len(rows), 1))])
    hot = np.eye(n_classes)[labels]
    found = np.zeros((1 if binary else n_classes, wide.shape[1]))
    rate = 1.0 / (np.linalg.norm(wide, 2) ** 2 / len(rows) * 0.5 + 2 * l2 + 1e-12)
    ahead, momentum = found.copy(), 1.0
    for _ in range(n_steps):
        scores = wide @ ahead.T
        if binary:
            scores = np.hstack([np.zeros_like(scores), scores])
        chances = np.exp(scores - scores.max(axis=1, keepdims=True))
        chances /= chances.sum(axis=1, keepdims=True)
        away = (chances - hot)[:, 1:] if binary else chances - hot
        slope = away.T @ wide / len(rows)
        slope[:, :-1] += 2 * l2 * ahead[:, :-1]
        new = ahead - rate * slope
        new[:, :-1] = np.sign(new[:, :-1]) * np.maximum(np.abs(new[:, :-1]) - rate * l1, 0)
        following = (1 + math.sqrt(1 + 4 * momentum**2)) / 2
        if ((ahead - new) * (new - found)).sum() > 0:  # restart
            following = 1.0
        ahead = new + (momentum - 1) / following * (new - found)
        found, momentum = new, following
    return found[:, :-1], found[:, -1]
