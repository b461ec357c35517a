"""Write sentences to Parquet shards of one size, ids dense from 0."""

import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from io import BufferedReader
from pathlib import Path
from typing import Any, NotRequired, TypedDict, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from neurolect.errors import NeurolectError
from neurolect.folders.parquet import CHECKED, ParquetReader
from neurolect.folders.remote import RemotePath
from neurolect.folders.sums import footer_crc32

SHARD_ROWS = 100_000
GROUP_ROWS = 10_000


class ShardEntry(TypedDict):
    """One shard, as the manifest names it."""

    file: str
    n_sentences: int
    n_held_out: int
    first_sentence_id: int
    bytes: int
    blake2b: str
    footer_crc32: NotRequired[str]


def parquet_file(
    path: Path | RemotePath, *, read_dictionary: Sequence[str] = (), check_pages: bool = False
) -> pq.ParquetFile:
    """Open a Parquet file, here or at a URL."""
    how = {"read_dictionary": list(read_dictionary), "page_checksum_verification": check_pages}
    if isinstance(path, RemotePath):
        name, system = path.arrow_source()
        return pq.ParquetFile(name, filesystem=system, pre_buffer=True, **how)
    return pq.ParquetFile(path, **how)


def open_shard(
    path: Path | RemotePath,
    entry: ShardEntry,
    *,
    damaged: Callable[[str], NeurolectError],
    read_dictionary: Sequence[str] = (),
) -> ParquetReader:
    """Open a shard, here or at a URL; `damaged` makes the error to raise, given what is wrong."""
    given: dict[str, Any] = {"damaged": damaged, "read_dictionary": read_dictionary}
    known = entry.get("footer_crc32")
    if isinstance(path, RemotePath):
        name, system = path.arrow_source()
        return ParquetReader(name, doubted=known is None, filesystem=system, pre_buffer=True, **given)
    if known is not None and footer_crc32(path) != known:
        how = "its content is another"
        raise damaged(how)
    return ParquetReader(path, doubted=known is None, **given)


def file_hash(path: Path | RemotePath) -> str:
    """Hash a file's bytes.

    Returns: BLAKE2b, 16 bytes, hexadecimal.
    """
    with path.open("rb") as file:
        # of a file at a URL no more is known than that it can be read
        binary = cast("BufferedReader", file)
        return hashlib.file_digest(binary, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


class ShardWriter:
    """Writes tables of sentences as they come into shards of 100,000 rows."""

    def __init__(self, folder: Path, *, shard_rows: int = SHARD_ROWS, group_rows: int = GROUP_ROWS) -> None:
        self._folder = folder
        self._shard_rows, self._group_rows = shard_rows, group_rows
        self._waiting: list[pa.Table] = []
        self._n_waiting = 0
        self._writer: pq.ParquetWriter | None = None
        self._n_in_shard = self._n_held_out_in_shard = 0
        self.n_sentences = self.n_characters = 0
        self.entries: list[ShardEntry] = []
        (folder / "sentences").mkdir()

    def write(self, table: pa.Table, *, held_out: NDArray[np.bool_]) -> None:
        """Add the next sentences.

        ``table``: Columns of :func:`neurolect.corpus.sentences.of_documents.sentence_schema`.
        ``held_out``: bool, shape (n,). Whether each is set aside.
        """
        ids = np.arange(self.n_sentences, self.n_sentences + len(table))
        self.n_sentences += len(table)
        self.n_characters += pc.sum(pc.utf8_length(table["text"])).as_py() or 0
        table = table.add_column(0, "sentence_id", pa.array(ids))
        self._waiting.append(table.add_column(3, "held_out", pa.array(held_out)))
        self._n_waiting += len(table)
        while self._n_waiting >= self._group_rows:
            self._write_group(self._group_rows)

    def close(self) -> None:
        """Write what is left and finish the last shard."""
        if self._n_waiting:
            self._write_group(self._n_waiting)
        self._finish_shard()

    def abandon(self) -> None:
        """Close the open file without finishing it; what goes wrong then is not what went wrong first."""
        if self._writer is not None:
            with suppress(OSError, pa.ArrowException):
                self._writer.close()
            self._writer = None

    def _write_group(self, n_rows: int) -> None:
        waiting = pa.concat_tables(self._waiting)
        # Chunks come with dictionaries of their own; one row group has one.
        group = waiting.slice(0, n_rows).unify_dictionaries().combine_chunks()
        self._waiting = [waiting.slice(n_rows)]
        self._n_waiting -= n_rows
        if self._writer is None:
            path = self._folder / "sentences" / f"part-{len(self.entries):05d}.parquet"
            self._writer = pq.ParquetWriter(path, group.schema, compression="zstd", **CHECKED)
        self._writer.write_table(group, row_group_size=n_rows)
        self._n_in_shard += n_rows
        self._n_held_out_in_shard += pc.sum(group["held_out"]).as_py() or 0
        if self._n_in_shard >= self._shard_rows:
            self._finish_shard()

    def _finish_shard(self) -> None:
        if self._writer is None:
            return
        self._writer.close()
        self._writer = None
        name = f"sentences/part-{len(self.entries):05d}.parquet"
        path = self._folder / name
        first = self.entries[-1]["first_sentence_id"] + self.entries[-1]["n_sentences"] if self.entries else 0
        entry = ShardEntry(
            file=name,
            n_sentences=self._n_in_shard,
            n_held_out=self._n_held_out_in_shard,
            first_sentence_id=first,
            bytes=path.stat().st_size,
            blake2b=file_hash(path),
            footer_crc32=footer_crc32(path),
        )
        self.entries.append(entry)
        self._n_in_shard = self._n_held_out_in_shard = 0
