"""Pick the rows of a large table that hold a value, without decoding the rest."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from neurolect.store.tables import table_path


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
