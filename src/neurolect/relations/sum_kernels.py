"""The loop behind neuron vectors."""

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def sum_lists(
    vectors: NDArray[np.float32],
    has_vector: NDArray[np.bool_],
    starts: NDArray[np.int64],
    positions: NDArray[np.int32],
    means: NDArray[np.float32],
    low: int,
    high: int,
) -> None:
    """Average the vectors of the lists from ``low`` to before ``high`` into ``means``.

    ``vectors``: float32, shape (S, D). Sentence vectors.
    ``has_vector``: bool, shape (S,). Which sentences have one.
    ``starts, positions``: int64, shape (n + 1,); int32, shape (n_entries,). The lists.
    ``means``: float32, shape (n, D). Written to; NaN for a list without any vector.
    """
    n_dimensions = vectors.shape[1]
    # sums of a few hundred in float32, the sum of those in float64: as exact as float64, and twice as fast
    part = np.empty(n_dimensions, np.float32)
    total = np.empty(n_dimensions, np.float64)
    for neuron in range(low, high):
        total[:] = 0.0
        part[:] = 0.0
        n_vectors = 0
        for entry in range(starts[neuron], starts[neuron + 1]):
            row = np.uint64(positions[entry])
            if not has_vector[row]:
                continue
            n_vectors += 1
            for d in range(n_dimensions):
                part[d] += vectors[row, d]
            if n_vectors & 255 == 0:
                for d in range(n_dimensions):
                    total[d] += part[d]
                    part[d] = np.float32(0.0)
        for d in range(n_dimensions):
            total[d] += part[d]
            means[neuron, d] = total[d] / n_vectors if n_vectors else np.nan
