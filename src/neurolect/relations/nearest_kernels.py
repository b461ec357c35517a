"""The loops behind nearest neighbours: sparse products, and the strongest of a block of correlations."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["nearest_by_product", "strongest_of_block"]


@njit(cache=True, nogil=True)
def nearest_by_product(
    starts: NDArray[np.int64],
    columns: NDArray[np.int32],
    weights: NDArray[np.float32],
    column_starts: NDArray[np.int64],
    column_rows: NDArray[np.int32],
    column_weights: NDArray[np.float32],
    ids: NDArray[np.int32],
    values: NDArray[np.float32],
    low: int,
    high: int,
) -> None:
    """Fill ``ids`` and ``values`` of the rows from ``low`` to before ``high``.

    Parameters
    ----------
    starts, columns, weights : int64 (n + 1,); int32, float32 (n_entries,)
        The matrix by rows.
    column_starts, column_rows, column_weights : int64 (n_columns + 1,); int32, float32 (n_entries,)
        The same matrix by columns.
    ids, values : int32, float32, shape (n, k)
        Written to; -1 and 0 before.
    low, high : int
        Rows to do.
    """
    products = np.zeros(len(starts) - 1, np.float32)
    for row in range(low, high):
        products[:] = 0.0
        for entry in range(starts[row], starts[row + 1]):
            column, weight = columns[entry], weights[entry]
            for other in range(column_starts[column], column_starts[column + 1]):
                products[np.uint64(column_rows[other])] += weight * column_weights[other]
        products[row] = 0.0
        _keep_strongest(products, products, ids[row], values[row])


@njit(cache=True, nogil=True)
def _keep_strongest(
    strength: NDArray[np.float32], told: NDArray[np.float32], ids: NDArray[np.int32], values: NDArray[np.float32]
) -> None:
    """Keep the k greatest strengths above 0, greatest first; ties to the smaller number."""
    k = len(ids)
    kept = np.zeros(k, np.float32)
    for other in range(len(strength)):
        found = strength[other]
        if found <= kept[k - 1]:
            continue
        place = k - 1
        while place > 0 and kept[place - 1] < found:
            kept[place], ids[place], values[place] = kept[place - 1], ids[place - 1], values[place - 1]
            place -= 1
        kept[place], ids[place], values[place] = found, other, told[other]


@njit(cache=True, nogil=True)
def strongest_of_block(
    block: NDArray[np.float32],
    first: int,
    groups: NDArray[np.int32],
    ids: NDArray[np.int32],
    values: NDArray[np.float32],
    group_ids: NDArray[np.int32],
    group_values: NDArray[np.float32],
) -> None:
    """Keep each row's strongest correlations, by absolute value, and the strongest one within its group.

    Parameters
    ----------
    block : float32, shape (n_here, n)
        Correlations of some neurons with all.
    first : int
        Number of the block's first neuron.
    groups : int32, shape (n,)
        Group (site and layer) of each neuron.
    ids, values : int32, float32, shape (n, k)
        Written to; -1 and 0 before.
    group_ids, group_values : int32, float32, shape (n,)
        Written to; -1 and 0 before.
    """
    strength = np.empty(block.shape[1], np.float32)
    for here in range(block.shape[0]):
        row = first + here
        best = np.float32(0.0)
        for other in range(block.shape[1]):
            found = abs(block[here, other])
            if other == row:
                found = np.float32(0.0)
            strength[other] = found
            if found > best and groups[other] == groups[row]:
                best = found
                group_ids[row] = other
                group_values[row] = block[here, other]
        _keep_strongest(strength, block[here], ids[row], values[row])
