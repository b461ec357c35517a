"""Sums over chunks that come out the same to the last bit however the chunks are shared out.

Adding floating-point numbers in another order gives other last bits. Here chunk 2i is always added to chunk
2i + 1, that pair to the neighbouring pair, and so on: which numbers meet is settled by the chunks' numbers alone.
A share of consecutive chunks leaves a handful of sums that still wait for their neighbours.
"""

import numpy as np
from numpy.typing import NDArray


class ChunkSums:
    """Sums of one array a chunk."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[int, int], NDArray[np.float64]] = {}

    def add(self, chunk: int, values: NDArray[np.float64]) -> None:
        """Take in a chunk.

        ``values``: float64, any shape. The same shape for all chunks.
        """
        self._add(0, chunk, values)

    def _add(self, level: int, number: int, values: NDArray[np.float64]) -> None:
        """Put a sum of 2 ** level chunks in its place, or add it to its neighbour."""
        neighbour = self._waiting.pop((level, number ^ 1), None)
        if neighbour is None:
            self._waiting[level, number] = values
        else:
            self._add(level + 1, number >> 1, values + neighbour)

    def merge(self, other: "ChunkSums") -> None:
        """Take in other chunks."""
        for (level, number), values in sorted(other._waiting.items(), key=lambda entry: entry[0]):
            self._add(level, number, values)

    def total(self) -> NDArray[np.float64] | float:
        """Add up what waits, in the order of the chunks.

        Returns: float64 array, or 0.0 if there was no chunk. The sum over all chunks.
        """
        order = sorted(self._waiting, key=lambda key: key[1] << key[0])
        return sum((self._waiting[key] for key in order), 0.0)

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Give the state as arrays."""
        return {f"{level}-{number}": values for (level, number), values in self._waiting.items()}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[np.generic]]) -> "ChunkSums":
        """Make a state from arrays."""
        sums = cls()
        for name, values in arrays.items():
            level, number = name.split("-")
            sums._waiting[int(level), int(number)] = values.astype(np.float64)
        return sums
