"""The rows of a signature table that are of one kind, and the lists they are evidence of."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from neurolect.store import Neuron, Run

EQUALS = "="
"""Between a metadata field and its value, where both are one label."""


class Labelled(NamedTuple):
    """The list and the label of each row; strongest first within a list where the order matters."""

    lists: NDArray[np.int64]
    labels: pa.Array


class Rows(NamedTuple):
    """Where the rows of a kind are."""

    table: str
    """Its file in ``signatures/``, without ending."""
    labels: tuple[str, ...]
    """Columns that say what a row is evidence of."""
    only: tuple[str, str] | None = None
    """A column, and the value that only rows of this kind have there."""

    @property
    def name(self) -> str:
        """The table's name in the run folder."""
        return f"signatures/{self.table}"

    def exist(self, run: Run) -> bool:
        """Tell whether the run has the table."""
        return run.has(f"signatures/{self.table}")

    def read(self, run: Run, *columns: str) -> pa.Table:
        """Read list and labels of the rows, and further columns."""
        only = [self.only[0]] if self.only else []
        return self.of(run.table(self.name, columns=["neuron_id", "side", *self.labels, *columns, *only]))

    def read_of(self, neuron: Neuron, side: str) -> pa.Table:
        """Read the rows of one list, with all columns."""
        return self.of(neuron.rows(self.name, side=side))

    def of(self, table: pa.Table) -> pa.Table:
        """Take the rows of this kind."""
        return table.filter(pc.equal(table.column(self.only[0]), self.only[1])) if self.only else table

    def labels_of(self, table: pa.Table) -> pa.Array:
        """Give the label of each row as one string."""
        columns = [_whole(table.column(name)) for name in self.labels]
        return columns[0] if len(columns) == 1 else pc.binary_join_element_wise(*columns, EQUALS)


def leading(lists: NDArray[np.int64], ranks: NDArray[np.generic], *, limit: int) -> NDArray[np.int64]:
    """Choose the rows of the lowest ranks of every list, by list, then rank; of equal ones the earlier row.

    Examples
    --------
    >>> leading(np.array([0, 0, 0, 1]), np.array([2, 1, 3, 1]), limit=2).tolist()
    [1, 0, 3]
    """
    order = np.lexsort((ranks, lists))
    ordered = lists[order]
    place = np.arange(len(order), dtype=np.int64) - np.searchsorted(ordered, ordered)
    kept: NDArray[np.int64] = np.compress(place < limit, order).astype(np.int64)
    return kept


def _whole(column: pa.ChunkedArray) -> pa.Array:
    joined = column.combine_chunks()
    if isinstance(joined, pa.ChunkedArray):
        return joined.chunk(0) if joined.num_chunks else pa.array([], joined.type)
    return joined
