from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurolect.errors import RunFolderError
from neurolect.store import new_manifest
from neurolect.store.files import RunFiles
from neurolect.store.tables import select_rows

ORDER: Any = {"highest": "z", "limit": 4}


def files_in(folder: Path) -> RunFiles:
    manifest = new_manifest(model={"name": "m", "sites": []}, corpus={"fields": []}, options={})
    return RunFiles(folder, manifest)


letters = st.sampled_from(["a", "b", "c", None])


@given(st.lists(st.tuples(letters, letters), max_size=40), st.integers(1, 9))
def test_it_gives_the_rows_a_plain_filter_gives(
    rows: list[tuple[str | None, str | None]], row_group_size: int
) -> None:
    table = pa.table(
        {
            "x": pa.array([x for x, _ in rows], pa.string()),
            "y": pa.array([y for _, y in rows], pa.string()),
            "side": pa.array(["top"] * len(rows), pa.string()),
            "n": pa.array(np.arange(len(rows))),
            "z": pa.array([float(i % 3) for i in range(len(rows))], pa.float32()),
        }
    )
    with TemporaryDirectory() as folder:
        pq.write_table(table, Path(folder) / "letters.parquet", row_group_size=row_group_size)
        found = select_rows(files_in(Path(folder)), "letters", equal={"x": "a", "y": "b"}, columns=["n"], **ORDER)
    expected = [i for i, row in enumerate(rows) if row == ("a", "b")]
    assert found["n"].to_pylist() == sorted(expected, key=lambda i: -(i % 3))[:4]


def test_a_table_that_is_not_there_is_reported(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="no table 'signatures/words'"):
        select_rows(files_in(tmp_path), "signatures/words", equal={"word": "a"}, columns=["n"], **ORDER)
