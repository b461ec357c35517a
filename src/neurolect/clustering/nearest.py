"""The nearest rows of a sparse matrix by the products of rows: shared sentences of lists, alike signatures."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

_PARTS = 32
"""A worker's parts of the rows."""


class SparseRows(NamedTuple):
    """A sparse matrix, row by row."""

    starts: NDArray[np.int64]
    """Where each row's entries begin, shape (n_rows + 1,)."""
    columns: NDArray[np.int32]
    """Column of each entry; a row names a column once."""
    weights: NDArray[np.float32]
    """Value of each entry, above 0."""


class Nearest(NamedTuple):
    """The nearest others of every row."""

    ids: NDArray[np.int32]
    """Rows, the nearest first, ties to the smaller number, shape (n, k); -1 where there are no more."""
    values: NDArray[np.float32]
    """How near, shape (n, k); 0 where there are no more."""


def nearest_rows(
    rows: SparseRows,
    *,
    n_columns: int,
    k: int,
    workers: int = 1,
    advance: Callable[[float], None] | None = None,
) -> Nearest:
    """Find the k other rows that every row has the greatest product with; only products above 0 count.

    The rows that hold a column are looked up from the column, so the work is the sum over columns of the square of
    how many rows hold it, and the memory that of the matrix: nothing of size n x n is made. `advance` counts
    the rows that are done.
    """
    order = np.argsort(rows.columns, kind="stable")
    owners = np.repeat(np.arange(len(rows.starts) - 1, dtype=np.int32), np.diff(rows.starts))
    column_starts = np.concatenate([[0], np.cumsum(np.bincount(rows.columns, minlength=n_columns))]).astype(
        np.int64
    )
    column_rows, column_weights = owners[order], rows.weights[order]
    n = len(rows.starts) - 1
    ids = np.full((n, k), -1, dtype=np.int32)
    values = np.zeros((n, k), dtype=np.float32)
    bounds = np.linspace(0, n, num=max(1, workers) * _PARTS + 1).astype(np.int64)
    with ThreadPoolExecutor(max(1, workers)) as pool:
        parts = [
            pool.submit(
                _nearest_by_product,
                rows.starts,
                rows.columns,
                rows.weights,
                column_starts,
                column_rows,
                column_weights,
                ids,
                values,
                low,
                high,
            )
            for low, high in pairwise(bounds.tolist())
        ]
        for part, n_rows in zip(parts, np.diff(bounds).tolist(), strict=True):
            part.result()
            if advance is not None:
                advance(n_rows)
    return Nearest(ids, values)


@njit(cache=True, nogil=True)
def _nearest_by_product(
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
    """Fill `ids` and `values`, shape (n, k), -1 and 0 before, of the rows from `low` to before `high`.

    The matrix is given by rows (`starts`, shape (n + 1,), `columns`, `weights`) and again by columns.
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
    strength: NDArray[np.float32], signed: NDArray[np.float32], ids: NDArray[np.int32], values: NDArray[np.float32]
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
        kept[place], ids[place], values[place] = found, other, signed[other]


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

    `block`, shape (n_here, n), has the correlations of some neurons, from number `first` on, with all; `groups`,
    shape (n,), is the site and layer of each. `ids` and `values`, shape (n, k), and `group_ids` and `group_values`,
    shape (n,), are written to; -1 and 0 before.
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
