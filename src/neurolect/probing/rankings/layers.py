"""How chosen neurons are distributed over layers, with what no preference would give."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class LayerShare(NamedTuple):
    """Chosen neurons of one layer of a site."""

    layer: str
    """Site and layer, e.g. ``mlp.3``."""
    n: int
    """Chosen."""
    of: int
    """Neurons it has."""
    expected: float
    """Chosen if every neuron were as likely."""
    low: int
    """Least of the middle 95 % of counts then (hypergeometric distribution)."""
    high: int
    """Greatest of them."""


def layer_distribution(
    chosen: NDArray[np.int64], layers: Sequence[str], *, level: float = 0.95
) -> list[LayerShare]:
    """Count chosen neurons by layer; `layers` names that of every neuron. Layers come in the order of neurons."""
    from scipy.stats import hypergeom

    names = list(dict.fromkeys(layers))
    places = {name: place for place, name in enumerate(names)}
    codes = np.array([places[each] for each in layers])
    sizes = np.bincount(codes, minlength=len(names))
    counts = np.bincount(codes[chosen], minlength=len(names))
    found = []
    for name, n, size in zip(names, counts.tolist(), sizes.tolist(), strict=True):
        low, high = hypergeom.ppf([(1 - level) / 2, (1 + level) / 2], len(codes), size, len(chosen))
        found.append(LayerShare(name, n, size, len(chosen) * size / len(codes), int(low), int(high)))
    return found
