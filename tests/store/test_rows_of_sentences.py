from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurolect.errors import RunFolderError
from neurolect.store.files import RunFiles
from neurolect.store.tables import (
    read_parts,
    read_rows_of,
    read_table,
    rows_of_sentences,
    rows_of_side,
    take_rows,
)


@given(st.lists(st.integers(0, 4), max_size=5), st.data())
def test_rows_are_taken_as_pyarrow_takes_them(sizes: list[int], data: st.DataObject) -> None:
    texts = [["first"], *([f"{at}.{row}" for row in range(size)] for at, size in enumerate(sizes))]
    table = pa.concat_tables([pa.table({"text": pa.array(each, pa.string())}) for each in texts])
    rows = np.array(data.draw(st.lists(st.integers(0, len(table) - 1), max_size=9)), np.int64)
    assert take_rows(table, rows).to_pylist() == table.take(pa.array(rows)).to_pylist()


@pytest.mark.parametrize("sides", ["ttbb", "bbtt", "tbtb", "tttt", ""])
def test_one_sides_rows_are_those_that_a_filter_finds(sides: str) -> None:
    table = pa.table({"side": pa.array([{"t": "top", "b": "bottom"}[each] for each in sides], pa.string())})
    table = table.append_column("row", pa.array(range(len(sides)), pa.int64()))
    for side in ("top", "bottom"):
        found = [row for row in table.to_pylist() if row["side"] == side]
        assert rows_of_side(table, side).to_pylist() == found


@given(st.lists(st.integers(0, 40), unique=True), st.lists(st.integers(-3, 45), max_size=60))
def test_kept_sentences_are_found_by_their_ids(kept: list[int], ids: list[int]) -> None:
    files = RunFiles(Path("run"), {"stages": {}, "corpus": {}, "model": {"sites": []}})  # type: ignore[typeddict-item]
    known = np.array(sorted(kept), np.int64)
    for dtype in (np.int64, np.uint32):
        given_ids: Any = np.array([each for each in ids if each >= 0 or dtype == np.int64], dtype)
        if set(given_ids.tolist()) <= set(kept):
            rows = rows_of_sentences(files, "lists/top", given_ids, kept=known)
            assert rows.tolist() == [sorted(kept).index(each) for each in given_ids.tolist()]
        else:
            with pytest.raises(RunFolderError, match="names sentences that"):
                rows_of_sentences(files, "lists/top", given_ids, kept=known)


def files_with(folder: Path, ids: list[int], *, statistics: bool) -> RunFiles:
    """Write a table of sentences in groups of three rows."""
    table = pa.table({"sentence_id": pa.array(ids, pa.int64()), "starts": [[each, each + 1] for each in ids]})
    pq.write_table(table, folder / "spans.parquet", row_group_size=3, write_statistics=statistics)
    return RunFiles(folder, {"stages": {}, "corpus": {}, "model": {"sites": []}})  # type: ignore[typeddict-item]


@pytest.mark.parametrize("statistics", [True, False])
def test_rows_of_sentences_are_found_in_any_order_and_twice(tmp_path: Path, statistics: bool) -> None:
    ids = [0, 3, 4, 9, 10, 11, 20, 30]
    files = files_with(tmp_path, ids, statistics=statistics)
    for wanted in ([9, 0, 30, 9], [4], [], [30, 20, 11, 10, 9, 4, 3, 0]):
        found = read_rows_of(files, "spans", by="sentence_id", wanted=np.array(wanted, np.int64))
        assert found.to_pylist() == [{"sentence_id": each, "starts": [each, each + 1]} for each in wanted]


@pytest.mark.parametrize("wanted", [1, 31, -1])
def test_a_sentence_that_a_table_lacks_is_damage(tmp_path: Path, wanted: int) -> None:
    files = files_with(tmp_path, [0, 3, 4, 9, 10, 11, 20, 30], statistics=True)
    with pytest.raises(RunFolderError, match="it lacks rows of a sentence_id that other tables name"):
        read_rows_of(files, "spans", by="sentence_id", wanted=np.array([3, wanted], np.int64))


def test_parts_of_a_table_are_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = files_with(tmp_path, list(range(20)), statistics=True)
    whole = read_table(files, "spans")
    for n_rows, n_parts in ((1, 7), (4, 4), (100, 1)):
        monkeypatch.setattr("neurolect.store.tables.PART", n_rows)
        parts = list(read_parts(files, "spans", columns=["sentence_id"]))
        assert len(parts) == n_parts
        assert pa.concat_tables(parts).equals(whole.select(["sentence_id"]))
