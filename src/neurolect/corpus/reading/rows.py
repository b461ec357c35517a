"""Read a source as rows: dictionaries of column name to value, one a document."""

import csv
import json
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from neurolect.corpus.options import PrepareOptions, TextDocuments
from neurolect.corpus.reading.decode import Decoder, open_binary
from neurolect.corpus.reading.sources import Source, suffixes
from neurolect.corpus.shards import parquet_file
from neurolect.errors import CorpusError, require_extra
from neurolect.folders.remote import RemotePath, place

# Read plain text files as documents.
LARGE_FILE = 200_000
GROUP = 10_000
BLOCK = 1 << 20


def read_text(
    source: Source, *, decoder: Decoder, documents: TextDocuments = "auto"
) -> Iterator[dict[str, object]]:
    """Read one text file.

    ``documents``: What a document is. Under ``"auto"`` a file of up to 200,000 bytes is one; a larger one is cut
        into groups of paragraphs of about 10,000 characters, so that memory is bounded and a part of it can be set
        aside.
    Yields: ``text``, ``file`` (its name without endings) and ``folder`` (its place under the source; not at the
        top).
    """
    path = place(source.name)
    metadata: dict[str, object] = {"file": path.name.split(".")[0] or path.name}
    folder = path.parent.relative_to(source.root) if path.parent.is_relative_to(source.root) else PurePath()
    if folder.parts:
        metadata["folder"] = folder.as_posix()
    if documents == "auto":
        documents = "file" if path.stat().st_size <= LARGE_FILE else "auto"
    if documents == "file":
        texts = iter(["".join(decoder.blocks(path, size=BLOCK))])
    elif documents == "line":
        texts = decoder.lines(path)
    else:
        texts = _groups(decoder.blocks(path, size=BLOCK), size=GROUP if documents == "auto" else 0)
    for text in texts:
        if text.strip():
            yield {"text": text, **metadata}


def _groups(blocks: Iterator[str], *, size: int) -> Iterator[str]:
    """Join paragraphs until there are more than ``size`` characters; text without blank lines goes by lines."""
    group: list[str] = []
    n = 0
    for block in blocks:
        for paragraph in block.replace("\r\n", "\n").split("\n\n"):
            pieces = paragraph.splitlines(keepends=True) if 0 < size < len(paragraph) else [paragraph]
            for piece in pieces:
                group.append(piece)
                n += len(piece)
                if n > size:
                    yield _joined(group)
                    group, n = [], 0
    if group:
        yield _joined(group)


def _joined(pieces: list[str]) -> str:
    return "".join(piece if piece.endswith("\n") else piece + "\n\n" for piece in pieces)


# Read a dataset of the Hugging Face hub by streaming, or one that lies in a local folder.
def read_hub(name: str) -> Iterator[dict[str, object]]:
    """Stream the rows of a dataset.

    ``name``: ``hf:NAME[:CONFIG][:SPLIT]``; the split is ``train`` when not given. One part after the name is a
        split.
    Yields: Column name to value; class labels by their names.
    """
    datasets = require_extra("datasets", extra="datasets", purpose=f"to read {name}")
    parts = name.removeprefix("hf:").split(":")
    if len(parts) > 3 or not all(parts):
        what = f"The source {name!r} does not name a dataset."
        raise CorpusError(what, expected="hf:NAME, hf:NAME:SPLIT or hf:NAME:CONFIG:SPLIT")
    config = parts[1] if len(parts) == 3 else None
    split = parts[-1] if len(parts) > 1 else "train"
    try:
        # Scripts of a dataset are never run: trust_remote_code keeps its default.
        data: Any = datasets.load_dataset(parts[0], config, split=split, streaming=True)
    except (ValueError, OSError, RuntimeError) as error:
        what = f"The dataset {name!r} could not be opened: {error}"
        raise CorpusError(what, hint="Check the name, the configuration, the split and the connection.") from error
    labels = _labels(data.features)
    for row in islice(data, None):
        for column, names in labels.items():
            value = row.get(column)
            if isinstance(value, int) and 0 <= value < len(names):
                row[column] = names[value]
        yield row


def _labels(features: Mapping[str, object] | None) -> dict[str, list[str]]:
    """Names of the class labels by column."""
    found = {column: getattr(feature, "names", None) for column, feature in (features or {}).items()}
    return {column: list(names) for column, names in found.items() if names}


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
