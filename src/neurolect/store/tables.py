"""Reading the Parquet tables of a run folder: whole, one neuron's rows, or the rows that hold a value."""

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from neurolect.folders.parquet import ParquetReader
from neurolect.store.files import RunFiles, damaged


def read_table(files: RunFiles, name: str, *, columns: list[str] | None = None) -> pa.Table:
    """Read a whole table."""
    # Not pq.read_table: it imports pyarrow's data sets, and pandas where that is installed, for half a second.
    file = files.parquet(name)
    if files.kept is None:
        return file.read(columns)
    return _groups(files, name, file, list(range(file.num_row_groups)), columns)


PART = 1 << 19
"""Rows of a part."""


def read_parts(files: RunFiles, name: str, *, columns: list[str] | None = None) -> Iterator[pa.Table]:
    """Read a whole table, so many row groups at a time that they have half a million rows; nothing is kept."""
    file = files.parquet(name)
    groups: list[int] = []
    n_rows = 0
    for group in range(file.num_row_groups):
        groups.append(group)
        n_rows += file.metadata.row_group(group).num_rows
        if n_rows >= PART or group == file.num_row_groups - 1:
            yield file.read_row_groups(groups, columns)
            groups, n_rows = [], 0


def read_neuron_rows(files: RunFiles, name: str, *, neuron_id: int, side: str | None = None) -> pa.Table:
    """Read one neuron's rows, touching only the row groups that can hold them.

    ``name``: A table sorted by ``neuron_id``.
    """
    table = read_rows_between(files, name, first=neuron_id, last=neuron_id)
    return table if side is None else rows_of_side(table, side)


def rows_of_side(table: pa.Table, side: str) -> pa.Table:
    """Take one side's rows; where they lie together, as they are written, nothing is copied."""
    rows = np.flatnonzero(pc.equal(table.column("side"), side).to_numpy())
    if len(rows) and rows[-1] - rows[0] == len(rows) - 1:
        return table.slice(int(rows[0]), len(rows))
    return table.take(pa.array(rows))


def read_rows_between(
    files: RunFiles, name: str, *, first: int, last: int, columns: list[str] | None = None
) -> pa.Table:
    """Read the rows of consecutive neurons, the last one included, touching only the row groups that can hold them.

    ``columns``: Only these; ``neuron_id`` among them.
    """
    file = files.parquet(name)
    lows, highs = _ranges(files, name, file, by="neuron_id")
    groups = np.flatnonzero((lows <= last) & (highs >= first)).tolist()
    table = _groups(files, name, file, groups, columns)
    ids = table.column("neuron_id").to_numpy()
    low, high = np.searchsorted(ids, np.array([first, last + 1], ids.dtype))  # of its type, or all is converted
    return table.slice(int(low), int(high - low))


def read_rows_of(files: RunFiles, name: str, *, by: str, wanted: NDArray[np.int64]) -> pa.Table:
    """Read the rows that have some numbers, in the order of these, touching only the row groups that hold them.

    ``name``: A table sorted by the column ``by``, in which each number is once.
    ``wanted``: int64, shape (n,). The same number may be wanted twice.
    """
    file = files.parquet(name)
    numbers, places = np.unique(wanted, return_inverse=True)
    _, highs = _ranges(files, name, file, by=by)
    in_group = np.searchsorted(highs, numbers) if np.isfinite(highs).all() else np.zeros(len(numbers), np.int64)
    parts = []
    for group in np.unique(in_group[in_group < len(highs)]).tolist():
        groups = [group] if np.isfinite(highs).all() else list(range(file.num_row_groups))
        table, own = _groups(files, name, file, groups, None), numbers[in_group == group]
        parts.append(take_rows(table, np.searchsorted(table.column(by).to_numpy(), own).clip(max=len(table) - 1)))
    found = pa.concat_tables(parts).combine_chunks() if parts else file.schema_arrow.empty_table()
    if not np.array_equal(found.column(by).to_numpy(), numbers):
        how = f"it lacks rows of a {by} that other tables name"
        raise damaged(files.folder, files.manifest, f"{name}.parquet", how)
    return found.take(pa.array(places))


def take_rows(table: pa.Table, rows: NDArray[np.integer]) -> pa.Table:
    """Take rows of a table; of one in several chunks only those that have some are looked at.

    pyarrow's own `take` puts all chunks of a column of texts together first, every time.

    >>> table = pa.concat_tables([pa.table({"text": ["a", "b"]}), pa.table({"text": ["c"]})])
    >>> take_rows(table, np.array([2, 0, 2])).column("text").to_pylist()
    ['c', 'a', 'c']
    """
    batches = table.to_batches()
    if len(batches) < 2:
        return table.take(pa.array(rows))
    ends = np.cumsum([len(each) for each in batches])
    of_batch = np.searchsorted(ends, rows, side="right")
    parts = []
    for at in np.unique(of_batch).tolist():
        start = ends[at] - len(batches[at])
        parts.append(batches[at].take(pa.array(rows[of_batch == at] - start)))
    if len(parts) < 2:
        return pa.Table.from_batches(parts, schema=table.schema)
    back = np.empty(len(rows), np.int64)
    back[np.argsort(of_batch, kind="stable")] = np.arange(len(rows))
    return pa.Table.from_batches(parts, schema=table.schema).combine_chunks().take(pa.array(back))


def _ranges(
    files: RunFiles, name: str, file: ParquetReader, *, by: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give the least and the greatest number of every row group; without statistics a group may hold any."""
    read = partial(_statistics, file, by)
    return read() if files.kept is None else files.kept.get((name, by, "ranges"), read, size=lambda _: 0)


def _statistics(file: ParquetReader, by: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    leaf = _leaf(file, by)
    every = [file.metadata.row_group(group).column(leaf).statistics for group in range(file.num_row_groups)]
    lows = np.array([-np.inf if each is None else each.min for each in every], np.float64)
    return lows, np.array([np.inf if each is None else each.max for each in every], np.float64)


def _groups(
    files: RunFiles, name: str, file: ParquetReader, groups: list[int], columns: list[str] | None
) -> pa.Table:
    """Read row groups; those that were kept are not decoded again."""
    if files.kept is None or not groups:
        return file.read_row_groups(groups, columns)
    chosen = None if columns is None else tuple(columns)
    parts = []
    for group in groups:
        read = partial(file.read_row_groups, [group], columns)
        parts.append(files.kept.get((name, group, chosen), read, size=lambda table: int(table.nbytes)))
    return parts[0] if len(parts) == 1 else pa.concat_tables(parts)


def _leaf(file: ParquetReader, name: str) -> int:
    """Give the Parquet leaf number of a top-level column (nested ones before it count their leaves)."""
    schema = file.schema
    leaves = (leaf for leaf in range(len(schema)) if schema.column(leaf).path == name)
    return next(leaves, 0)


# Pick the rows of a large table that hold a value, without decoding the rest.
def select_rows(
    files: RunFiles, name: str, *, equal: Mapping[str, str], columns: list[str], highest: str, limit: int
) -> pa.Table:
    """Read the rows in which some string columns have given values, the highest by some number first.

    ``highest``: The number column to order by, descending; ties stay in file order, nulls come last.

    The keys are read as dictionary codes, which are not decoded; then the number column; then, for the few rows
    that are wanted, their row groups. Reading and filtering all columns of 4.5 million rows takes far longer.
    """
    file = files.parquet(name, read_dictionary=list(equal))
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
    plain = files.parquet(name)
    read = {group: plain.read_row_groups([group], columns) for group in {group for group, _ in parts}}
    return pa.concat_tables([read[group].slice(place, 1) for group, place in parts])


def _equals(chunk: pa.Array, value: str) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Compare a dictionary-coded chunk with a value by its code."""
    code = pc.index(chunk.dictionary, value).as_py()
    found: np.ndarray[tuple[int], np.dtype[np.bool_]] = (
        chunk.indices.fill_null(-1).to_numpy(zero_copy_only=False) == code
    )
    return found if code >= 0 else np.zeros(len(chunk), dtype=bool)


def rows_of_sentences(
    files: RunFiles, table: str, ids: NDArray[np.int64], *, kept: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Find the rows of sentences among the kept ones; refuse a table that names others.

    ``kept``: int64, ascending. Ids of the kept sentences.
    """
    if len(kept) and kept[-1] < 8 * len(ids):  # a table of all ids is looked up faster than sorted ones
        place = np.full(kept[-1] + 2, -1, dtype=np.int64)
        place[kept] = np.arange(len(kept))
        rows = place[np.clip(ids.astype(np.int64), -1, kept[-1] + 1)]
        known = bool(rows.min(initial=0) >= 0)
    else:
        rows = np.searchsorted(kept, ids)
        known = not len(ids) or (len(kept) > 0 and np.array_equal(kept[np.minimum(rows, len(kept) - 1)], ids))
    if not known:
        how = "it names sentences that sentences.parquet does not have"
        raise damaged(files.folder, files.manifest, f"{table}.parquet", how)
    return rows


def checked_neurons(
    files: RunFiles, table: str, neuron_ids: NDArray[np.int32], *, n_neurons: int
) -> NDArray[np.int32]:
    """Give the numbers of neurons that a table names; refuse those that the run does not have."""
    if len(neuron_ids) and not (neuron_ids.min() >= 0 and neuron_ids.max() < n_neurons):
        how = f"it names neurons that are not among the {n_neurons:,} of the run"
        raise damaged(files.folder, files.manifest, f"{table}.parquet", how)
    return neuron_ids
