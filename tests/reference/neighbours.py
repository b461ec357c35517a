"""Nearest rows from the whole matrix of products."""

import numpy as np
from numpy.typing import NDArray


def nearest_dense(dense: NDArray[np.float64], k: int) -> tuple[list[list[int]], list[list[float]]]:
    products = dense @ dense.T
    np.fill_diagonal(products, 0.0)
    ids, values = [], []
    for row in products:
        order = [int(other) for other in np.argsort(-row, kind="stable") if row[other] > 0][:k]
        ids.append(order + [-1] * (k - len(order)))
        values.append([float(row[other]) for other in order] + [0.0] * (k - len(order)))
    return ids, values
