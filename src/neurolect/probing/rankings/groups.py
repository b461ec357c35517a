"""Groups of neurons whose activations correlate, and one neuron of each.

Dims: T units, N neurons.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neurolect.clustering.average_linkage import Merges, average_linkage
from neurolect.probing.class_moments import class_moments
from neurolect.probing.rows import Rows, as_rows, row_numbers, tensor_of

TILE = 1024


def correlations(rows: Rows | NDArray[Any], chosen: NDArray[np.int64] | slice | None = None) -> NDArray[np.float32]:
    """Give the correlation of every two neurons in one pass: 1 on the diagonal, 0 with a constant one.

    Returns: float32 array, shape (N, N). Only the half above the diagonal (and whole tiles on it) is filled.
    """
    rows = as_rows(rows)
    numbers, n = row_numbers(chosen, rows.n_rows), rows.n_neurons
    moments = class_moments(rows, np.zeros(rows.n_rows, np.int64), numbers, n_classes=1)
    sd_N = moments.all_sd()
    mean = torch.from_numpy(moments.mean_KN[0])
    scale = torch.from_numpy(np.where(sd_N > 0, 1 / np.where(sd_N > 0, sd_N, 1), 0) / len(numbers) ** 0.5)
    total = torch.zeros((n, n))
    for _, block in rows.blocks(numbers, None):
        values = ((tensor_of(block).double() - mean) * scale).float()
        for first in range(0, n, TILE):
            part = slice(first, first + TILE)
            total[part, first:].addmm_(values[:, part].T, values[:, first:])
    total.fill_diagonal_(1.0)
    return total.clamp_(-1, 1).numpy()


def correlation_merges(correlations_NN: NDArray[np.float32]) -> Merges:
    """Join neurons by average linkage of 1 - absolute correlation; cut with ``groups_at(merges, height=c)``."""
    n = len(correlations_NN)
    distances = np.empty(n * (n - 1) // 2, np.float32)
    at = 0
    for row in range(n - 1):
        distances[at : at + n - 1 - row] = 1 - np.abs(correlations_NN[row, row + 1 :])
        at += n - 1 - row
    return average_linkage(distances, n=n)


def one_of_each(groups_N: NDArray[np.int32], *, seed: int) -> NDArray[np.int64]:
    """Draw one neuron of each group; ascending."""
    order = np.random.default_rng(seed).permutation(len(groups_N))
    _, first = np.unique(groups_N[order], return_index=True)
    return np.sort(order[first])


def medoids(groups_N: NDArray[np.int32], correlations_NN: NDArray[np.float32]) -> NDArray[np.int64]:
    """Give the neuron of each group that correlates most with the others, either way; ties to the lower id."""
    found = []
    for group in range(int(groups_N.max()) + 1):
        members = np.flatnonzero(groups_N == group)
        upper = np.abs(np.triu(correlations_NN[np.ix_(members, members)], 1))
        found.append(members[(upper + upper.T).sum(axis=1).argmax()])
    return np.sort(np.array(found, np.int64))
