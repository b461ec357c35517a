"""What relate writes is what docs/run_folder.md says."""

import re

import pyarrow.parquet as pq

from neurolect.store import Run
from tests.test_docs import SPECIFICATION, specified_types


def test_every_file_and_column_is_in_the_specification(related: Run) -> None:
    text = SPECIFICATION.read_text(encoding="utf-8")
    for path in sorted((related.folder / "relations").rglob("*.*")):
        name = path.relative_to(related.folder).as_posix().replace("bottom", "top")
        assert re.search(rf"(?m)^ {{6}}{name} ", text), name
        if path.suffix == ".parquet":
            for column in pq.read_schema(path).names:
                assert f"`{column.replace('bottom_', 'top_')}`" in text, f"{name}: {column}"


def test_types_are_those_of_the_specification(related: Run) -> None:
    names = {"double": "float64", "float": "float32"}
    checked = 0
    for table, column, kind in specified_types():
        if table.startswith("relations/") and not table.endswith("neurons"):
            found = str(pq.read_schema(related.folder / f"{table}.parquet").field(column).type)
            assert names.get(found, found) == kind, f"{table}: {column} is {found}, not {kind}"
            checked += 1
    assert checked > 40
