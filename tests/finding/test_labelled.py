"""A list as labelled data: every sentence followed by a matched one that is not in the list."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from neurolect.errors import OptionError
from neurolect.finding import export
from neurolect.store import Run
from tests.command_line import succeed
from tests.relations.related_run import write_described_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return write_described_run(tmp_path_factory.mktemp("labelled") / "run")


@pytest.mark.parametrize("side", ["top", "bottom"])
def test_negatives_are_matched_and_not_in_the_list(run: Run, tmp_path: Path, side: str) -> None:
    table = export(run, "hidden.1.3", out=tmp_path / "a.jsonl", side=side, match=["domain"])
    rows = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines()]
    assert rows == table.to_pylist()
    listed = run.neuron("hidden.1.3").list(side).column("sentence_id").to_pylist()
    positives, negatives = rows[::2], rows[1::2]
    assert {row["label"] for row in positives} == {1}
    assert {row["label"] for row in negatives} == {0}
    assert [row["sentence_id"] for row in positives] == [listed[row["rank"]] for row in positives]
    assert [row["rank"] for row in negatives] == [row["rank"] for row in positives]
    assert not {row["sentence_id"] for row in negatives} & set(listed)
    assert len({row["sentence_id"] for row in negatives}) == len(negatives)
    assert [row["domain"] for row in negatives] == [row["domain"] for row in positives]


def test_without_fields_only_the_length_is_matched(run: Run, tmp_path: Path) -> None:
    table = export(run, "hidden.1.3", out=tmp_path / "a.parquet", limit=5)
    assert pq.read_table(tmp_path / "a.parquet").equals(table)
    assert table.num_rows == 10
    words = table.column("n_words").to_pylist()
    assert max(abs(one - two) for one, two in zip(words[::2], words[1::2], strict=True)) <= 2


def test_the_verb_and_what_it_refuses(run: Run, tmp_path: Path) -> None:
    said = succeed("export", run.folder, "hidden.1.3", "--out", tmp_path / "a.jsonl", "--match", "domain")
    assert said.startswith(f"{tmp_path / 'a.jsonl'}: ")
    with pytest.raises(OptionError, match=r"cannot be written as 'a\.txt'"):
        export(run, "hidden.1.3", out=tmp_path / "a.txt")
    with pytest.raises(OptionError, match="no metadata field 'genre'"):
        export(run, "hidden.1.3", out=tmp_path / "a.jsonl", match=["genre"])
