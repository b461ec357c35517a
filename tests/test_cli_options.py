"""Every verb: few options, all tuning by --set."""

import re
from pathlib import Path
from typing import Any

import typer
from typer.main import get_command

from neurolect.cli import app
from neurolect.config import config_of_run
from neurolect.store import open_run, read_manifest, write_manifest
from tests.example_run import write_example_run

COMMAND_LINE = Path(__file__).parent.parent / "docs" / "command_line.md"


def all_verbs() -> dict[str, Any]:
    """Give every verb by its words."""
    found: dict[str, Any] = {}
    for name, verb in get_command(app).commands.items():  # type: ignore[attr-defined]
        own = getattr(verb, "commands", None)
        found |= {name: verb} if own is None else {f"{name} {short}": each for short, each in own.items()}
    return found


def test_verbs_have_at_most_ten_options() -> None:
    for name, verb in all_verbs().items():
        options = [each.opts[0] for each in verb.params if each.param_type_name == "option"]
        assert len(options) <= 10, f"{name} has {len(options)} options: {options}"


def test_formats_are_those_of_the_table() -> None:
    rows = re.findall(
        r"(?m)^\| ((?:`(?:text|json|csv)`(?:, )?)+|none): [^|]*\| (.*) \|$", COMMAND_LINE.read_text("utf-8")
    )
    said = {
        verb: [] if formats == "none" else re.findall(r"`(\w+)`", formats)
        for formats, verbs in rows
        for verb in re.findall(r"`([^`]+)`", verbs)
    }
    found = {
        name: [choice for each in verb.params if "--format" in each.opts for choice in type(each.default)]
        for name, verb in all_verbs().items()
    }
    assert {name: [str(each) for each in choices] for name, choices in found.items()} == said


def test_the_list_of_verbs_fits_on_a_screen() -> None:
    command = get_command(app)
    assert command.get_help(typer.Context(command)).count("\n") <= 60  # with the heads


def test_a_verb_on_a_run_takes_the_options_of_the_run(tmp_path: Path) -> None:
    folder = write_example_run(tmp_path)
    manifest = read_manifest(folder)
    manifest["options"]["describe"] = {"pattern_length": 3, "pattern_items": ["word"], "of_another_version": 1}
    write_manifest(folder, manifest)
    config, changed = config_of_run(open_run(folder))
    assert (config.describe.pattern_length, config.describe.pattern_items, changed) == (3, ("word",), [])
    config, changed = config_of_run(open_run(folder), settings=["describe.pattern_length=2"])
    assert (config.describe.pattern_length, config.describe.pattern_items) == (2, ("word",))
    assert changed == ["describe.pattern_length: 2, the run's was 3"]
