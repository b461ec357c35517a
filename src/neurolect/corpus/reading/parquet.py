"""Read Parquet files as rows of plain values."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from neurolect.corpus.reading.arrow_values import Decode, plain_values
from neurolect.corpus.reading.decode import open_binary
from neurolect.corpus.reading.losses import Losses
from neurolect.corpus.reading.names import unique_names
from neurolect.corpus.reading.sources import shown, suffixes
from neurolect.corpus.shards import parquet_file
from neurolect.errors import CorpusError
from neurolect.folders.remote import RemotePath

BATCH = 1024
# All that Arrow raises on damaged files and on types it cannot read.
DAMAGED = (
    pa.ArrowException,
    OSError,
    ValueError,
    OverflowError,
    MemoryError,
    NotImplementedError,
    KeyError,
    IndexError,
)


class ParquetRows:
    """One Parquet file, open."""

    def __init__(
        self, file: pq.ParquetFile, *, name: str, decode: Decode, losses: Losses, lists: bool = False
    ) -> None:
        self._file, self._name, self._decode, self._lists = file, name, decode, lists
        self.names, changed = unique_names(file.schema_arrow.names)
        if changed:
            losses.say(f"Column names of {name} that were empty or there twice are now {changed}.")

    def all(self) -> Iterator[dict[str, object]]:
        """Yield all rows in order."""
        n_before = 0
        for batch in self._file.iter_batches(batch_size=BATCH, use_threads=False):
            yield from self._rows(batch, n_before)
            n_before += batch.num_rows

    def spread(self, n_rows: int) -> Iterator[dict[str, object]]:
        """Yield rows at even steps of at most ten row groups; a file is often sorted, its first rows alike."""
        n_groups = self._file.num_row_groups
        groups = sorted({n_groups * i // 10 for i in range(10)}) if n_groups else []
        for group in groups:
            for_group = max(1, n_rows // len(groups))
            step = max(1, self._file.metadata.row_group(group).num_rows // for_group)
            start = 0
            for batch in self._file.iter_batches(batch_size=BATCH, row_groups=[group], use_threads=False):
                places = np.arange(start, batch.num_rows, step)
                if places.size:
                    yield from self._rows(_at(batch, places), None)
                start = (start - batch.num_rows) % step

    def late(self, columns: Sequence[str]) -> Iterator[dict[str, object]]:
        """Yield rows with values of columns that were empty elsewhere, of the first groups that have some."""
        metadata = self._file.metadata
        # A nested column has several columns in the file; only plain ones are looked for.
        paths = {metadata.schema.column(i).path: i for i in range(metadata.num_columns)}
        for name, own in zip(self.names, self._file.schema_arrow.names, strict=True):
            if name not in columns or own not in paths:
                continue
            for group in range(metadata.num_row_groups):
                entry = metadata.row_group(group).column(paths[own])
                counts = entry.statistics
                if counts is not None and counts.has_null_count and counts.null_count == entry.num_values:
                    continue
                found = [row for row in self._values_of(group, own, name) if row[name] is not None]
                yield from found[:BATCH]
                if found:
                    break

    def _values_of(self, group: int, own: str, name: str) -> Iterator[dict[str, object]]:
        for batch in self._file.iter_batches(
            batch_size=BATCH, row_groups=[group], columns=[own], use_threads=False
        ):
            where = f"{self._name}, column {name!r}"
            for value in plain_values(batch.column(0), decode=self._decode, where=where):
                yield {name: value}

    def _rows(self, batch: pa.RecordBatch, n_before: int | None) -> Iterator[dict[str, object]]:
        columns = [
            plain_values(
                column,
                decode=self._decode,
                where=f"{self._name}, column {name!r}",
                n_before=n_before,
                lists=self._lists,
            )
            for name, column in zip(self.names, batch.columns, strict=True)
        ]
        names = self.names
        for values in zip(*columns, strict=True):
            yield dict(zip(names, values, strict=True))


def _at(batch: pa.RecordBatch, places: np.ndarray[tuple[int], np.dtype[np.int64]]) -> pa.RecordBatch:
    try:
        return batch.take(pa.array(places))
    except NotImplementedError:  # of views and unions
        taken = [pa.concat_arrays([each.slice(place, 1) for place in places.tolist()]) for each in batch.columns]
        return pa.RecordBatch.from_arrays(taken, schema=batch.schema)


@contextmanager
def open_parquet(
    path: Path | RemotePath, *, decode: Decode, losses: Losses, lists: bool = False
) -> Iterator[ParquetRows]:
    """Open a Parquet file; what is damaged about it is one error."""
    name = shown(path)
    try:
        if suffixes(path)[1]:
            with open_binary(path) as file:
                unpacked = pq.ParquetFile(pa.BufferReader(file.read()), page_checksum_verification=True)
                yield ParquetRows(unpacked, name=name, decode=decode, losses=losses, lists=lists)
        else:
            with parquet_file(path, check_pages=True) as parquet:
                yield ParquetRows(parquet, name=name, decode=decode, losses=losses, lists=lists)
    except CorpusError:
        raise
    except DAMAGED as error:
        what = f"{name} could not be read as Parquet: {' '.join(str(error).split())[:300]}."
        raise CorpusError(what, hint="The file is damaged, or is of another format under this name.") from error
