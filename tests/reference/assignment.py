"""The best assignment by trying all of them."""

from itertools import permutations

import numpy as np
from numpy.typing import NDArray


def best_gain(gains: NDArray[np.int64]) -> int:
    if gains.shape[0] > gains.shape[1]:
        gains = gains.T
    n_rows, n_columns = gains.shape
    return max(
        sum(int(gains[row, column]) for row, column in enumerate(each))
        for each in permutations(range(n_columns), n_rows)
    )
