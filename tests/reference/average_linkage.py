"""Average linkage by looking for the nearest pair of all groups, again and again."""

import numpy as np
from numpy.typing import NDArray


def merge_heights(square: NDArray[np.float64]) -> list[float]:
    groups = [[point] for point in range(len(square))]
    heights = []
    while len(groups) > 1:
        means = {
            (one, other): float(np.mean([square[a, b] for a in groups[one] for b in groups[other]]))
            for one in range(len(groups))
            for other in range(one + 1, len(groups))
        }
        one, other = min(means, key=lambda pair: means[pair])
        heights.append(means[one, other])
        groups[one] += groups.pop(other)
    return heights
