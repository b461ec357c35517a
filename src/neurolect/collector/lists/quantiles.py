"""A few sentences from each tenth of every neuron's activations over the sample. Knows arrays only."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

_QUANTILES = 10


def quantile_sample(activations: NDArray[np.float32], *, per_quantile: int) -> NDArray[np.int64]:
    """Choose for every neuron a few sentences from each tenth of its activations over the sample.

    ``activations``: float32, shape (n_neurons, n_sample). Columns in sample order; NaN entries are never chosen.
    Returns: int64, shape (n_neurons, 10, per_quantile). Column numbers, each tenth's first ones in sample order; -1
        where a tenth has fewer.
    """
    n_neurons, n = activations.shape
    chosen = np.full((n_neurons, _QUANTILES, per_quantile), -1, dtype=np.int64)
    ties = np.empty(n, dtype=np.int32)
    for neuron in range(n_neurons):
        values = activations[neuron]
        _first_of_tenths(values, np.sort(values), np.count_nonzero(np.isfinite(values)), ties, chosen[neuron])
    return chosen


@njit(cache=True, nogil=True)
def _first_of_tenths(
    values: NDArray[np.float32],
    ascending: NDArray[np.float32],
    n_finite: int,
    ties: NDArray[np.int32],
    chosen: NDArray[np.int64],
) -> None:
    """Take columns in order, each to the tenth that its rank is in (ties by column), until all tenths are full.

    ``ties``: int32, shape (n,). Scratch: how many equal values came before, at the place of the first of them.
    ``chosen``: int64, shape (10, per_quantile). Filled.
    """
    n_quantiles, size = chosen.shape
    counts = np.zeros(n_quantiles, np.int64)
    n_full = place_of_often = 0
    often = np.float32(np.nan)
    ties[:] = 0
    for column in range(len(values)):
        value = values[column]
        if np.isnan(value):
            continue
        place = place_of_often if value == often else np.searchsorted(ascending, value)
        if ties[place]:
            often, place_of_often = value, place  # zeros of rectified neurons need be looked up once
        rank = place + ties[place]
        ties[place] += 1
        if rank >= n_finite:
            continue
        quantile = (n_quantiles * (rank + 1) - 1) // n_finite
        if counts[quantile] < size:
            chosen[quantile, counts[quantile]] = column
            counts[quantile] += 1
            n_full += counts[quantile] == size
            if n_full == n_quantiles:
                return
