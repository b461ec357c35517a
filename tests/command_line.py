"""Run the command line inside the test process, as its console script does."""

import csv
import io
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from typing import NamedTuple

from neurolect.cli import app, main


def verbs() -> dict[str, Callable[..., None]]:
    """Give the function of every verb by its name; verbs of a group have two words: ``edit ablate``."""
    found = {}
    for group, prefix in ((app, ""), *((each.typer_instance, f"{each.name} ") for each in app.registered_groups)):
        for each in group.registered_commands if group is not None else ():
            if each.callback:
                found[prefix + (each.name or each.callback.__name__)] = each.callback
    return found


def split_verb(words: Sequence[str]) -> tuple[str, list[str]]:
    """Take the verb off a command, which may be two words."""
    groups = {each.name for each in app.registered_groups}
    n = 2 if words and words[0] in groups and len(words) > 1 else 1
    return " ".join(words[:n]), list(words[n:])


class Answer(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


def command(*arguments: object) -> Answer:
    """Give a command and catch its answer; a traceback is an error of the test."""
    out, err = io.StringIO(), io.StringIO()
    code: object = 0
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main(partial(app, [str(each) for each in arguments], prog_name="neurolect"))
        except SystemExit as left:
            code = left.code
    if not isinstance(code, int):
        msg = f"left with {code!r}"
        raise TypeError(msg)
    return Answer(code, out.getvalue(), err.getvalue())


def csv_rows(*arguments: object) -> list[dict[str, str]]:
    """Give a command that has to work, and read its rows."""
    return list(csv.DictReader(io.StringIO(succeed(*arguments, "--format", "csv"))))


def succeed(*arguments: object) -> str:
    """Give a command that has to work; give what it printed."""
    answer = command(*arguments)
    if answer.code:
        msg = f"{arguments} left with {answer.code}: {answer.err}"
        raise AssertionError(msg)
    return answer.out
