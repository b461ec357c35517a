"""Tables and figures of a run as files: streamed, never whole in memory."""

import threading
from collections.abc import Iterator
from io import RawIOBase
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from neurolect.errors import OptionError
from neurolect.explorer.answers.opened import OpenedRun
from neurolect.explorer.answers.tables import FIGURE_ENDINGS, TABLE_ENDINGS, figures_of, parts_of, tables_of
from neurolect.folders.atomic import scratch_folder
from neurolect.folders.parquet import CHECKED

_DRAWING = threading.Lock()
"""matplotlib draws one figure at a time."""


class _Passed(RawIOBase):
    """A file that hands on what is written into it."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self._n = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:  # noqa: ANN401 - any buffer
        """Take bytes."""
        self.written.append(bytes(data))
        self._n += len(data)
        return len(data)

    def tell(self) -> int:
        return self._n

    def take(self) -> bytes:
        """Give what was written since."""
        found = b"".join(self.written)
        self.written.clear()
        return found


def table_file(of: OpenedRun, file: str) -> tuple[Iterator[bytes], str]:
    """Give the bytes of a table in parts, and their type; refuse one that there is not."""
    name, _, ending = file.rpartition(".")
    known = [each.name for each in tables_of(of.run())]
    if name not in known or ending not in TABLE_ENDINGS:
        what = f"The run {of.folder.name} has no table {file!r}."
        raise OptionError(what, expected=f"{', '.join(known)}, with .{' or .'.join(TABLE_ENDINGS)}")
    parts = parts_of(of, name)
    first = next(parts)  # what is damaged is said before anything is sent
    return (_written(first, parts, ending), TABLE_ENDINGS[ending])


def _written(first: pa.Table, rest: Iterator[pa.Table], ending: str) -> Iterator[bytes]:
    passed = _Passed()
    sink = pa.PythonFile(passed, mode="w")
    made = pa_csv.CSVWriter(sink, first.schema) if ending == "csv" else None
    writer = made or pq.ParquetWriter(sink, first.schema, compression="zstd", **CHECKED)
    with writer:
        writer.write_table(first)
        yield passed.take()
        for part in rest:
            writer.write_table(part)
            yield passed.take()
    yield passed.take()


def figure_file(of: OpenedRun, file: str) -> tuple[bytes, str]:
    """Draw a figure."""
    from neurolect.views import plot

    name, _, ending = file.rpartition(".")
    known = {each.name: each for each in figures_of(of.run())}
    if name not in known or ending not in FIGURE_ENDINGS:
        what = f"The run {of.folder.name} has no figure {file!r}."
        raise OptionError(what, expected=f"{', '.join(known)}, with .{' or .'.join(FIGURE_ENDINGS)}")
    with _DRAWING, scratch_folder() as folder:
        path: Path = plot(of.run(), known[name].figure, out=folder / f"figure.{ending}", by=known[name].by)
        return path.read_bytes(), FIGURE_ENDINGS[ending]
