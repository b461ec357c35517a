"""The nearest rows of a sparse matrix by the products of rows: shared sentences of lists, alike signatures."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.relations.nearest_kernels import nearest_by_product

__all__ = ["Nearest", "SparseRows", "nearest_rows"]


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


def nearest_rows(rows: SparseRows, *, n_columns: int, k: int, workers: int = 1) -> Nearest:
    """Find the rows that every row has the greatest product with.

    Parameters
    ----------
    rows : SparseRows
        n rows.
    n_columns : int
        Columns.
    k : int, >= 1
        Neighbours a row.
    workers : int, >= 1
        Threads; the result is the same for any number.

    Returns
    -------
    Nearest
        Only rows with a product above 0; never the row itself.

    Notes
    -----
    The rows that hold a column are looked up from the column, so the work is the sum over columns of the square of
    how many rows hold it, and the memory that of the matrix: nothing of size n x n is made.
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
    bounds = np.linspace(0, n, num=max(1, workers) * 4 + 1).astype(np.int64)
    with ThreadPoolExecutor(max(1, workers)) as pool:
        parts = [
            pool.submit(
                nearest_by_product,
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
        for part in parts:
            part.result()
    return Nearest(ids, values)
