"""Read a source as rows: dictionaries of column name to value, one a document."""

import csv
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from neurolect.corpus.decode import Decoder, open_binary
from neurolect.corpus.options import PrepareOptions
from neurolect.corpus.read_hub import read_hub
from neurolect.corpus.read_text import read_text
from neurolect.corpus.shards import parquet_file
from neurolect.corpus.sources import Source, suffixes
from neurolect.errors import CorpusError
from neurolect.remote import RemotePath, place

Row = dict[str, object]
FIELD_LIMIT = 1 << 30


class RowReader:
    """Reads sources and counts what was wrong with them.

    ``options``: What a text document is; whether broken lines are skipped.
    """

    def __init__(self, options: PrepareOptions) -> None:
        self._options = options
        self._decoder = Decoder()
        self.n_broken = 0

    @property
    def n_replaced(self) -> int:
        """Characters that were not UTF-8."""
        return self._decoder.n_replaced

    def rows(self, source: Source) -> Iterator[Row]:
        """Yield the rows of one source in order."""
        if source.format == "hub":
            yield from read_hub(source.name)
        elif source.format == "text":
            yield from read_text(source, decoder=self._decoder, documents=self._options.text_documents)
        elif source.format == "json":
            yield from self._json(place(source.name))
        elif source.format == "csv":
            yield from self._csv(place(source.name))
        else:
            yield from self._parquet(place(source.name))

    def first_rows(self, source: Source, *, n_rows: int) -> Iterator[Row]:
        """Yield rows to decide about columns by: the first ones, or of a Parquet file some of every part."""
        if source.format == "parquet" and not suffixes(place(source.name))[1]:
            yield from self._parquet(place(source.name), n_rows=n_rows)
        else:
            yield from islice(self.rows(source), n_rows)

    def _json(self, path: Path | RemotePath) -> Iterator[Row]:
        for number, line in enumerate(self._decoder.lines(path), start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (json.JSONDecodeError, RecursionError) as error:
                self._broken(path, number, f"no JSON ({error})")
                continue
            if isinstance(row, dict):
                yield row
            else:
                self._broken(path, number, f"a JSON {type(row).__name__}, not an object")

    def _csv(self, path: Path | RemotePath) -> Iterator[Row]:
        # The csv module's limit holds for the whole process; it is only ever raised.
        csv.field_size_limit(max(FIELD_LIMIT, csv.field_size_limit()))
        lines = self._decoder.lines(path)
        header_line = next(lines, "")
        delimiter = "\t" if suffixes(path)[0] == ".tsv" else max(",;\t", key=header_line.count)

        def all_lines() -> Iterator[str]:
            yield header_line
            yield from lines

        reader = csv.reader(all_lines(), delimiter=delimiter)
        header = next(reader, [])
        try:
            for values in reader:
                if len(values) > len(header):
                    self._broken(path, reader.line_num, f"{len(values)} values under {len(header)} column names")
                elif values:
                    yield dict(zip(header, values, strict=False))
        except csv.Error as error:
            what = f"{path}:{reader.line_num} is no CSV: {error}."
            raise CorpusError(what, hint="Check the quotes around that line.") from error

    def _broken(self, path: Path | RemotePath, number: int, why: str) -> None:
        if not self._options.skip_broken_lines:
            what = f"{path}:{number} is {why}."
            hint = "Correct the line, or set prepare.skip_broken_lines = true to count such lines and go on."
            raise CorpusError(what, hint=hint)
        self.n_broken += 1

    def _parquet(self, path: Path | RemotePath, *, n_rows: int | None = None) -> Iterator[Row]:
        try:
            if suffixes(path)[1]:
                with open_binary(path) as file:
                    yield from _batches(pq.ParquetFile(pa.BufferReader(file.read())))
            else:
                with parquet_file(path) as parquet:
                    yield from _batches(parquet) if n_rows is None else _spread(parquet, n_rows)
        except (pa.ArrowInvalid, OSError) as error:
            what = f"{path} could not be read as Parquet: {error}."
            raise CorpusError(what, hint="The file is damaged, or is of another format under this name.") from error


def _batches(parquet: pq.ParquetFile) -> Iterator[Row]:
    for batch in parquet.iter_batches(batch_size=1024, use_threads=False):
        yield from batch.to_pylist()


def _spread(parquet: pq.ParquetFile, n_rows: int) -> Iterator[Row]:
    """Yield rows at even steps of at most ten row groups; a file is often sorted, its first rows alike."""
    n_groups = parquet.num_row_groups
    groups = sorted({n_groups * i // 10 for i in range(10)}) if n_groups else []
    for group in groups:
        for_group = max(1, n_rows // len(groups))
        step = max(1, parquet.metadata.row_group(group).num_rows // for_group)
        start = 0
        for batch in parquet.iter_batches(batch_size=1024, row_groups=[group], use_threads=False):
            places = np.arange(start, batch.num_rows, step)
            yield from batch.take(pa.array(places)).to_pylist()
            start = (start - batch.num_rows) % step
