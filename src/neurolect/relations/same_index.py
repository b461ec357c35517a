"""Does a dimension mean the same in every layer? Correlation of a number at the same index across layers.

Dims: L layers, W dimensions of each.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.statistics.ranks import mean_ranks


class SameIndex(NamedTuple):
    """Agreement of layers at the same index."""

    correlation: float
    """Mean rank correlation over all pairs of layers."""
    neighbouring: float
    """Mean over neighbouring layers."""
    chance_low: float
    """2.5th percentile of `correlation` when the dimensions of every layer are shuffled."""
    chance_high: float
    """97.5th percentile of that."""
    p: float
    """Share of shuffles (and the true order) that reach the correlation, by absolute value."""


def rank_correlations(numbers_LW: NDArray[np.float64]) -> NDArray[np.float64]:
    """Correlate every pair of layers by ranks (Spearman).

    ``numbers_LW``: float64, shape (L, W). A number for every layer and index; indices with a NaN in any layer are
        left out.
    Returns: float64, shape (L, L). NaN where a layer has the same number everywhere.
    """
    unit = _unit_ranks(numbers_LW)
    found: NDArray[np.float64] = unit @ unit.T
    flat = ~unit.any(axis=1)
    found[flat] = np.nan
    found[:, flat] = np.nan
    return found


def same_index(numbers_LW: NDArray[np.float64], *, seed: int = 0, n_draws: int = 1000) -> SameIndex:
    """Test whether the layers agree at the same index.

    ``numbers_LW``: float64, shape (L, W). A number for every layer and index; two layers at least.
    Returns: Layers with the same number everywhere are left out; NaN where fewer than two are left, or fewer than
        three indices.

    The sum over pairs of layers is had from the length of the sum of the layers' standardised ranks, so a shuffle
    costs L x W steps and not L x L x W.
    """
    unit = _unit_ranks(numbers_LW)
    unit = unit[unit.any(axis=1)]
    n_layers = len(unit)
    if n_layers < 2 or unit.shape[1] < 3:
        return SameIndex(np.nan, np.nan, np.nan, np.nan, np.nan)
    found = _mean_of_pairs(unit.sum(axis=0), n_layers)
    neighbouring = float(np.einsum("lw,lw->l", unit[:-1], unit[1:]).mean())
    random = np.random.default_rng(seed)
    drawn = np.empty(n_draws)
    for draw in range(n_draws):
        drawn[draw] = _mean_of_pairs(random.permuted(unit, axis=1).sum(axis=0), n_layers)
    reached = int(np.count_nonzero(np.abs(drawn) >= abs(found) - 1e-12))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return SameIndex(found, neighbouring, float(low), float(high), (reached + 1) / (n_draws + 1))


def _mean_of_pairs(total: NDArray[np.float64], n_layers: int) -> float:
    return float((total @ total - n_layers) / (n_layers * (n_layers - 1)))


def _unit_ranks(numbers_LW: NDArray[np.float64]) -> NDArray[np.float64]:
    """Replace numbers by ranks (equal ones share theirs), centred and of unit length; zeros if all are equal."""
    kept = numbers_LW[:, np.isfinite(numbers_LW).all(axis=0)]
    unit = np.zeros(kept.shape)
    for layer, row in enumerate(kept):
        ranks = mean_ranks(row)
        centred = ranks - ranks.mean() if len(ranks) else ranks
        length = np.linalg.norm(centred)
        if length > 0:
            unit[layer] = centred / length
    return unit
