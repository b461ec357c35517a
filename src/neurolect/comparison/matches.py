"""For every neuron of one model the neuron of another that goes with it best."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.comparison.joint_moments import JointMoments

__all__ = ["Matches", "best_matches", "standard_deviations"]

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
    """Give the standard deviation of every neuron, scaled; 0 for constant ones.

    Parameters
    ----------
    moments : JointMoments
        Of some sentences.
    model : int
        Number of the model.

    Returns
    -------
    float64, shape (n_neurons,)
        Deviations.
    """
    squares = moments.squares(model).sum(axis=0)
    n = max(1, moments.n_sentences)
    variances = squares / n - moments.mean(model) ** 2
    return np.where(variances > _LEAST, np.sqrt(np.maximum(variances, 0)), 0.0)


def best_matches(moments: JointMoments, first: int, second: int) -> tuple[Matches, Matches]:
    """Find the best partners between two models, both ways.

    Parameters
    ----------
    moments : JointMoments
        Of some sentences.
    first, second : int
        Numbers of two models.

    Returns
    -------
    of_first, of_second : Matches
        For the neurons of ``first`` among those of ``second``, and the other way round.

    References
    ----------
    Bau, Belinkov, Sajjad, Durrani, Dalvi, Glass: Identifying and Controlling Important Neurons in Neural Machine
    Translation (2019), section 3.2: maximum correlation.
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
    """Correlate given pairs of neurons.

    Parameters
    ----------
    moments : JointMoments
        Of some sentences.
    first, second : int
        Numbers of two models.
    pairs : int64, shape (n_neurons of first,)
        A neuron of ``second`` for each; -1: none.

    Returns
    -------
    float32, shape (n_neurons of first,)
        NaN where there is no pair, or one of it is constant.
    """
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
