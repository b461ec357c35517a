"""What keys answer, of whole runs and of runs with parts missing, stale, damaged or being written."""

import json
import re
import shutil
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurolect import explorer
from neurolect.errors import NeurolectError, NeuronAddressError, OptionError
from neurolect.explorer import Answers
from neurolect.explorer.answers import columns
from neurolect.explorer.answers.plain import LONGEST, numbers_list, shaded
from neurolect.explorer.answers.searches import ask
from neurolect.finding.conditions import parse_evidence
from neurolect.store import open_run, read_manifest, write_manifest
from tests.example_run import write_example_run


def whole_column(answers: Answers, name: str) -> list[Any]:
    run = answers.get("start")["runs"][0]
    pieces = [answers.get(f"column/0/{name}/{piece}")["v"] for piece in range(-(-run["n_rows"] // run["piece"]))]
    return [value for piece in pieces for value in piece]


def test_columns_are_the_runs_numbers_in_pieces(example_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "PIECE", 7)
    answers, run = Answers([example_folder]), open_run(example_folder)
    entry = answers.get("start")["runs"][0]
    summary = run.table("signatures/summary").to_pylist()
    by_list = {(row["neuron_id"], row["side"]): row for row in summary}
    rows = [(neuron, side) for neuron in range(run.n_neurons) for side in ("top", "bottom")]
    assert entry["n_rows"] == len(rows)
    monkeypatch.setitem(entry, "piece", 7)
    whole = {
        name: [
            value
            for piece in range(columns.n_pieces(run))
            for value in answers.get(f"column/0/{name}/{piece}")["v"]
        ]
        for name in ("address", "name", "mean_length", "layer", "index", "side")
    }
    assert whole["address"] == [run.index.address(neuron) for neuron, _ in rows]
    assert whole["name"] == [by_list[each]["name"] for each in rows]
    assert whole["mean_length"] == pytest.approx([by_list[each]["mean_length"] for each in rows], rel=1e-4)
    assert [f"hidden.{layer}.{index}" for layer, index in zip(whole["layer"], whole["index"], strict=True)] == (
        whole["address"]
    )
    assert whole["side"] == [0, 1] * run.n_neurons
    refused = []
    for column in entry["columns"]:  # every column that is said to be there is, or says why not
        try:
            answers.get(f"column/0/{column['name']}/0")
        except NeurolectError:
            refused.append(column["type"])
    assert set(refused) <= {"number"}


def test_texts_have_an_order_over_all_pieces(example_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "PIECE", 10)
    answers = Answers([example_folder])
    for name in ("name", "typical", "words"):
        texts, places = [
            [value for piece in range(4) for value in answers.get(f"{kind}/0/{name}/{piece}")["v"]]
            for kind in ("column", "order")
        ]
        plain = [re.sub(r"^[\W_]+", "", unicodedata.normalize("NFKD", text).lower()) for text in texts]
        assert places == [sorted(set(plain)).index(text) for text in plain]
    with pytest.raises(OptionError, match="no column of texts 'layer'"):
        answers.get("order/0/layer/0")


def test_a_card_has_shaded_sentences_and_what_it_does_not_respond_to(example_folder: Path) -> None:
    answers = Answers([example_folder])
    made = json.loads(answers.written("card/0/hidden.1.3"))
    assert made["broken"] is None
    assert [side["side"] for side in made["sides"]] == ["top", "bottom"]
    for side in made["sides"]:
        for each in side["examples"]:
            assert "".join(piece[0] for piece in each["pieces"]) == each["text"]
    page = answers.get("list/0/hidden.1.3/top/1")
    assert page["n"] == 60
    assert [row["rank"] for row in page["rows"]] == list(range(50, 60))
    assert not answers.get("list/0/hidden.1.3/top/9")["rows"]


def test_a_text_of_one_endless_word_is_cut_about_its_peak() -> None:
    text = "x" * 100_000
    cut = shaded(text, [(50_000, 50_010, 1.0)])
    assert sum(len(piece[0]) for piece in cut) <= LONGEST + 2
    assert ["x" * 10, 1.0, True] in cut
    assert len(shaded(text, None)[0][0]) == LONGEST


def test_numbers_have_five_digits_whatever_their_size() -> None:
    values = np.array([1e-290, -3.14159265e200, 123456.7, np.inf, -0.0, 2.5e-7])
    assert numbers_list(values) == [1e-290, -3.1416e200, 123460.0, None, 0.0, 2.5e-7]


def test_questions_are_those_of_find_and_bounded(example_folder: Path) -> None:
    answers = Answers([example_folder])
    run = answers.run(0)
    assert ask(run, {"word": "shall", "limit": "3"})["rows"][0]["address"] == "hidden.1.3"
    assert all("shall" in row["example"].lower().split() for row in ask(run, {"word": "shall"})["rows"])
    assert "shall" in ask(run, {"has": "words=shall"})["rows"][0]["evidence"]
    for given in ({}, {"word": " "}, {"path": "x"}, {"word": "x" * 501}, {"word": "a", "limit": "201"}):
        with pytest.raises(OptionError):
            ask(run, given)
    page = (Path(explorer.__file__).parent / "page/src/ask.js").read_text(encoding="utf-8")
    examples = dict(re.findall(r'^  \["(\w+)", "[^"]*", "([^"]*)"', page, re.MULTILINE))
    assert parse_evidence(examples["has"])[1] == "because"  # what the page's fields suggest is understood
    assert "<NN>" in examples["pattern"]
    with pytest.raises(OptionError):  # RE2 has no look-ahead: nothing backtracks
        ask(run, {"regex": "(?=a)(a+)+$"})


@pytest.mark.parametrize(
    "key", ["", "card/0", "card/0/../../etc", "column/0/name/-1", "column/0/name/9", "card/7/a.1"]
)
def test_keys_that_there_are_not_are_refused(key: str, example_folder: Path) -> None:
    with pytest.raises((OptionError, NeuronAddressError)):
        Answers([example_folder]).get(key)


def test_only_what_is_shown_is_opened(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="There is no folder"):
        Answers([tmp_path / "none"])


def test_runs_open_whatever_is_missing_stale_or_damaged(tmp_path: Path) -> None:
    folder = write_example_run(tmp_path / "run")
    answers = Answers([folder])
    entry = answers.get("start")["runs"][0]
    assert {
        "stage": "relate",
        "what": "The run has not been related.",
        "command": f"neurolect relate {folder}",
        "why": None,
    } in (entry["missing"])
    fidelity = next(each for each in entry["missing"] if each["stage"] == "fidelity")  # nothing was held out
    assert fidelity["command"] is None
    assert "held" in fidelity["why"]
    assert not entry["stale"]

    (folder / "signatures" / "words.parquet").write_bytes(b"PAR1 no longer")
    made = answers.get("card/0/hidden.1.3")  # its lists are shown all the same
    assert made["broken"]["message"]
    assert len(made["sides"][0]["examples"]) == 20

    manifest = read_manifest(folder)
    manifest["stages"]["describe"]["status"] = "running"  # as while `describe` is at work
    write_manifest(folder, manifest)
    entry = answers.get("start")["runs"][0]
    assert entry["running"] == ["describe"]
    assert "neurolect describe" in entry["stale"][0]
    assert not entry["has"]["described"]
    assert answers.get("overview/0")["kinds"] == ["not described"]
    assert all(whole_column(answers, "typical"))  # the strongest sentences instead
    assert answers.get("card/0/hidden.1.3")["broken"]["hint"]

    manifest["stages"]["collect"]["status"] = "running"
    write_manifest(folder, manifest)
    assert "unfinished" in answers.get("start")["runs"][0]["error"]["message"]

    shutil.copy(write_example_run(tmp_path / "again") / "manifest.json", folder / "manifest.json")
    assert answers.get("start")["runs"][0]["error"] is None


def test_runs_are_served_without_a_networks_library(example_folder: Path) -> None:
    """It takes 200 MB of memory, and seconds of each process that makes cards."""
    script = f"""
import sys
from neurolect.explorer.answers.source import Answers
from neurolect.explorer.live.asked import LiveModel
from neurolect.explorer.server import application, running
from neurolect.explorer.site import pages, report
answers = Answers([{str(example_folder)!r}])
running.prepare_first_pages(answers)
answers.written("card/0/hidden.1.2")
print({{"torch", "numba", "transformers", "spacy"}} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
