"""Plain twins of what is computed between models: all activations at once, float64, one neuron at a time."""

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


def correlation(x: Values, y: Values) -> float:
    """Correlate two neurons; NaN if one is constant."""
    x, y = x - x.mean(), y - y.mean()
    size = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / size if size > 1e-6 * len(x) else np.nan


def best_match(x: Values, others: Values) -> tuple[int, float]:
    """Find the neuron that goes with x best: values of all others, shape (n_sentences, n_neurons)."""
    found = [correlation(x, others[:, column]) for column in range(others.shape[1])]
    sizes = [abs(each) if np.isfinite(each) else -1.0 for each in found]
    best = int(np.argmax(sizes))
    return (best, found[best]) if sizes[best] > 0 else (-1, np.nan)


def held_out_r2(y: Values, x: Values, *, ridge: float) -> float:
    """Explain one neuron by all others, fitted on every other sentence and tried on the rest, both ways."""
    errors = totals = 0.0
    for fit, test in ((slice(0, None, 2), slice(1, None, 2)), (slice(1, None, 2), slice(0, None, 2))):
        mean_x, mean_y = x[fit].mean(axis=0), y[fit].mean()
        centred = x[fit] - mean_x
        penalty = ridge * (centred**2).sum() / x.shape[1]
        weights = np.linalg.solve(centred.T @ centred + penalty * np.eye(x.shape[1]), centred.T @ (y[fit] - mean_y))
        errors += float(((y[test] - mean_y - (x[test] - mean_x) @ weights) ** 2).sum())
        totals += float(((y[test] - mean_y) ** 2).sum())
    return 1 - errors / totals


def svcca(x: Values, y: Values, *, kept: float) -> float:
    """Mean canonical correlation between the leading singular directions of two layers."""
    sides = []
    for values in (x, y):
        left, sizes, _ = np.linalg.svd(values - values.mean(axis=0), full_matrices=False)
        share = np.cumsum(sizes**2) / (sizes**2).sum()
        sides.append(left[:, : int(np.searchsorted(share, kept)) + 1])
    return float(np.linalg.svd(sides[0].T @ sides[1], compute_uv=False).mean())
