"""Every verb: few options, all tuning by --set."""

from pathlib import Path

import typer
from typer.main import get_command

from neurolect.cli import app
from neurolect.config import config_of_run
from neurolect.store import open_run, read_manifest, write_manifest
from tests.example_run import write_example_run


def test_verbs_have_at_most_ten_options() -> None:
    commands = dict(get_command(app).commands)  # type: ignore[attr-defined]
    for group in [each for each in commands.values() if hasattr(each, "commands")]:
        commands |= group.commands
    for name, verb in commands.items():
        options = [each.opts[0] for each in verb.params if each.param_type_name == "option"]
        assert len(options) <= 10, f"{name} has {len(options)} options: {options}"


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
