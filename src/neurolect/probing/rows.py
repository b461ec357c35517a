"""Rows of activations, a block at a time: what probes and rankings read of a store, or of an array.

Dims: T units (rows), N neurons (columns).
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from neurolect.errors import ProbingError

if TYPE_CHECKING:
    from torch import Tensor

Selection = slice | NDArray[np.int64] | None
"""Which rows or columns: a slice, their numbers in the order they are wanted, or all."""


@runtime_checkable
class Rows(Protocol):
    """A matrix of activations that may be too large for the memory."""

    n_rows: int
    """Units."""
    n_neurons: int
    """Columns."""

    def blocks(self, rows: Selection, columns: Selection) -> Iterator[tuple[NDArray[np.int64], NDArray[Any]]]:
        """Give blocks of rows in the order asked for: their numbers, and their floats of any width."""
        ...


class ArrayRows:
    """An array, or the memory map of a file, as rows."""

    def __init__(self, array: NDArray[Any], *, block: int = 1024) -> None:
        if array.ndim != 2 or array.dtype.kind != "f":
            what = f"The activations are an array of {array.dtype} with the shape {array.shape}."
            raise ProbingError(what, expected="floats, a row a unit and a column a neuron")
        self.array, self.block = array, block
        self.n_rows, self.n_neurons = array.shape

    def blocks(self, rows: Selection, columns: Selection) -> Iterator[tuple[NDArray[np.int64], NDArray[Any]]]:
        """Give blocks of rows in the order asked for."""
        chosen = row_numbers(rows, self.n_rows)
        for first in range(0, len(chosen), self.block):
            ids = chosen[first : first + self.block]
            run = len(ids) and ids[-1] - ids[0] == len(ids) - 1 and bool((np.diff(ids) == 1).all())
            part = self.array[ids[0] : ids[-1] + 1] if run else self.array[ids]
            yield ids, part if columns is None else part[:, columns]


def as_rows(given: Rows | NDArray[Any]) -> Rows:
    """Read an array as rows; what already is a reader stays as it is."""
    return ArrayRows(given) if isinstance(given, np.ndarray) else given


def row_numbers(selection: Selection, n: int) -> NDArray[np.int64]:
    """Give the numbers of the chosen of n rows or columns."""
    if selection is None or isinstance(selection, slice):
        return np.arange(n)[slice(None) if selection is None else selection]
    return np.asarray(selection, dtype=np.int64)


def columns_of(given: Rows, rows: NDArray[np.int64], columns: slice) -> NDArray[Any]:
    """Give a few columns, each contiguous: shape (n_columns, n_rows)."""
    held: NDArray[Any] | None = None
    at = 0
    for _, block in given.blocks(rows, columns):
        if held is None:
            held = np.empty((block.shape[1], len(rows)), block.dtype)
        held[:, at : at + len(block)] = block.T
        at += len(block)
    return np.empty((0, 0), np.float32) if held is None else held


def widened(block: NDArray[Any]) -> NDArray[Any]:
    """Give halves as float32, all else as it is; PyTorch widens several times faster than NumPy."""
    if block.dtype != np.float16:
        return block
    wide: NDArray[np.float32] = tensor_of(block).float().numpy()
    return wide


def tensor_of(block: NDArray[Any]) -> "Tensor":
    """View a block as a tensor; of a read-only one a copy is made, for PyTorch has no such tensors."""
    import torch

    return torch.from_numpy(block if block.flags.writeable else block.copy())
