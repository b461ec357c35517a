"""Every verb: few options, all tuning by --set."""

import typer
from typer.main import get_command

from neurolect.cli import app


def test_verbs_have_at_most_ten_options() -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    for name, verb in commands.items():
        options = [each.opts[0] for each in verb.params if each.param_type_name == "option"]
        assert len(options) <= 10, f"{name} has {len(options)} options: {options}"


def test_the_list_of_verbs_fits_on_a_screen() -> None:
    command = get_command(app)
    assert command.get_help(typer.Context(command)).count("\n") <= 40
