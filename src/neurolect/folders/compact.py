"""Tables of many rows in few bytes: figures rounded to what they can say, columns encoded by what is in them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

_KEPT_BITS = 12
"""Of a float32's 23: a figure is off by a part in 8,192 at most, less than its own error by far."""
_LOOKED_AT = 1 << 16
_MANY = 0.2


def rounded_scores(table: pa.Table, names: Sequence[str]) -> pa.Table:
    """Round some float32 columns to twelve binary digits after the first; nulls, NaN and infinities stay.

    Examples
    --------
    >>> rounded_scores(pa.table({"z": pa.array([3.14159265, None], pa.float32())}), ["z"]).column("z").to_pylist()
    [3.1416015625, None]
    """
    for place, field in enumerate(table.schema):
        if field.name in names and field.type == pa.float32():
            column = table.column(place).combine_chunks()
            plain = column.fill_null(0.0).to_numpy(zero_copy_only=False)
            values = pa.array(_rounded(plain), mask=column.is_null().to_numpy(zero_copy_only=False))
            table = table.set_column(place, field, values)
    return table


def _rounded(values: NDArray[np.float32]) -> NDArray[np.float32]:
    dropped = 23 - _KEPT_BITS
    bits = values.astype(np.float32).view(np.uint32).astype(np.uint64)
    near = ((bits + (1 << (dropped - 1))) >> dropped << dropped).astype(np.uint32).view(np.float32)
    return np.where(np.isfinite(values) & np.isfinite(near), near, values).astype(np.float32)


def encodings(table: pa.Table) -> dict[str, Any]:
    """Say how a table's columns are written: float32 of many different values byte by byte, all else as usual.

    Returns: Arguments for PyArrow's writer.
    """
    looked_at = table.slice(0, _LOOKED_AT)
    split = [
        field.name
        for place, field in enumerate(table.schema)
        if field.type == pa.float32() and len(looked_at.column(place).unique()) > _MANY * max(1, looked_at.num_rows)
    ]
    if not split:
        return {}
    usual = [path for place, field in enumerate(table.schema) if field.name not in split for path in _paths(field)]
    return {"use_dictionary": usual, "column_encoding": dict.fromkeys(split, "BYTE_STREAM_SPLIT")}


def _paths(field: pa.Field) -> list[str]:
    """Name the columns of Parquet that a column of Arrow is written to."""
    kind = field.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return [f"{field.name}.list.{path}" for path in _paths(kind.value_field.with_name("element"))]
    if pa.types.is_struct(kind):
        return [f"{field.name}.{path}" for part in kind for path in _paths(part)]
    return [field.name]
