"""Number the neurons of a run and translate between numbers and addresses.

A neuron's number is its column in the activations: site by site in the order asked for, then layer,
then index. Knows no model.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.errors import NeuronAddressError, NonFiniteActivationsError, nearest
from neurolect.model.options import LATENT


class SiteLayer(NamedTuple):
    """The neurons of one site at one layer."""

    site: str
    """``hidden``, ``mlp``, ``attn``, ``head`` or ``latent.NAME``."""
    layer: int
    """Block, from 1; 0 is the embedding output."""
    width: int
    """How many neurons."""


@dataclass(frozen=True, slots=True)
class NeuronIndex:
    """All neurons that are read, in order.

    Parameters
    ----------
    site_layers : sequence of SiteLayer
        In neuron order; every (site, layer) once.

    Examples
    --------
    >>> neurons = NeuronIndex((SiteLayer("hidden", 1, 4), SiteLayer("hidden", 2, 4)))
    >>> neurons.n_neurons
    8
    >>> neurons.address(6)
    'hidden.2.2'
    >>> neurons.neuron_id("hidden.2.2")
    6
    """

    site_layers: tuple[SiteLayer, ...]
    _starts: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        site_layers = tuple(SiteLayer(str(site), int(layer), int(width)) for site, layer, width in self.site_layers)
        starts = [0]
        for each in site_layers:
            starts.append(starts[-1] + each.width)
        object.__setattr__(self, "site_layers", site_layers)
        object.__setattr__(self, "_starts", tuple(starts))

    def __len__(self) -> int:
        return self._starts[-1]

    @property
    def n_neurons(self) -> int:
        """How many neurons there are."""
        return self._starts[-1]

    @property
    def offsets(self) -> NDArray[np.int64]:
        """First neuron of every site-layer, and the number of neurons: int64, shape (n_site_layers + 1,)."""
        return np.array(self._starts, dtype=np.int64)

    @property
    def latent(self) -> NDArray[np.bool_]:
        """Which neurons are latents of sparse autoencoders: bool, shape (n_neurons,)."""
        latent = [each.site.startswith(f"{LATENT}.") for each in self.site_layers]
        return np.repeat(np.array(latent, dtype=np.bool_), [each.width for each in self.site_layers])

    def address(self, neuron_id: int) -> str:
        """Return the address of a neuron.

        Parameters
        ----------
        neuron_id : int
            From 0 to ``n_neurons - 1``.

        Returns
        -------
        str
            ``site.layer.index``.

        Raises
        ------
        NeuronAddressError
            If there is no such number.
        """
        if not 0 <= neuron_id < self.n_neurons:
            what = f"There is no neuron number {neuron_id}."
            raise NeuronAddressError(what, expected=f"a number from 0 to {self.n_neurons - 1}")
        position = bisect_right(self._starts, neuron_id) - 1
        site, layer, _ = self.site_layers[position]
        return f"{site}.{layer}.{neuron_id - self._starts[position]}"

    def addresses(self) -> list[str]:
        """Return all addresses.

        Returns
        -------
        list of str
            In neuron order.
        """
        return [f"{site}.{layer}.{index}" for site, layer, width in self.site_layers for index in range(width)]

    def neuron_id(self, address: str) -> int:
        """Return the number of the neuron with an address.

        Parameters
        ----------
        address : str
            ``site.layer.index``, e.g. ``hidden.6.200``.

        Returns
        -------
        int
            From 0 to ``n_neurons - 1``.

        Raises
        ------
        NeuronAddressError
            If the address is malformed or names no neuron of this run; the message names the nearest ones.
        """
        parts = address.strip().rsplit(".", 2)
        if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 100 for part in parts[1:]):
            what = f"{address!r} is not the address of a neuron."
            raise NeuronAddressError(
                what, expected="site.layer.index with whole numbers", hint=f"for example {self._example()}"
            )
        site, layer, index = parts[0], int(parts[1]), int(parts[2])
        for position, known in enumerate(self.site_layers):
            if (known.site, known.layer) == (site, layer):
                if index < known.width:
                    return self._starts[position] + index
                raise self._no_index(address, known)
        raise self._no_site_layer(address, site, layer, index)

    def _example(self) -> str:
        return self.address(self.n_neurons // 2) if self.n_neurons else "none: there are no neurons"

    def _no_index(self, address: str, known: SiteLayer) -> NeuronAddressError:
        prefix = f"{known.site}.{known.layer}"
        return NeuronAddressError(
            f"There is no neuron {address!r}: {prefix} has {known.width} neurons.",
            expected=f"an index from 0 to {known.width - 1}",
            hint=f"the nearest is {prefix}.{known.width - 1}",
        )

    def _no_site_layer(self, address: str, site: str, layer: int, index: int) -> NeuronAddressError:
        sites = list(dict.fromkeys(each.site for each in self.site_layers))
        if site not in sites:
            return NeuronAddressError(
                f"There is no neuron {address!r}: the site {site!r} was not collected.",
                expected=f"one of the sites {', '.join(sites)}",
                hint=f"the nearest site is {nearest(site, sites, n=1)}; other sites need a run with `model.sites`",
            )
        of_site: Sequence[SiteLayer] = [each for each in self.site_layers if each.site == site]
        closest = min(of_site, key=lambda each: (abs(each.layer - layer), each.layer))
        return NeuronAddressError(
            f"There is no neuron {address!r}: layer {layer} of {site!r} was not collected.",
            expected=f"one of the layers {', '.join(str(each.layer) for each in of_site)}",
            hint=f"the nearest is {site}.{closest.layer}.{min(index, closest.width - 1)}",
        )


# Find neurons whose activations are NaN or infinite. Knows arrays only.
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
