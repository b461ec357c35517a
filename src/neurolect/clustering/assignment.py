"""Match rows and columns one to one so that what they share is greatest: the Hungarian method."""

import numpy as np
from numpy.typing import NDArray


def best_assignment(gains: NDArray[np.float64] | NDArray[np.int64]) -> NDArray[np.int64]:
    """Give every row a column of its own so that the sum of gains is greatest.

    Parameters
    ----------
    gains : float64 or int64, shape (n_rows, n_columns)
        What a row and a column gain together; finite.

    Returns
    -------
    int64, shape (n_rows,)
        Column of each row; -1 for rows left over where there are more rows than columns.

    References
    ----------
    H. W. Kuhn (1955), The Hungarian method for the assignment problem, Naval Research Logistics Quarterly 2; in the
    form of shortest augmenting paths: R. Jonker, A. Volgenant (1987), Computing 38.

    Examples
    --------
    >>> best_assignment(np.array([[3, 2], [5, 1]])).tolist()
    [1, 0]
    """
    costs = -np.asarray(gains, dtype=np.float64)
    n_rows, n_columns = costs.shape
    if n_rows > n_columns:
        given = best_assignment(np.ascontiguousarray(-costs.T))
        columns = np.full(n_rows, -1, dtype=np.int64)
        columns[given] = np.arange(n_columns)
        return columns
    # row 0 and column 0 stand for "none": potentials and matches are counted from 1
    row_potential, column_potential = np.zeros(n_rows + 1), np.zeros(n_columns + 1)
    row_of = np.zeros(n_columns + 1, dtype=np.int64)
    for row in range(1, n_rows + 1):
        row_of[0] = row
        before = _shortest_path(costs, row_of, row_potential, column_potential)
        column = int(before[-1])
        while column:
            row_of[column] = row_of[before[column]]
            column = int(before[column])
    columns = np.empty(n_rows, dtype=np.int64)
    matched = np.flatnonzero(row_of[1:])
    columns[row_of[1:][matched] - 1] = matched
    return columns


def _shortest_path(
    costs: NDArray[np.float64],
    row_of: NDArray[np.int64],
    row_potential: NDArray[np.float64],
    column_potential: NDArray[np.float64],
) -> NDArray[np.int64]:
    """Find the cheapest path from the new row to a free column; update the potentials in place.

    The last entry of what is returned is the free column, the others the column before each on the path.
    """
    n_columns = costs.shape[1]
    before = np.zeros(n_columns + 2, dtype=np.int64)
    least = np.full(n_columns + 1, np.inf)
    used = np.zeros(n_columns + 1, dtype=bool)
    column = 0
    while row_of[column]:
        used[column] = True
        row = int(row_of[column])
        reduced = costs[row - 1] - row_potential[row] - column_potential[1:]
        better = ~used[1:] & (reduced < least[1:])
        least[1:][better] = reduced[better]
        before[1:-1][better] = column
        free = np.where(used, np.inf, least)
        free[0] = np.inf
        nearest = int(np.argmin(free))
        step = free[nearest]
        row_potential[row_of[used]] += step
        column_potential[used] -= step
        least[~used] -= step
        column = nearest
    before[-1] = column
    return before
