"""Rounded figures and encodings: what is read back is what was written, but for the digits nobody reads."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from neurolect.folders.atomic import write_table
from neurolect.folders.compact import encodings, rounded_scores

FLOATS = st.lists(st.none() | st.floats(width=32), max_size=50)


@given(FLOATS)
def test_rounded_figures_are_near_and_what_is_no_figure_stays(values: list[float | None]) -> None:
    table = pa.table({"z": pa.array(values, pa.float32()), "q": pa.array(values, pa.float32())})
    rounded = rounded_scores(table, ["z", "n"])
    assert rounded.schema == table.schema
    assert rounded.column("q").combine_chunks().equals(table.column("q").combine_chunks()) or any(
        value != value for value in values if value is not None
    )
    before, after = table.column("z"), rounded.column("z")
    assert before.is_null().to_pylist() == after.is_null().to_pylist()
    for one, two in zip(before.to_pylist(), after.to_pylist(), strict=True):
        if one is None or not np.isfinite(one):
            assert one is two is None or np.array_equal(one, two, equal_nan=True)
        else:
            assert abs(one - two) <= abs(one) / 8192 + 2.0**-138
    again = rounded_scores(rounded, ["z"]).column("z")
    np.testing.assert_array_equal(again.to_numpy(), after.to_numpy())


def test_floats_of_many_values_are_split_into_bytes_and_all_is_read_back(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    table = pa.table(
        {
            "many": pa.array(random.normal(size=5_000).astype(np.float32)),
            "few": pa.array(random.integers(0, 9, 5_000).astype(np.float32)),
            "items": pa.array([["a", "b"], ["c"]] * 2_500, pa.list_(pa.string())),
            "tree": pa.array([{"node": "x", "of": [1]}] * 5_000),
            "n": pa.array(np.arange(5_000)),
        }
    )
    path = tmp_path / "table.parquet"
    write_table(path, table, row_group_size=1_000)
    assert pq.read_table(path).equals(table)
    column = pq.ParquetFile(path).metadata.row_group(0)
    used = {column.column(n).path_in_schema: column.column(n).encodings for n in range(column.num_columns)}
    assert "BYTE_STREAM_SPLIT" in used["many"]
    assert all("RLE_DICTIONARY" in used[name] for name in used if name != "many")
    plain = tmp_path / "plain.parquet"
    pq.write_table(table, plain, compression="zstd", row_group_size=1_000)
    assert path.stat().st_size < plain.stat().st_size
    assert encodings(table.select(["few", "n"])) == {}
    assert encodings(table.slice(0, 0)) == {}
