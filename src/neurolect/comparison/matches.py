"""For every neuron of one model the neuron of another that goes with it best, and what became of it there."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.comparison.joint_moments import JointMoments

FATES = ("kept", "moved within the layer", "moved to another layer", "vanished", "appeared")
_ROWS = 1024
_LEAST = 1e-6
"""A neuron that varies less than this, in units of its usual deviation, is constant."""


class Matches(NamedTuple):
    """Best partners."""

    best: NDArray[np.int64]
    """Neuron of the other model with the greatest absolute correlation, the first of equals; -1: none."""

    correlation: NDArray[np.float32]
    """Pearson correlation with it; NaN where there is none."""


def standard_deviations(moments: JointMoments, model: int) -> NDArray[np.float64]:
    """Give the standard deviation of every neuron of a model, scaled; 0 for constant ones."""
    squares = moments.squares(model).sum(axis=0)
    n = max(1, moments.n_sentences)
    variances = squares / n - moments.mean(model) ** 2
    return np.where(variances > _LEAST, np.sqrt(np.maximum(variances, 0)), 0.0)


def best_matches(moments: JointMoments, first: int, second: int) -> tuple[Matches, Matches]:
    """Find the best partners between two models, for the neurons of the first and for those of the second.

    Reference: Bau, Belinkov, Sajjad, Durrani, Dalvi, Glass: Identifying and Controlling Important Neurons in Neural
        Machine Translation (2019), section 3.2: maximum correlation.
    """
    left, right = standard_deviations(moments, first), standard_deviations(moments, second)
    mine, theirs = _nothing(len(left)), _nothing(len(right))
    n = max(1, moments.n_sentences)
    for start in range(0, len(left), _ROWS):
        rows = slice(start, min(start + _ROWS, len(left)))
        with np.errstate(divide="ignore", invalid="ignore"):
            block = moments.scatter(first, second, rows=rows) / (n * np.outer(left[rows], right))
        block[~np.isfinite(block)] = 0
        np.clip(block, -1, 1, out=block)
        size = np.abs(block)
        _take(mine, rows, size.argmax(axis=1), block, axis=1)
        at = size.argmax(axis=0)
        better = size[at, np.arange(len(right))] > np.abs(np.nan_to_num(theirs.correlation))
        theirs.best[better] = at[better] + start
        theirs.correlation[better] = block[at, np.arange(len(right))][better]
    for each, deviations in ((mine, left), (theirs, right)):
        constant = (deviations == 0) | (each.correlation == 0)
        each.best[constant] = -1
        each.correlation[constant] = np.nan
    return mine, theirs


def same_neurons(
    moments: JointMoments, first: int, second: int, *, pairs: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Correlate each neuron of ``first`` with one of ``second`` (-1: none); NaN: none, or one is constant."""
    left, right = standard_deviations(moments, first), standard_deviations(moments, second)
    found = np.full(len(left), np.nan, dtype=np.float32)
    n = max(1, moments.n_sentences)
    own = np.flatnonzero(pairs >= 0)
    if len(own):
        scatter = moments.scatter_of_pairs(first, second, partners=np.maximum(pairs, 0))
        with np.errstate(divide="ignore", invalid="ignore"):
            values = scatter[own] / (n * left[own] * right[pairs[own]])
        found[own] = np.where(np.isfinite(values), np.clip(values, -1, 1), np.nan)
    return found


def _nothing(n: int) -> Matches:
    return Matches(np.full(n, -1, dtype=np.int64), np.full(n, np.nan, dtype=np.float32))


def _take(matches: Matches, rows: slice, at: NDArray[np.intp], block: NDArray[np.float64], *, axis: int) -> None:
    matches.best[rows] = at
    matches.correlation[rows] = np.take_along_axis(block, at[:, None], axis=axis)[:, 0]


def fates_of(
    *,
    same: NDArray[np.float32],
    best: NDArray[np.float32],
    layers: NDArray[np.int64],
    best_layers: NDArray[np.int64],
    match: float,
    gone: str,
) -> list[str]:
    """Say what became of every neuron; a partner at the same address goes before a better one elsewhere.

    ``same`` and ``best`` are correlations with the neuron of the same address and with the best partner, float32
    (n,), NaN where there is none; layers are different numbers for different sites, too. ``gone`` is what a neuron
    without a partner is called: ``vanished`` in the model that comes first, else ``appeared``.
    """
    kept = np.abs(np.nan_to_num(same)) >= match
    partner = np.abs(np.nan_to_num(best)) >= match
    found = []
    for index in range(len(same)):
        if kept[index]:
            found.append("kept")
        elif partner[index]:
            found.append(FATES[1] if layers[index] == best_layers[index] else FATES[2])
        else:
            found.append(gone)
    return found
