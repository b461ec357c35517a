"""Parquet files with a check sum on every page: written so, and read so that damage is reported, never followed."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from neurolect.errors import NeurolectError

CHECKED = {"write_page_checksum": True}
"""What every writer is given."""
DAMAGED = (pa.ArrowException, OSError, ValueError, OverflowError)
"""What pyarrow raises on a file that is not what it says."""


class ParquetReader:
    """A Parquet file whose pages are checked as they are read.

    ``damaged``: Makes the error to raise, given what is wrong.
    ``doubted``: The file's bytes are vouched for by nothing: what is read is checked to be well formed.
    """

    def __init__(
        self,
        source: Path | str,
        *,
        damaged: Callable[[str], NeurolectError],
        read_dictionary: Sequence[str] = (),
        doubted: bool = False,
        **given: Any,  # noqa: ANN401 - of pyarrow
    ) -> None:
        self._damaged, self._doubted = damaged, doubted
        self._one_at_a_time = threading.Lock()  # a server's threads share what is open
        with self._reporting():
            self._file = pq.ParquetFile(
                source, read_dictionary=list(read_dictionary), page_checksum_verification=True, **given
            )
            self.schema_arrow: pa.Schema = self._file.schema_arrow
        self.metadata: pq.FileMetaData = self._file.metadata
        self.schema: pq.ParquetSchema = self._file.schema
        self.num_row_groups: int = self.metadata.num_row_groups

    def __enter__(self) -> "ParquetReader":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self, columns: Sequence[str] | None = None, *, use_threads: bool = True) -> pa.Table:
        """Read all rows."""
        with self._reporting(), self._one_at_a_time:
            return self._whole(self._file.read(columns=self._there(columns), use_threads=use_threads))

    def read_row_groups(
        self, groups: Sequence[int], columns: Sequence[str] | None = None, *, use_threads: bool = True
    ) -> pa.Table:
        """Read some groups of rows."""
        if not groups:  # PyArrow 18 fails at none
            empty, there = self.schema_arrow.empty_table(), self._there(columns)
            return empty if there is None else empty.select(there)
        with self._reporting(), self._one_at_a_time:
            table = self._file.read_row_groups(list(groups), columns=self._there(columns), use_threads=use_threads)
            return self._whole(table)

    def iter_batches(self, *, columns: Sequence[str] | None = None, batch_size: int) -> Iterator[pa.RecordBatch]:
        """Read the rows a batch at a time."""
        batches = self._file.iter_batches(columns=self._there(columns), batch_size=batch_size)
        while True:
            with self._reporting():
                batch = next(batches, None)
                if batch is None:
                    return
                self._whole(batch)
            yield batch

    def _there(self, columns: Sequence[str] | None) -> list[str] | None:
        # pyarrow leaves out what is not there
        missing = [name for name in columns or () if name not in self.schema_arrow.names]
        if missing:
            how = f"it has no column {missing[0]!r}"
            raise self._damaged(how)
        return None if columns is None else list(columns)

    def _whole(self, read: Any) -> Any:  # noqa: ANN401 - a table or a batch
        if self._doubted:
            read.validate(full=True)
        return read

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        try:
            yield
        except DAMAGED as error:
            if isinstance(error, FileNotFoundError | PermissionError):
                raise
            how = "its file is cut off or damaged"
            raise self._damaged(how) from error
