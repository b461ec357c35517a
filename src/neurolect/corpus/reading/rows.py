"""Read a source as rows: dictionaries of column name to value, one a document."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import islice
from pathlib import Path, PurePath
from typing import Any

import pyarrow as pa

from neurolect.corpus.options import PrepareOptions, TextDocuments
from neurolect.corpus.reading.columns import read_columns
from neurolect.corpus.reading.decode import MOST_REPLACED, UTF_8, Decoder, decoded, open_binary
from neurolect.corpus.reading.delimited import DelimitedFile, Shape, broken_row, find_shape
from neurolect.corpus.reading.fields import TEXT_NAMES
from neurolect.corpus.reading.losses import Losses
from neurolect.corpus.reading.names import unique_names
from neurolect.corpus.reading.parquet import ParquetRows, open_parquet
from neurolect.corpus.reading.sources import READERS, Source, folder_values, shown, suffixes
from neurolect.errors import CorpusError, require_extra
from neurolect.folders.remote import RemotePath, place

# Read plain text files as documents.
LARGE_FILE = 200_000
GROUP = 10_000
BLOCK = 1 << 20
# A number in the name of a folder; codes with leading zeros stay text.
NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,14})\Z", re.ASCII)


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
    metadata: dict[str, object] = {"file": shown(path.name.split(".")[0] or path.name)}
    folder = path.parent.relative_to(source.root) if path.parent.is_relative_to(source.root) else PurePath()
    if folder.parts:
        metadata["folder"] = shown(folder.as_posix())
    if documents == "auto":
        documents = "file" if path.stat().st_size <= LARGE_FILE else "auto"
    if documents == "file":
        texts = iter(["".join(decoder.blocks(path, size=BLOCK))])
    elif documents == "line":
        texts = decoder.lines(path)
    else:
        texts = _groups(decoder.blocks(path, size=BLOCK), size=GROUP if documents == "auto" else 0)
    n_texts = 0
    for text in texts:
        if text.strip():
            n_texts += 1
            yield {"text": text, **metadata}
    if not n_texts:
        yield {"text": "", **metadata}  # so that it is counted


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
    n_read = 0
    try:
        for row in data:
            n_read += 1
            for column, names in labels.items():
                value = row.get(column)
                if isinstance(value, int) and 0 <= value < len(names):
                    row[column] = names[value]
            yield row
    except (ValueError, OSError, RuntimeError, TypeError, OverflowError, pa.ArrowException) as error:
        what = f"The dataset {name!r} could not be read after row {n_read:,}: {error}"
        raise CorpusError(what, hint="Check the connection and the dataset, then start again.") from error


def _labels(features: Mapping[str, object] | None) -> dict[str, list[str]]:
    """Names of the class labels by column."""
    found = {column: getattr(feature, "names", None) for column, feature in (features or {}).items()}
    return {column: list(names) for column, names in found.items() if names}


Row = dict[str, object]
# How much more of a file is looked at for columns that the first rows lack.
FURTHER_ROWS = 20_000
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
FURTHER_PLACES = 256
FURTHER_BYTES = 1 << 14


class RowReader:
    """Reads sources and counts what was wrong with them.

    ``options``: What a text document is, how files are read, whether broken lines are skipped.
    ``lists``: Whether lists in Parquet files are read; otherwise a mark is in their place.
    """

    def __init__(self, options: PrepareOptions, *, lists: bool = False) -> None:
        self._options, self._lists = options, lists
        self.losses = Losses()
        self._decoder = Decoder(self.losses, encoding=options.encoding)
        self._shapes: dict[str, Shape] = {}

    @property
    def n_broken(self) -> int:
        """Rows that were skipped."""
        return self.losses.n_broken

    @property
    def n_replaced(self) -> int:
        """Characters that could not be decoded."""
        return self.losses.n_replaced

    def rows(self, source: Source) -> Iterator[Row]:
        """Yield the rows of one source in order."""
        return _with_folder_values(self._own_rows(source), source)

    def _own_rows(self, source: Source) -> Iterator[Row]:
        if source.format == "hub":
            yield from read_hub(source.name)
        elif source.format == "text":
            yield from read_text(source, decoder=self._decoder, documents=self._options.text_documents)
        elif source.format == "json":
            yield from self._json(place(source.name))
        elif source.format == "csv":
            yield from self._csv(place(source.name))
        elif source.format == "conll":
            yield from self._conll(place(source.name))
        elif source.format == "added":
            path = place(source.name)
            with open_binary(path) as file:
                yield from READERS[suffixes(path)[0]](file)
        else:
            with self._parquet(place(source.name)) as parquet:
                yield from parquet.all()

    def separator_of(self, source: Source) -> str:
        """Name what separates the columns of a delimited file that was read; empty of any other source."""
        shape = self._shapes.get(str(place(source.name))) if source.format == "csv" else None
        return "" if shape is None else SEPARATORS.get(shape.delimiter, repr(shape.delimiter))

    def first_rows(self, source: Source, *, n_rows: int) -> Iterator[Row]:
        """Yield rows to decide about columns by: the first ones, or of a Parquet file some of every part."""
        if source.format == "parquet":
            with self._parquet(place(source.name)) as parquet:
                yield from _with_folder_values(parquet.spread(n_rows), source)
        else:
            yield from islice(self.rows(source), n_rows)

    def further_rows(self, source: Source, *, n_done: int, empty: Sequence[str], n_sources: int) -> Iterator[Row]:
        """Yield rows from further on, for columns that the first ``n_done`` rows lack or have no values of."""
        path = place(source.name)
        if source.format == "parquet" and empty:
            with self._parquet(path) as parquet:
                yield from parquet.late(empty)
        elif source.format == "json" and isinstance(path, Path) and not suffixes(path)[1]:
            if self._decoder.encoding_of(path).name in UTF_8:
                yield from _spread_lines(path, n_places=max(1, min(64, FURTHER_PLACES // n_sources)))
        elif source.format == "json" or (source.format == "csv" and empty):
            n_further = max(n_done, FURTHER_ROWS // n_sources)
            yield from islice(self.rows(source), n_done, n_further)

    def _json(self, path: Path | RemotePath) -> Iterator[Row]:
        for number, line in enumerate(self._decoder.lines(path), start=1):
            if not line.strip():
                continue
            try:
                row = _row_of_json(line)
            except (json.JSONDecodeError, RecursionError) as error:
                self._broken(path, number, f"no JSON ({error})", line)
                continue
            if isinstance(row, dict):
                yield row
            else:
                self._broken(path, number, f"a JSON {type(row).__name__}, not an object", line)

    def _csv(self, path: Path | RemotePath) -> Iterator[Row]:
        if str(path) not in self._shapes:
            n_replaced = self.losses.n_replaced
            shape = find_shape(path, decoder=self._decoder, options=self._options, losses=self.losses)
            self._shapes[str(path)] = shape
            self.losses.n_replaced = n_replaced  # what was looked at is read, and counted, below

        def broken(number: int, why: str, text: str) -> None:
            self._broken(path, number, why, text)

        table = DelimitedFile(
            path, self._shapes[str(path)], decoder=self._decoder, losses=self.losses, broken=broken
        )
        yield from table.rows()

    def _conll(self, path: Path | RemotePath) -> Iterator[Row]:
        def broken(number: int, why: str, text: str) -> None:
            self._broken(path, number, why, text)

        yield from read_columns(self._decoder.lines(path), broken=broken)

    def _parquet(self, path: Path | RemotePath) -> AbstractContextManager[ParquetRows]:
        return open_parquet(path, decode=self._text_of_bytes, losses=self.losses, lists=self._lists)

    def _text_of_bytes(self, data: bytes) -> str | None:
        """Decode a value; None where it is no text."""
        encoding = "utf-8" if self._options.encoding == "auto" else self._options.encoding
        try:
            return data.decode(encoding)
        except UnicodeError:
            text, n = decoded(data, encoding)
            if n > MOST_REPLACED * len(text):
                return None
            self.losses.n_replaced += n
            return text

    def _broken(self, path: Path | RemotePath, number: int, why: str, text: str) -> None:
        if not self._options.skip_broken_lines:
            raise broken_row(path, number, why, is_whole=number == 1 and text.strip()[:1] in ("[", "{"))
        self.losses.broken(text)


def _with_folder_values(rows: Iterator[Row], source: Source) -> Iterator[Row]:
    """Add what the folders of a table say of its rows; the table's own columns go before."""
    if source.format in ("hub", "text"):
        return rows
    # A folder's value is never the text.
    said = {name + "_" * (name.lower() in TEXT_NAMES): value for name, value in folder_values(source).items()}
    values = {name: int(value) if value and NUMBER.match(value) else value for name, value in said.items()}
    if not values:
        return rows
    return (row | {name: value for name, value in values.items() if name not in row} for row in rows)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Make an object in which no key hides another value of the same key."""
    made = dict(pairs)
    if len(made) < len(pairs):
        names, _ = unique_names(key for key, _ in pairs)
        made = {name: value for name, (_, value) in zip(names, pairs, strict=True)}
    return made


_json_line = json.JSONDecoder(object_pairs_hook=_object).decode


def _row_of_json(line: str) -> object:
    """Parse one line; a whole number that is too long for Python is none."""
    try:
        return _json_line(line)
    except json.JSONDecodeError:
        raise
    except ValueError:
        return json.loads(line, parse_int=float)


def _spread_lines(path: Path, *, n_places: int) -> Iterator[Row]:
    """Yield the rows of lines at places all over a file; what is no row is met again in the reading proper."""
    size = path.stat().st_size
    with open_binary(path) as file:
        for number in range(n_places):
            file.seek(size * number // n_places)
            if number:
                file.readline()
            for line in file.readlines(min(FURTHER_BYTES, size // n_places + 1)):
                try:
                    row = _row_of_json(line.decode("utf-8"))
                except (ValueError, RecursionError):
                    continue
                if isinstance(row, dict):
                    yield row
