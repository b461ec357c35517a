"""Find neurons whose activations are NaN or infinite. Knows arrays only."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.errors import NonFiniteActivationsError
from neurolect.model.neurons import NeuronIndex


class NonFinite(NamedTuple):
    """A site and layer with activations that are not finite."""

    site: str
    """Kind of place, e.g. ``hidden``."""
    layer: int
    """Block, from 1; 0 is the embedding output."""
    share: float
    """Share of the sentences where at least one of its neurons is not finite, above 0 up to 1."""


def non_finite(values: NDArray[np.float32], neurons: NeuronIndex) -> list[NonFinite]:
    """Say where activations are NaN or infinite.

    Parameters
    ----------
    values : float32, shape (n_sentences, n_neurons)
        Activations.
    neurons : NeuronIndex
        What the columns are.

    Returns
    -------
    list of NonFinite
        In neuron order; empty where all is finite.
    """
    # One sum tells in the usual case: NaN and infinity survive it. A finite sum may overflow; then look closely.
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(values.sum()):
            return []
    offsets = neurons.offsets
    found = []
    for each, start, stop in zip(neurons.site_layers, offsets[:-1], offsets[1:], strict=True):
        share = float((~np.isfinite(values[:, start:stop])).any(axis=1).mean())
        if share:
            found.append(NonFinite(each.site, each.layer, share))
    return found


def raise_if_non_finite(values: NDArray[np.float32], neurons: NeuronIndex) -> None:
    """Refuse activations that are NaN or infinite.

    Parameters
    ----------
    values : float32, shape (n_sentences, n_neurons)
        Activations.
    neurons : NeuronIndex
        What the columns are.

    Raises
    ------
    NonFiniteActivationsError
        If any is not finite; the message says at which sites and layers.
    """
    found = non_finite(values, neurons)
    if found:
        places = ", ".join(f"{each.site}.{each.layer} ({each.share:.1%} of the sentences)" for each in found[:6])
        rest = f" and {len(found) - 6} more" if len(found) > 6 else ""
        what = f"Activations are NaN or infinite at {places}{rest}."
        hint = "set model.dtype to float32 or bfloat16; float16 overflows in some models"
        raise NonFiniteActivationsError(what, expected="finite numbers", hint=hint)
