"""How alike neurons respond to the same sentences: correlations over the sample, a block of neurons at a time.

Dims: n neurons, M sentences of the sample.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.clustering.nearest import Nearest, strongest_of_block

BLOCK_BYTES = 128 * 1024**2


class Responses(NamedTuple):
    """What the correlations of all pairs of neurons come to."""

    nearest: Nearest
    """By absolute correlation, shape (n, k); values keep their sign."""
    twin_in_layer: NDArray[np.int32]
    """The most alike neuron of the same site and layer, shape (n,); -1 for none."""
    correlation_in_layer: NDArray[np.float32]
    """Its correlation, with sign, shape (n,)."""
    distances: NDArray[np.float32] | None
    """1 - absolute correlation of all pairs above the diagonal, row by row, shape (n (n - 1) / 2,), or None."""


def finite_sentences(activations_nM: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Say on which sentences all neurons can be compared.

    ``activations_nM``: float32, shape (n, M). Activations of each neuron on the sample; NaN at a layer that a
        sentence overflowed in.
    Returns: bool, shape (M,). False where some neuron has no finite activation; neurons that have none at all do
        not count.
    """
    missing = np.zeros(activations_nM.shape[1], dtype=bool)
    for first in range(0, len(activations_nM), 1024):
        bad = ~np.isfinite(activations_nM[first : first + 1024])
        missing |= bad[~bad.all(axis=1)].any(axis=0)
    return ~missing


def standardised(activations_nM: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bring every neuron's responses to mean 0 and length 1.

    ``activations_nM``: float32, shape (n, M). Activations of each neuron on the sample.
    Returns: float32, shape (n, M). The product of two rows is their correlation. Zeros for a neuron that is
        constant or not finite.
    """
    unit = np.zeros(activations_nM.shape, dtype=np.float32)
    for first in range(0, len(unit), 1024):
        rows = activations_nM[first : first + 1024].astype(np.float64)
        finite = np.isfinite(rows).all(axis=1)
        rows[~finite] = 0.0
        scale = np.abs(rows).max(axis=1, initial=0.0)
        rows -= rows.mean(axis=1, keepdims=True)
        lengths = np.linalg.norm(rows, axis=1)
        varies = lengths > 1e-6 * scale
        unit[first : first + 1024][varies] = rows[varies] / lengths[varies, None]
    return unit


def compare_responses(
    unit_nM: NDArray[np.float32],
    groups: NDArray[np.int32],
    *,
    k: int,
    with_distances: bool = False,
    advance: Callable[[float], None] | None = None,
) -> Responses:
    """Correlate all pairs of neurons.

    ``unit_nM``: float32, shape (n, M). From :func:`standardised`.
    ``groups``: int32, shape (n,). Site and layer of each neuron, as a number.
    ``with_distances``: Also keep the distances of all pairs, four bytes each: 2.7 GB for 36,864 neurons.
    """
    n = len(unit_nM)
    ids, values = np.full((n, k), -1, dtype=np.int32), np.zeros((n, k), dtype=np.float32)
    twin, correlation = np.full(n, -1, dtype=np.int32), np.zeros(n, dtype=np.float32)
    distances = np.empty(n * (n - 1) // 2, dtype=np.float32) if with_distances else None
    at = 0
    step = max(1, BLOCK_BYTES // (4 * max(n, 1)))
    for first in range(0, n, step):
        block = unit_nM[first : first + step] @ unit_nM.T
        strongest_of_block(block, first, groups, ids, values, twin, correlation)
        if distances is not None:
            for here, row in enumerate(block):
                after = row[first + here + 1 :]
                distances[at : at + len(after)] = after
                at += len(after)
        if advance is not None:
            advance(len(block))
    np.clip(values, -1.0, 1.0, out=values)
    np.clip(correlation, -1.0, 1.0, out=correlation)
    if distances is not None:
        np.abs(distances, out=distances)
        np.subtract(1.0, distances, out=distances)
        np.maximum(distances, 0.0, out=distances)
    return Responses(Nearest(ids, values), twin, correlation, distances)
