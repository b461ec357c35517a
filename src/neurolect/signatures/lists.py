"""The lists of a run, laid out for counting: one row a neuron and side."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.store.sides import list_columns


class Lists(NamedTuple):
    """Every list of a run; neuron by neuron, and top before bottom within a neuron."""

    rows: NDArray[np.int32]
    """Positions of the sentences among the kept ones, by rank, shape (n_lists, N); -1 after the end."""
    sides: tuple[str, ...]
    """Sides of every neuron, e.g. ``("top", "bottom")``."""

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Sentences of each list, shape (n_lists,)."""
        return np.asarray(np.count_nonzero(self.rows >= 0, axis=1), dtype=np.int64)

    def identify(self, lists: NDArray[np.int32]) -> dict[str, pa.Array]:
        """Give the columns that say whose evidence a row is.

        ``lists``: int32, shape (n,). List of each row.
        """
        return list_columns(lists, self.sides)


def interleave(sides: dict[str, NDArray[np.int32]]) -> Lists:
    """Join the lists of all sides, neuron by neuron.

    ``sides``: dict of str to int32 array, shape (n_neurons, N of the side). From :func:`list_rows`.
    """
    n_neurons = len(next(iter(sides.values())))
    longest = max(rows.shape[1] for rows in sides.values())
    joined = np.full((n_neurons, len(sides), longest), -1, dtype=np.int32)
    for place, rows in enumerate(sides.values()):
        joined[:, place, : rows.shape[1]] = rows
    return Lists(rows=joined.reshape(n_neurons * len(sides), longest), sides=tuple(sides))


def list_rows(neuron_ids: NDArray[np.int32], positions: NDArray[np.int32], *, n_neurons: int) -> NDArray[np.int32]:
    """Lay out lists as rows of sentence positions.

    ``neuron_ids``: int32, shape (n_rows,), ascending. Neuron of each entry of the lists.
    ``positions``: int32, shape (n_rows,). Position of each entry's sentence among the kept ones, by rank within a
        neuron.
    Returns: int32, shape (n_neurons, longest list). Positions by rank; -1 after the end of a shorter list.

    Examples
    --------
    >>> list_rows(np.array([0, 0, 2], np.int32), np.array([7, 5, 6], np.int32), n_neurons=3).tolist()
    [[7, 5], [-1, -1], [6, -1]]
    """
    sizes = np.bincount(neuron_ids, minlength=n_neurons)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    rows = np.full((n_neurons, int(sizes.max(initial=0))), -1, dtype=np.int32)
    rows[neuron_ids, np.arange(len(neuron_ids)) - starts[neuron_ids]] = positions
    return rows
