"""The loop that counts metadata values in lists."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["count_values"]


@njit(cache=True, nogil=True)
def count_values(
    starts: NDArray[np.int64], positions: NDArray[np.int32], codes: NDArray[np.int32], counts: NDArray[np.int64]
) -> None:
    """Count the values of some lists.

    Parameters
    ----------
    starts : int64, shape (n_here + 1,)
        Where the lists begin among all entries.
    positions : int32, shape (n_entries,)
        Sentences of all lists.
    codes : int32, shape (n_sentences,)
        Value of each sentence; -1 for none.
    counts : int64, shape (n_here, n_values)
        Written to; zeros before.
    """
    for row in range(len(starts) - 1):
        for entry in range(starts[row], starts[row + 1]):
            code = codes[np.uint64(positions[entry])]
            if code >= 0:
                counts[row, code] += 1
