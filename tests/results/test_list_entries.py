import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from neurolect.errors import RunFolderError
from neurolect.results.list_entries import ListEntries, first_entries, read_list_entries
from neurolect.store import Run


def test_entries_are_as_in_the_table(described: Run) -> None:
    ids = described.table("sentences").column("sentence_id").to_numpy()
    entries = read_list_entries(described, "bottom", sentence_ids=ids)
    table = described.table("lists/bottom")
    assert np.array_equal(ids[entries.positions], table.column("sentence_id").to_numpy())
    assert entries.sizes.tolist() == [60] * 16
    assert described.sides == ("top", "bottom")


def test_first_entries_cut_every_list() -> None:
    entries = ListEntries(np.array([0, 2, 2, 6]), np.arange(6, dtype=np.int32))
    short = first_entries(entries, 3)
    assert short.sizes.tolist() == [2, 0, 3]
    assert short.positions.tolist() == [0, 1, 2, 3, 4]
    assert first_entries(entries, 9) is entries


def test_a_list_of_unknown_sentences_is_damage(described: Run, tmp_path: Path) -> None:
    shutil.copytree(described.folder, tmp_path / "run")
    table = pq.read_table(tmp_path / "run" / "sentences.parquet")
    ids = table.column("sentence_id").to_numpy()[:-200]
    with pytest.raises(RunFolderError, match="names sentences that"):
        read_list_entries(Run(tmp_path / "run"), "top", sentence_ids=ids)


def test_a_run_without_lists_is_reported(described: Run, tmp_path: Path) -> None:
    shutil.copytree(described.folder, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "lists")
    with pytest.raises(RunFolderError, match="has no lists"):
        _ = Run(tmp_path / "run").sides
