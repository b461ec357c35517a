"""A number added in one place is in rank, its list, plots and comparisons."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from neurolect.errors import OptionError
from neurolect.results import Number, layer_ranks, numbers, numbers_of, rank, register_number, unregister_number
from neurolect.results.number import Asked
from neurolect.store import Run
from tests.command_line import command, succeed


def backwards(run: Run, asked: Asked) -> NDArray[np.float64]:
    """Give the first neuron the most, and bottom lists more than top ones."""
    return np.arange(run.n_neurons, 0, -1, dtype=np.float64) + (0.5 if asked.side == "bottom" else 0.0)


TOY = Number(name="toy", label="toys in the list", source="a test", read=backwards)


@pytest.fixture
def toy() -> Iterator[None]:
    register_number(TOY)
    yield
    unregister_number("toy")


@pytest.mark.usefixtures("toy")
def test_a_number_is_one_entry(described: Run, tmp_path: Path) -> None:
    first = rank(described, by="toy", limit=2).to_pylist()
    assert [(row["address"], row["side"], row["score"]) for row in first] == [
        ("hidden.1.0", "bottom", 16.5),
        ("hidden.1.0", "top", 16.0),
    ]
    assert layer_ranks(rank(described, by="toy"))[0].quartiles[0] == 1
    text = succeed("rank", described.folder, "--list")
    assert any(line.split() == ["toy", "a", "test", "toys", "in", "the", "list"] for line in text.splitlines())
    assert succeed("rank", described.folder, "--by=toy").startswith("By toys in the list; 32 lists.")
    for figure in ("curve", "ranks"):
        succeed("plot", described.folder, figure, "--by=toy", "--out", tmp_path / f"{figure}.svg")
        assert "toys in the list" in (tmp_path / f"{figure}.svg").read_text()


def test_the_list_says_what_a_run_has(described: Run) -> None:
    known = {row["name"]: row for row in numbers_of(described).to_pylist()}
    assert known["field=domain"]["what"] == "one-sidedness in domain (standard deviation)"
    assert known["std"]["of"] == "neuron"
    assert known["pos"]["has"]
    assert not known["auroc"]["has"]
    assert "has no scores of fidelity" in known["auroc"]["why_not"]
    for name, row in known.items():
        if row["has"]:
            assert len(rank(described, by=name, limit=1)) == 1
    listed = json.loads(succeed("rank", described.folder, "--list", "--format=json"))
    assert [row["name"] for row in listed] == list(known)
    text = succeed("rank", described.folder, "--list")
    assert text.index("field=domain") < text.index("This run does not have:") < text.index("auroc")


@pytest.mark.usefixtures("toy")
def test_the_list_needs_no_run() -> None:
    text = succeed("rank", "--list")
    for name in ("toy", "field=NAME", "std", "write-kurtosis", "lca", "max_correlation"):
        assert any(name in line for line in text.splitlines()), name
    rows = json.loads(succeed("rank", "--list", "--format=json"))
    lines = succeed("rank", "--list", "--format=csv").splitlines()
    assert (lines[0], len(lines)) == ("name,what,source,of,for_numbers", len(rows) + 1)
    assert {row["of"] for row in rows} == {"list", "neuron", "store", "comparison"}
    assert len({(row["of"], row["name"]) for row in rows}) == len(rows)
    assert "--list alone needs none" in command("rank", "--by=std").err


def test_own_numbers_stay(described: Run) -> None:
    with pytest.raises(OptionError, match="'std' is neurolect's own"):
        register_number(Number(name="std", label="", source="", read=backwards))
    unregister_number("std")
    assert numbers(described, "std").of_neuron
    with pytest.raises(OptionError, match=r"no number 'toy' of neurons(.|\n)*field=NAME"):
        numbers(described, "toy")


def test_a_ranking_is_by_something(described: Run) -> None:
    assert "give --by, or --list" in command("rank", described.folder).err
