"""A list as labelled data: every sentence followed by a matched one that is not in the list."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from neurolect.errors import OptionError, RunFolderError
from neurolect.finding import export
from neurolect.folders.atomic import write_table
from neurolect.store import Run
from tests.command_line import succeed
from tests.damaged import forget_sums
from tests.fidelity import scored_run
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


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Give a run whose first neuron is named "add" or "sugar", then "stir", then the domain recipe."""
    return scored_run.write_described_run(tmp_path_factory.mktemp("signature") / "run")


def parts_of(row: dict[str, str]) -> tuple[bool, int]:
    """Say whether the first part is held, and how many are, word by word."""
    words = set(row["text"].lower().strip(".").split())
    first, second = bool(words & {"add", "sugar"}), "stir" in words
    return first, first + second


def test_a_signature_labels_what_its_name_says_whatever_is_in_the_list(described: Run, tmp_path: Path) -> None:
    conditions = described.neuron("hidden.1.0").rows("signatures/summary", side="top").column("name_conditions")
    assert [(each["part"], each["label"]) for each in conditions[0].as_py()] == [
        (0, "add"),
        (0, "sugar"),
        (1, "stir"),
        (2, "domain=recipe"),
    ]
    rows = export(described, "hidden.1.0", out=tmp_path / "a.jsonl", signature=True).to_pylist()
    sample = set(described.table("sample/sentences").column("sentence_id").to_pylist())
    assert {row["sentence_id"] for row in rows} <= sample
    positives, negatives = rows[::2], rows[1::2]
    held = [parts_of(row) for row in positives]
    assert all(first for first, _ in held)
    order = [(-n, row["sentence_id"]) for (_, n), row in zip(held, positives, strict=True)]
    assert order == sorted(order), "most parts first, then by id"
    assert all(parts_of(row) == (False, 0) for row in negatives)
    assert [row["rank"] for row in positives] == [row["rank"] for row in negatives]
    everything = described.table("sentences").to_pylist()
    n_holding = sum(row["sentence_id"] in sample and parts_of(row)[0] for row in everything)
    n_others = sum(row["sentence_id"] in sample and parts_of(row)[1] == 0 for row in everything)
    assert len(positives) == min(n_holding, n_others)
    listed = set(described.neuron("hidden.1.0").list("top").column("sentence_id").to_pylist())
    assert {row["sentence_id"] for row in positives} - listed, "sentences count that are not of the list"
    few = export(described, "hidden.1.0", out=tmp_path / "b.jsonl", signature=True, match=["domain"], limit=4)
    assert few.column("domain").to_pylist() == ["recipe"] * few.num_rows, "the name's domain is no part here"
    assert 0 < few.num_rows <= 8


def test_a_name_without_conditions_is_refused(described: Run, tmp_path: Path) -> None:
    said = succeed("export", described.folder, "hidden.1.2", "--out", tmp_path / "a.jsonl", "--signature")
    assert "sentences of the top signature of hidden.1.2, as many matched ones." in said
    with pytest.raises(RunFolderError, match=r"of hidden\.1\.4 has no conditions(.|\n)*leave --signature out"):
        export(described, "hidden.1.4", out=tmp_path / "a.jsonl", signature=True)
    older = scored_run.write_described_run(tmp_path / "older")
    summary: pa.Table = older.table("signatures/summary").drop_columns("name_conditions")
    write_table(older.folder / "signatures" / "summary.parquet", summary)
    forget_sums(older.folder)
    with pytest.raises(RunFolderError, match=r"has no conditions(.|\n)*neurolect describe "):
        export(Run(older.folder), "hidden.1.0", out=tmp_path / "a.jsonl", signature=True)
