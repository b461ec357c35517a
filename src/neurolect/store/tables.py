"""Reading the Parquet tables of a run folder: whole, or one neuron's rows."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from neurolect.errors import RunFolderError, nearest
from neurolect.store.stages import command_of, stage_of


def names_of(folder: Path, ending: str) -> list[str]:
    """Name the tables (``.parquet``) or arrays (``.npy``) of a run folder as they are asked for."""
    paths = (path.relative_to(folder) for path in folder.rglob(f"*{ending}"))
    return sorted(
        path.as_posix().removesuffix(ending)
        for path in paths
        if not any(part.startswith((".", "checkpoint")) for part in path.parts)
    )


def no_such(folder: Path, kind: str, name: str, known: Sequence[str]) -> RunFolderError:
    """Say that a run has no table or array of a name, and which names come nearest."""
    what = f"The run folder {folder} has no {kind} {name!r}."
    expected = f"one of its {len(known)} {kind}s" + ("; Run.tables() names them" if kind == "table" else "")
    stage = stage_of(name)
    makes = "" if stage == "collect" else f" What {stage} makes is made with: {command_of(stage, folder)}"
    return RunFolderError(what, expected=expected, hint=f"The nearest: {nearest(name, known)}.{makes}")


def table_path(folder: Path, name: str) -> Path:
    """Find a table's file.

    ``name``: Its path without the ending, e.g. ``"lists/top"``.
    """
    path = folder / f"{name}.parquet"
    if not path.is_file():
        raise no_such(folder, "table", name, names_of(folder, ".parquet"))
    return path


def read_table(folder: Path, name: str, *, columns: list[str] | None = None) -> pa.Table:
    """Read a whole table."""
    # Not pq.read_table: it imports pyarrow's data sets, and pandas where that is installed, for half a second.
    return _opened(folder, name).read(columns=columns)


def read_neuron_rows(folder: Path, name: str, *, neuron_id: int, side: str | None = None) -> pa.Table:
    """Read one neuron's rows, touching only the row groups that can hold them.

    ``name``: A table sorted by ``neuron_id``.
    """
    file = _opened(folder, name)
    metadata = file.metadata
    leaf = _leaf(file, "neuron_id")
    groups = []
    for group in range(metadata.num_row_groups):
        statistics = metadata.row_group(group).column(leaf).statistics
        if statistics is None or statistics.min <= neuron_id <= statistics.max:
            groups.append(group)
    table = file.read_row_groups(groups)
    ids = table.column("neuron_id").to_numpy()
    low, high = np.searchsorted(ids, [neuron_id, neuron_id + 1])
    table = table.slice(int(low), int(high - low))
    if side is not None:
        table = table.filter(pc.equal(table.column("side"), side))
    return table


def _opened(folder: Path, name: str) -> pq.ParquetFile:
    """Open a table's file; say which one it is where it cannot be read."""
    path = table_path(folder, name)
    try:
        return pq.ParquetFile(path, memory_map=True)
    except pa.ArrowInvalid as error:
        what = f"The table {name!r} of {folder} cannot be read: its file is cut off or damaged."
        stage = stage_of(name)
        hint = f"copy the folder again, or take {path} away and give: {command_of(stage, folder)}"
        if stage == "collect":
            hint = "copy the folder again, or collect into a new one"
        raise RunFolderError(what, hint=hint) from error


def _leaf(file: pq.ParquetFile, name: str) -> int:
    """Give the Parquet leaf number of a top-level column (nested ones before it count their leaves)."""
    schema = file.schema
    leaves = (leaf for leaf in range(len(schema)) if schema.column(leaf).path == name)
    return next(leaves, 0)


# Pick the rows of a large table that hold a value, without decoding the rest.
def select_rows(
    folder: Path, name: str, *, equal: Mapping[str, str], columns: list[str], highest: str, limit: int
) -> pa.Table:
    """Read the rows in which some string columns have given values, the highest by some number first.

    ``highest``: The number column to order by, descending; ties stay in file order, nulls come last.

    The keys are read as dictionary codes, which are not decoded; then the number column; then, for the few rows
    that are wanted, their row groups. Reading and filtering all columns of 4.5 million rows takes far longer.
    """
    file = pq.ParquetFile(table_path(folder, name), memory_map=True, read_dictionary=list(equal))
    keys = file.read(columns=list(equal))
    hits = np.ones(keys.num_rows, dtype=bool)
    for column, value in equal.items():
        hits &= np.concatenate([_equals(chunk, value) for chunk in keys.column(column).chunks] or [hits])
    rows = np.flatnonzero(hits)
    if not len(rows):
        return file.schema_arrow.empty_table().select(columns)
    scores = file.read(columns=[highest]).column(highest).take(pa.array(rows)).to_numpy()
    rows = rows[np.argsort(-np.nan_to_num(scores, nan=-np.inf), kind="stable")[:limit]]
    sizes = [file.metadata.row_group(group).num_rows for group in range(file.metadata.num_row_groups)]
    ends = np.cumsum(sizes)
    parts = []
    for row in rows:
        group = int(np.searchsorted(ends, row, side="right"))
        parts.append((group, int(row - (ends[group] - sizes[group]))))
    plain = pq.ParquetFile(table_path(folder, name), memory_map=True, metadata=file.metadata)
    read = {group: plain.read_row_group(group, columns=columns) for group in {group for group, _ in parts}}
    return pa.concat_tables([read[group].slice(place, 1) for group, place in parts])


def _equals(chunk: pa.Array, value: str) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Compare a dictionary-coded chunk with a value by its code."""
    code = pc.index(chunk.dictionary, value).as_py()
    found: np.ndarray[tuple[int], np.dtype[np.bool_]] = (
        chunk.indices.fill_null(-1).to_numpy(zero_copy_only=False) == code
    )
    return found if code >= 0 else np.zeros(len(chunk), dtype=bool)
