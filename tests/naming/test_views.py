"""Names on the command line, on cards and in the explorer: next to the automatic one, never in its place."""

import json
from pathlib import Path

import pytest

from neurolect.explorer import Answers
from neurolect.naming.endpoint import KEY
from neurolect.store import Run
from neurolect.views import card, card_text
from tests.command_line import command, succeed
from tests.naming.stub_server import Reply, by_word, completion, serving

SECRET = "sk-very-secret-123"
SET = ("--set=name.shown=8", "--set=name.contrast=3", "--set=name.judged=6", "--set=name.retries=0")


@pytest.fixture
def folder(whole_run: Path) -> Path:
    return whole_run


def test_without_yes_the_cost_is_said_and_nothing_asked(folder: Path) -> None:
    with serving(by_word) as stub:
        said = succeed("name", folder, "--endpoint", stub.url, "--model", "m", *SET)
        assert stub.asked == []
    assert "65 questions to m at http://127.0.0.1" in said
    assert "4 characters each" in said
    assert "with --yes" in said
    assert not (folder / "names").exists()


def test_what_is_printed_and_what_cards_show(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY, SECRET)
    automatic = Run(folder).neuron("hidden.1.0").name()
    with serving(by_word) as stub:
        answer = command("name", folder, "--endpoint", stub.url, "--model", "m", "--yes", *SET)
        as_json = json.loads(
            succeed("name", folder, "--endpoint", stub.url, "--model", "m", "--yes", "--format", "json", *SET)
        )
    assert answer.code == 0, answer.err
    assert SECRET not in answer.out + answer.err
    assert "chance" in answer.out
    assert "another neuron's name" in answer.out
    assert as_json["n_asked"] == 0
    row = next(each for each in as_json["rows"] if each["address"] == "hidden.1.0")
    assert row["automatic_name"] == automatic
    made = card(Run(folder).neuron("hidden.1.0"))
    side = made["sides"][0]
    assert side["name"] == automatic
    assert side["model_names"][0]["score"] == pytest.approx(row["score"], abs=1e-4)
    text = " ".join(card_text(made, width=200).split())
    assert f"named by m: {row['name']}" in text
    assert f"judged {row['score']:.2f}" in text
    assert "chance 0.50" in text
    ranked = json.loads(succeed("rank", folder, "--by", "model-name", "--format", "json", "--limit", "30"))
    scores = {each["address"]: each["score"] for each in as_json["rows"] if each["score"] is not None}
    assert {each["address"]: each["score"] for each in ranked["rows"]} == pytest.approx(scores)
    (first,) = [each for each in ranked["rows"] if each["address"] == "hidden.1.0"]
    assert first["evidence"] == row["name"]
    with serving(lambda *_: completion("NAME: something")) as stub:  # no list of sentences
        succeed("name", folder, "--endpoint", stub.url, "--model", "other", "--yes", *SET)
    without = command("rank", folder, "--by", "model-name")
    assert without.code
    assert "No name by other in" in without.err


def test_the_explorer_has_them_escaped(folder: Path) -> None:
    evil = "NAME: <img src=x onerror=alert(1)>\u202e"
    with serving(lambda *_: completion(evil)) as stub:
        command(
            "name", folder, "--endpoint", stub.url, "--model", "m\x1b", "--yes", "--neurons", "hidden.1.0", *SET
        )
        succeed("name", folder, "--endpoint", stub.url, "--model", "m", "--yes", "--neurons", "hidden.1.0", *SET)
    found = Answers([folder]).get("card/0/hidden.1.0")
    names = found["sides"][0]["model_names"]
    assert [each["name"] for each in names] == ["<img src=x onerror=alert(1)>\\u202e"]
    assert found["sides"][1]["model_names"] == []


def test_wrong_use_and_a_server_that_fails(folder: Path) -> None:
    assert command("name", folder).code == 2
    assert command("name", folder, "--to", "batch").code == 2
    assert command("name", folder, "--to", "batch", "--out", "x", "--endpoint", "http://h/v1").code == 2
    with serving(lambda *_: Reply(b"<html>", 503)) as stub:
        answer = command("name", folder, "--endpoint", stub.url, "--model", "m", "--yes", *SET)
    assert (answer.code, answer.out) == (1, "")
    assert "does not answer: server error (503: <html>)" in answer.err
    assert "Hint: " in answer.err


def test_no_extra_gives_the_install_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "httpx", None)
    answer = command("name", folder, "--endpoint", "http://127.0.0.1:1/v1", "--model", "m", "--yes", *SET)
    assert answer.code == 1
    assert 'pip install "httpx>=0.25"' in answer.err
