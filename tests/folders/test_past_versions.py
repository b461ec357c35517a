"""Folders of past versions open: tests/fixtures, made by scripts/write_fixtures.py."""

import json
from pathlib import Path

import numpy as np
import pytest

from neurolect.comparison import open_comparison
from neurolect.corpus import open_corpus
from neurolect.folders.variant_record import read_record
from neurolect.model import load_model
from neurolect.store import open_run
from neurolect.views.comparisons.summary import comparison_summary
from tests.command_line import succeed

FIXTURES = Path(__file__).parent.parent / "fixtures"
FIRST = FIXTURES / "0.1.0"


def test_they_are_small_and_of_no_machine() -> None:
    files = [path for path in FIXTURES.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in FIRST.rglob("*") if path.is_file()) < 500_000
    assert not [path for path in files if path.suffix == ".json" and "tmp/" in path.read_text(encoding="utf-8")]


def test_a_corpus_of_0_1_0() -> None:
    corpus = open_corpus(FIRST / "corpus")
    corpus.verify()
    assert (corpus.n_sentences, corpus.n_mining, corpus.n_held_out) == (197, 171, 26)
    assert corpus.take(np.array([3])).to_pylist()[0] == {
        "sentence_id": 3,
        "document_id": 0,
        "position": 3,
        "held_out": False,
        "n_words": 13,
        "text": "And it be a he is his on with bad 0 of 3.",
        "topic": "film",
        "year": 1990.0,
    }


def test_a_run_of_0_1_0() -> None:
    run = open_run(FIRST / "run")
    first = run.neuron("hidden.1.0").list("top", limit=1).to_pylist()[0]
    assert (first["sentence_id"], first["text"]) == (93, "Game he it 11 of 6.")
    assert first["activation"] == pytest.approx(-0.5936166048049927)
    assert run.array("histograms").shape == (16, 64)


def test_a_card_of_0_1_0() -> None:
    card = succeed("show", FIRST / "run", "hidden.1.0")
    for text in (
        '"he", "11", "time"',
        "fidelity 0.81 (0.33",
        "responds like  hidden.2.0 0.88, hidden.2.5",  # relations
        "he 1.9",
        "Game \u2039he\u203a it 11 of 6.",  # the weights of tokens mark words
        "shares sentences with  hidden.2.0 top 75%",
    ):
        assert text in card, text


def test_rankings_of_0_1_0() -> None:
    for by, rank in (("length", ("hidden.2.3", "bottom", 14.1875)), ("auroc", ("hidden.1.1", "top", 1.0))):
        first = json.loads(succeed("rank", FIRST / "run", "--by", by, "--format", "json"))["rows"][0]
        assert (first["address"], first["side"], first["score"]) == rank


def test_what_is_found_in_0_1_0() -> None:
    printed = succeed("find", FIRST / "run", "--word", "film", "--limit", "1", "--format", "json")
    found = json.loads(printed)["rows"][0]
    assert (found["address"], found["side"], found["n_list"], found["n_background"]) == (
        "hidden.2.4",
        "bottom",
        3,
        12,
    )
    assert (found["log_odds_z"], found["fidelity"]) == (pytest.approx(0.439098984), 0.75)


def test_a_variant_of_0_1_0() -> None:
    record = read_record(FIRST / "variant")
    assert (record["kind"], record["seed"], record["n_redrawn"]) == ("random", 0, 2088)
    read = load_model(str(FIRST / "variant")).activations(["He was good at the game."])
    assert read[0, :3].tolist() == pytest.approx([0.18208292, -0.21232465, -0.21213119], abs=1e-5)


def test_a_comparison_of_0_1_0() -> None:
    made = open_comparison(FIRST / "comparison")
    assert made.labels == ("run", "run-random")
    assert made.matches.num_rows == 32
    assert made.matches.column("r2").to_pylist()[:2] == pytest.approx([0.5289605855941772, 0.560180127620697])
    assert made.rankings is None
    assert made.distances is not None
    assert made.stale() == []
    printed = succeed("compare", FIRST / "comparison")
    summary = (FIRST / "comparison" / "summary.txt").read_text(encoding="utf-8")
    assert printed.startswith(
        summary.replace("likest there", "most similar")
    )  # the heading of its last column then
    written = json.loads((FIRST / "comparison" / "manifest.json").read_text(encoding="utf-8"))
    assert json.loads(json.dumps(comparison_summary(made)))["pairs"] == written["pairs"]
