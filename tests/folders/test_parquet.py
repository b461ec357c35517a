"""Parquet files as they are read."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from neurolect.errors import NeurolectError
from neurolect.folders.parquet import ParquetReader


@pytest.mark.parametrize("dictionary", [(), ("word",)])
def test_no_groups_are_a_table_without_rows(tmp_path: Path, dictionary: tuple[str, ...]) -> None:
    """PyArrow 18 fails at none."""
    table = pa.table({"neuron_id": [1, 2], "word": ["a", "b"], "parts": [[1], [2, 3]]})
    pq.write_table(table, tmp_path / "words.parquet")
    with ParquetReader(tmp_path / "words.parquet", damaged=NeurolectError, read_dictionary=dictionary) as file:
        for columns in (None, ["word", "neuron_id"]):
            assert file.read_row_groups([], columns).schema == file.read_row_groups([0], columns).schema
            assert file.read_row_groups([], columns).num_rows == 0
        with pytest.raises(NeurolectError, match="no column 'other'"):
            file.read_row_groups([], ["other"])
