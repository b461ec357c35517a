"""The loop that counts metadata values in lists."""

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def count_values(
    starts: NDArray[np.int64], positions: NDArray[np.int32], codes: NDArray[np.int32], counts: NDArray[np.int64]
) -> None:
    """Count the values of the lists that begin at `starts` (n_here + 1,) into `counts` (n_here, n_values)."""
    for row in range(len(starts) - 1):
        for entry in range(starts[row], starts[row + 1]):
            code = codes[np.uint64(positions[entry])]
            if code >= 0:
                counts[row, code] += 1
