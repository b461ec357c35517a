"""The verbs between neurons, as they are typed."""

import csv
import json
from pathlib import Path

import pytest

from neurolect.store import Run
from tests.command_line import command, succeed
from tests.relations.related_run import write_described_run

QUICK = ("--set", "relate.n_draws=20", "--set", "relate.n_starts=1", "--set", "relate.diversity_groups=1,2")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return write_described_run(Path(tmp_path_factory.mktemp("verbs")) / "run")


def test_relate_tells_what_was_found_and_what_to_do_next(run: Run, tmp_path: Path) -> None:
    out = succeed("relate", run.folder, "--workers=1", *QUICK)
    for text in ("by chance", "Neurons with a twin", "same index", "Diversity", "embedding-atlas"):
        assert text in out
    facts = json.loads(succeed("relate", run.folder, *QUICK, "--format=json"))
    assert {row["grouping"] for row in facts["clusters"]} == {"layer", "side"}
    assert facts["redundancy"][0]["n_neurons"] == 16
    out = succeed("plot", run.folder, "redundancy", "--out", tmp_path / "figure.svg")
    assert out.strip() == f"{tmp_path / 'figure.svg'}: redundancy"


def test_rank_prints_the_first_and_the_layers(run: Run) -> None:
    lines = succeed("rank", run.folder, "--by", "length", "--limit=3").splitlines()
    assert lines[0] == "By mean length of the sentences (words); 32 lists."
    assert lines[3].split()[:3] == ["1", "hidden.1.4", "top"]
    assert sum(line.strip().startswith("layer ") for line in lines) == 2
    assert max(map(len, lines)) <= 100
    made = json.loads(succeed("rank", run.folder, "--by=field=domain", "--side=top", "--format=json", "--layer=1"))
    assert made["rows"][0]["evidence"]
    assert len(made["layers"]) == 2
    rows = list(
        csv.DictReader(succeed("rank", run.folder, "--by=length", "--format=csv", "--limit=2").splitlines())
    )
    assert [row["rank"] for row in rows] == ["1", "2"]
    assert rows[0]["address"] == "hidden.1.4"


def test_mistakes_are_reported_in_a_line_or_two(run: Run) -> None:
    answer = command("rank", run.folder, "--by=field=genre")
    assert answer.code == 1
    assert "no metadata field 'genre'" in answer.err
    assert "'domain'" in answer.err
    answer = command("rank", run.folder, "--by=pos", "--layer=40")
    assert "has no layer 40" in answer.err
