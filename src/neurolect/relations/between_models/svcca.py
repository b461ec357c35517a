"""How alike two layers are whatever their neurons are called: singular vector canonical correlation analysis."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.relations.between_models.joint_moments import HALVES, JointMoments

__all__ = ["LayerAxes", "Likeness", "layer_axes", "svcca"]


class Likeness(NamedTuple):
    """How alike two layers are."""

    same: float
    """Mean canonical correlation on the sentences it was found on, 0 to 1; high by chance where few."""

    held_out: float
    """Mean correlation of the same directions on the other half of the sentences, both ways; about 0 by chance."""

    n_directions: int
    """Directions correlated: those of the layer that has fewer."""


class LayerAxes(NamedTuple):
    """The directions in which a layer varies, each of variance 1."""

    whole: NDArray[np.float64]
    """From all sentences, shape (n_neurons, n_directions)."""

    halves: tuple[NDArray[np.float64], NDArray[np.float64]]
    """From each half."""


def layer_axes(moments: JointMoments, model: int, neurons: slice, *, kept: float) -> LayerAxes:
    """Find the directions of a layer.

    Parameters
    ----------
    moments : JointMoments
        Of some sentences.
    model : int
        Number of the model.
    neurons : slice
        The layer's neurons.
    kept : float
        Share of the variance that the directions hold, 0 to 1.

    Returns
    -------
    LayerAxes
        Of all sentences and of each half.
    """

    def of(half: int | None) -> NDArray[np.float64]:
        n = moments.n_sentences if half is None else int(moments.n[half])
        covariance = moments.scatter(model, model, half=half, rows=neurons, columns=neurons) / max(1, n)
        # in the neurons' own units: SVCCA lets those that vary more count for more
        scale = moments.scales[model][neurons].astype(np.float64)
        return _axes(covariance * np.outer(scale, scale), scale, kept)

    return LayerAxes(of(None), (of(0), of(1)))


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


def svcca(
    moments: JointMoments,
    first: tuple[int, slice, LayerAxes],
    second: tuple[int, slice, LayerAxes],
) -> Likeness:
    """Compare two layers.

    Parameters
    ----------
    moments : JointMoments
        Of some sentences.
    first, second : tuple of (model, neurons, axes)
        A layer each, with its :func:`layer_axes`.

    Returns
    -------
    Likeness
        NaN where a layer does not vary.

    References
    ----------
    Raghu, Gilmer, Yosinski, Sohl-Dickstein: SVCCA (2017).
    """
    n_directions = min(first[2].whole.shape[1], second[2].whole.shape[1])
    if not n_directions:
        return Likeness(np.nan, np.nan, 0)
    (a, rows, left), (b, columns, right) = first, second
    whole = moments.scatter(a, b, rows=rows, columns=columns) / max(1, moments.n_sentences)
    crossed = left.whole.T @ whole @ right.whole
    same = np.linalg.svd(crossed, compute_uv=False)[:n_directions]
    tried = [_on_other_half(moments, first, second, half) for half in range(HALVES)]
    return Likeness(float(np.clip(same, 0, 1).mean()), float(np.mean(tried)), n_directions)


def _on_other_half(
    moments: JointMoments,
    first: tuple[int, slice, LayerAxes],
    second: tuple[int, slice, LayerAxes],
    half: int,
) -> float:
    """Find canonical directions on one half and correlate them on the other."""
    (a, rows, left), (b, columns, right) = first, second
    own, other = int(moments.n[half]), 1 - half
    crossed = left.halves[half].T @ moments.scatter(a, b, half=half, rows=rows, columns=columns)
    u, _, v = np.linalg.svd(crossed @ right.halves[half] / max(1, own), full_matrices=False)
    in_a, in_b = left.halves[half] @ u, right.halves[half] @ v.T
    between = np.einsum(
        "ik,ij,jk->k", in_a, moments.scatter(a, b, half=other, rows=rows, columns=columns), in_b, optimize=True
    )
    of_a, of_b = (
        np.einsum(
            "ik,ij,jk->k",
            each,
            moments.scatter(m, m, half=other, rows=own_rows, columns=own_rows),
            each,
            optimize=True,
        )
        for m, own_rows, each in ((a, rows, in_a), (b, columns, in_b))
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.nanmean(between / np.sqrt(of_a * of_b)))
