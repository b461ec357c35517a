"""How much the sentences that move a layer differ: the error of k-means over them, against k."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.clustering.k_means import k_means
from neurolect.results.list_entries import ListEntries, first_entries


class Diversity(NamedTuple):
    """The error of k-means over a layer's sentences."""

    k: int
    """Groups."""
    sse: float
    """Sum of squared distances to the group's mean."""
    n_sentences: int
    """Sentences, one counted as often as a neuron lists it."""


def layer_sentences(entries: ListEntries, neurons: NDArray[np.int64], *, n_first: int) -> NDArray[np.int32]:
    """Gather the strongest sentences of a layer's neurons.

    ``neurons``: int64, shape (n_layer,). The layer's neurons.
    Returns: int32, shape (up to n_layer * n_first,). Their rows among the kept sentences, neuron by neuron.
    """
    short = first_entries(entries, n_first)
    parts = [short.positions[short.starts[neuron] : short.starts[neuron + 1]] for neuron in neurons]
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int32)


def diversity(
    vectors: NDArray[np.float32], *, ks: tuple[int, ...], seed: int = 0, n_starts: int = 3
) -> list[Diversity]:
    """Group a layer's sentences into ever more groups.

    ``vectors``: float32, shape (n, D). Vectors of the sentences; rows of zeros (no vector) are left out.
    ``ks``: Numbers of groups; those above the number of sentences are left out.

    Reference: [J] figure 3: the error falls slowest in the layers whose neurons capture most different things.
    """
    points = vectors[vectors.any(axis=1)]
    return [
        Diversity(k, k_means(points, k=k, seed=seed, n_starts=n_starts, n_iterations=50).sse, len(points))
        for k in ks
        if k <= len(points)
    ]
