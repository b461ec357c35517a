"""Metadata may be called like any column of any table: it survives to every view, and so does the column."""

import json
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from neurolect.collector import CollectOptions, collect
from neurolect.corpus import PrepareOptions, prepare
from neurolect.model import load_model
from neurolect.relations import RelateOptions, relate
from neurolect.results import numbers_of, rank
from neurolect.signatures import DescribeOptions, describe
from neurolect.store import Run, open_run
from neurolect.store.field_columns import OF_LISTS, OF_SENTENCES, fields_of
from tests.command_line import succeed
from tests.relations.related_run import write_related_run
from tests.tiny_models import write_tiny

DOCS = Path(__file__).parents[2] / "docs"
ODD = ["a.b", "a", "a=b", "c>=d", "__proto__", "constructor", "field", "part of speech", "metadata:x", "rank_"]
ODD += ["sentence length", "phrase", "x:y", "top", "{0}", "<b>", "held_out_", "text__", "a,b"]


def column_names(related: Path) -> list[str]:
    """Name every column of every table: those of a run's files, and those that the documents name."""
    names = {name for path in related.rglob("*.parquet") for name in pq.read_schema(path).names}
    for page in ("run_folder.md", "corpus_folder.md", "comparison_folder.md"):
        names |= set(re.findall(r"`([a-z][a-z0-9_]*)`", (DOCS / page).read_text(encoding="utf-8")))
    return sorted(names | set(OF_LISTS) | set(OF_SENTENCES))


FEW = [
    "activation",
    "address",
    "held_out",
    "index",
    "name",
    "neuron_id",
    "rank",
    "score",
    "sentence_id",
    "side",
    "text",
]


@pytest.fixture(scope="module", params=["few", pytest.param("all", marks=pytest.mark.slow)])
def names(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    if request.param == "few":
        return [*FEW, *ODD]
    run = write_related_run(tmp_path_factory.mktemp("example") / "run")
    known = column_names(run.folder)
    return [*known, *(name for name in ODD if name not in known)]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> Run:
    """Make a run whose corpus has a field of every name; each value says which field it is of."""
    folder = tmp_path_factory.mktemp("reserved")
    fill = ["the", "good", "film", "was", "on", "time", "and", "the", "bad", "game", "was", "not"]
    lines = []
    for n in range(120):
        text = f"{' '.join(fill[n % 7 :])} {'money' if n % 2 else 'sport'} {n}."
        lines.append({"review": text, **{name: f"{name}:{'odd' if n % 2 else 'even'}" for name in names}})
    (folder / "a.jsonl").write_text("\n".join(map(json.dumps, lines)))
    options = PrepareOptions(text_column="review", held_out=0.0, metadata_columns=tuple(names))
    corpus = prepare(folder / "a.jsonl", out=folder / "corpus", options=options)
    model = load_model(str(write_tiny(folder / "model", family="Bert")))
    collect(model, corpus, out=folder / "run", options=CollectOptions(list_size=20))
    describe(folder / "run", options=DescribeOptions(tagger="none"))
    relate(folder / "run", options=RelateOptions(maps=("none",), n_draws=10))
    return open_run(folder / "run")


def named(run: Run, names: list[str]) -> dict[str, str]:
    """Give the field of the run that each column of the source became, by its values."""
    row = run.sentences().slice(0, 1).to_pylist()[0]
    fields = [each["name"] for each in run.manifest["corpus"]["fields"]]
    found = {str(row[field]).rpartition(":")[0]: field for field in fields}
    assert len(found) == len(fields) == len(names)
    return {name: found[" ".join(name.split())] for name in names if " ".join(name.split()) in found}


def test_every_field_is_in_lists_under_a_name_of_its_own(run: Run, names: list[str]) -> None:
    fields = named(run, names)
    listed = run.neuron("hidden.1.0").list("top")
    assert len(set(listed.column_names)) == len(listed.column_names)
    rows = listed.to_pylist()
    assert [row["rank"] for row in rows] == list(range(20))
    assert all(isinstance(row["activation"], float) and row["text"].endswith(".") for row in rows)
    columns = fields_of(listed)
    for name, field in fields.items():
        assert rows[0][columns[field]].rpartition(":")[0] == " ".join(name.split())


def test_cards_have_both(run: Run, names: list[str]) -> None:
    example = json.loads(succeed("show", run.folder, "hidden.1.0", "--format", "json"))["sides"][0]["examples"][0]
    assert example["rank"] == 0
    assert isinstance(example["activation"], float)
    fields = named(run, names)
    assert set(example["metadata"]) == set(fields.values())
    for name, field in fields.items():
        assert example["metadata"][field].rpartition(":")[0] == " ".join(name.split())
    assert succeed("show", run.folder, "hidden.1.0")


def test_the_report_is_made(run: Run, tmp_path: Path) -> None:
    succeed("report", run.folder, "--out", tmp_path / "report.html")
    assert (tmp_path / "report.html").is_file()


def test_searches_find_every_field(run: Run, names: list[str]) -> None:
    for name, field in named(run, names).items():
        condition = f"{field}={' '.join(name.split())}:odd"
        rows = json.loads(succeed("find", run.folder, "--where", condition, "--format", "json"))["rows"]
        assert rows[0]["n_list"] > 0
        assert rows[0]["rank"] == 1


def test_rankings_rank_by_every_field(run: Run, names: list[str]) -> None:
    listed = numbers_of(run).column("name").to_pylist()
    for field in named(run, names).values():
        assert f"field={field}" in listed
        ranked = rank(run, by=f"field={field}").to_pylist()
        assert ranked[0]["rank"] == 1
        assert ranked[0]["score"] >= ranked[-1]["score"]


def test_related_tables_have_every_field(run: Run, names: list[str]) -> None:
    numbers = set(run.table("relations/same_index").column("number").to_pylist())
    assert {f"field={field}" for field in named(run, names).values()} <= numbers
