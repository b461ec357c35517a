"""Find the first occurrence of every key among many, on disk, in bounded memory."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

N_BUCKETS = 256
BUFFER_ROWS = 1 << 20
ENTRY = np.dtype([("high", "<u8"), ("low", "<u8"), ("row", "<i8")])


class FirstOccurrences:
    """Marks rows whose 128-bit key came before.

    Keys go to 256 files by their highest byte; each file is then sorted by itself, so memory is one buffer plus one
    256th of all keys, and a byte a row for the answer.

    ``folder``: An existing folder for the files; they are removed when done.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._buffer: list[NDArray[np.void]] = []
        self._n_buffered = 0
        self.n_rows = 0

    def update(self, high: NDArray[np.uint64], low: NDArray[np.uint64]) -> None:
        """Add the keys of the next rows.

        ``high, low``: uint64, shape (n,). Halves of the keys.
        """
        entries = np.empty(high.size, dtype=ENTRY)
        entries["high"], entries["low"] = high, low
        entries["row"] = np.arange(self.n_rows, self.n_rows + high.size)
        self.n_rows += high.size
        self._buffer.append(entries)
        self._n_buffered += high.size
        if self._n_buffered >= BUFFER_ROWS:
            self._flush()

    def to_arrays(self) -> NDArray[np.bool_]:
        """Tell which rows are the first of their key.

        Returns: bool, shape (n_rows,). True at first occurrences.
        """
        self._flush()
        first = np.ones(self.n_rows, dtype=np.bool_)
        for path in sorted(self._folder.glob("bucket-*.bin")):
            entries = np.fromfile(path, dtype=ENTRY)
            # Stable, so that within a key rows stay ascending.
            order = np.lexsort((entries["low"], entries["high"]))
            ordered = entries[order]
            same = (ordered["high"][1:] == ordered["high"][:-1]) & (ordered["low"][1:] == ordered["low"][:-1])
            first[ordered["row"][1:][same]] = False
            path.unlink()
        return first

    def _flush(self) -> None:
        if not self._n_buffered:
            return
        entries = np.concatenate(self._buffer)
        self._buffer, self._n_buffered = [], 0
        buckets = (entries["high"] >> np.uint64(56)).astype(np.uint8)
        entries = entries[np.argsort(buckets, kind="stable")]
        ends = np.cumsum(np.bincount(buckets, minlength=N_BUCKETS))
        for bucket, part in enumerate(np.split(entries, ends[:-1])):
            if part.size:
                with (self._folder / f"bucket-{bucket:03d}.bin").open("ab") as file:
                    part.tofile(file)
