"""How alike two layers are whatever their neurons are called: singular vector canonical correlation analysis."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.comparison.joint_moments import HALVES, JointMoments


class Likeness(NamedTuple):
    """How alike two layers are."""

    same: float
    """Mean canonical correlation on the sentences it was found on, 0 to 1; high by chance where few."""

    held_out: float
    """Mean correlation of the same directions on the other half of the sentences, both ways; about 0 by chance."""

    n_directions: int
    """Directions correlated: those of the layer that has fewer."""


class LayerScatters(NamedTuple):
    """Sums of products of a layer's own neurons, shape (n_neurons, n_neurons) each."""

    whole: NDArray[np.float64]
    """Over all sentences."""

    halves: tuple[NDArray[np.float64], NDArray[np.float64]]
    """Over each half."""

    scale: NDArray[np.float64]
    """What one of the moments' units is in the neuron's own, shape (n_neurons,)."""

    n: tuple[int, int]
    """Sentences in each half."""


class LayerAxes(NamedTuple):
    """The directions in which a layer varies, each of variance 1."""

    whole: NDArray[np.float64]
    """From all sentences, shape (n_neurons, n_directions)."""

    halves: tuple[NDArray[np.float64], NDArray[np.float64]]
    """From each half."""

    scatters: tuple[NDArray[np.float64], NDArray[np.float64]]
    """Those of :class:`LayerScatters` over each half."""


class LayerPair(NamedTuple):
    """All that the likeness of two layers follows from."""

    axes: tuple[LayerAxes, LayerAxes]
    """Of either layer."""

    whole: NDArray[np.float64]
    """Sums of products of the one's neurons and the other's, shape (n_neurons, n_neurons of the other)."""

    halves: tuple[NDArray[np.float64], NDArray[np.float64]]
    """The same over each half."""

    n: tuple[int, int]
    """Sentences in each half."""


def layer_scatters(moments: JointMoments, model: int, neurons: slice) -> LayerScatters:
    """Take of the moments what the directions of a layer (of a model, its neurons) follow from."""
    one, two = (moments.scatter(model, model, half=half, rows=neurons, columns=neurons) for half in range(HALVES))
    whole = moments.scatter(model, model, rows=neurons, columns=neurons)
    n = moments.n.tolist()
    return LayerScatters(whole, (one, two), moments.scales[model][neurons].astype(np.float64), (n[0], n[1]))


def axes_of(scatters: LayerScatters, *, kept: float) -> LayerAxes:
    """Find the directions of a layer that hold a share of its variance, 0 to 1."""

    def of(scatter: NDArray[np.float64], n: int) -> NDArray[np.float64]:
        # in the neurons' own units: SVCCA lets those that vary more count for more
        return _axes(scatter / max(1, n) * np.outer(scatters.scale, scatters.scale), scatters.scale, kept)

    one, two = (of(*each) for each in zip(scatters.halves, scatters.n, strict=True))
    return LayerAxes(of(scatters.whole, sum(scatters.n)), (one, two), scatters.halves)


def _axes(covariance: NDArray[np.float64], scale: NDArray[np.float64], kept: float) -> NDArray[np.float64]:
    values, vectors = np.linalg.eigh(covariance)
    values, vectors = values[::-1], vectors[:, ::-1]
    sound = values > max(values[0], 0) * 1e-7
    values, vectors = values[sound], vectors[:, sound]
    if not len(values):
        return np.empty((len(scale), 0))
    share = np.cumsum(values) / values.sum()
    n = min(len(values), int(np.searchsorted(share, kept)) + 1)
    # weights for the scaled values the moments hold
    axes: NDArray[np.float64] = scale[:, None] * vectors[:, :n] / np.sqrt(values[:n])
    return axes


def layer_pair(
    moments: JointMoments,
    first: tuple[int, slice, LayerAxes],
    second: tuple[int, slice, LayerAxes],
) -> LayerPair:
    """Take of the moments what two layers have to do with each other; each is (model, neurons, axes)."""
    (a, rows, left), (b, columns, right) = first, second
    one, two = (moments.scatter(a, b, half=half, rows=rows, columns=columns) for half in range(HALVES))
    n = moments.n.tolist()
    return LayerPair((left, right), moments.scatter(a, b, rows=rows, columns=columns), (one, two), (n[0], n[1]))


def likeness(pair: LayerPair) -> Likeness:
    """Compare two layers; NaN where a layer does not vary.

    Reference: Raghu, Gilmer, Yosinski, Sohl-Dickstein: SVCCA (2017).
    """
    left, right = pair.axes
    n_directions = min(left.whole.shape[1], right.whole.shape[1])
    if not n_directions:
        return Likeness(np.nan, np.nan, 0)
    crossed = left.whole.T @ (pair.whole / max(1, sum(pair.n))) @ right.whole
    same = np.linalg.svd(crossed, compute_uv=False)[:n_directions]
    tried = [_on_other_half(pair, half) for half in range(HALVES)]
    return Likeness(float(np.clip(same, 0, 1).mean()), float(np.mean(tried)), n_directions)


def _on_other_half(pair: LayerPair, half: int) -> float:
    """Find canonical directions on one half and correlate them on the other."""
    left, right = pair.axes
    other = 1 - half
    crossed = left.halves[half].T @ pair.halves[half]
    u, _, v = np.linalg.svd(crossed @ right.halves[half] / max(1, pair.n[half]), full_matrices=False)
    in_a, in_b = left.halves[half] @ u, right.halves[half] @ v.T
    between = np.einsum("ik,ij,jk->k", in_a, pair.halves[other], in_b, optimize=True)
    of_a, of_b = (
        np.einsum("ik,ij,jk->k", each, axes.scatters[other], each, optimize=True)
        for axes, each in ((left, in_a), (right, in_b))
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.nanmean(between / np.sqrt(of_a * of_b)))
