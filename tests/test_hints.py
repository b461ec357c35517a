"""Hints are followed: what they say to type exists, and can be typed where paths have spaces."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from neurolect.config import load_tables
from neurolect.paper.options import PaperConfig
from tests.command_line import split_verb, succeed, verbs

ROOT = Path(__file__).parent.parent
VERBS = set(verbs())
SAFE = ("quote", "quoted", "command_of", "shown", "command")
"""What makes a value that a shell reads as one word, or is a whole command."""


class Said(NamedTuple):
    """A text of the code that says what to type."""

    where: str
    text: str
    values: tuple[str, ...]


def texts_of(path: Path) -> Iterator[Said]:
    """Yield the texts that name a command or a setting; values that are put in are capital letters."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    docs = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if id(node) in inside | docs:
            continue
        text, values = "", []
        if not isinstance(node, ast.expr):
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        elif isinstance(node, ast.JoinedStr):
            for part in node.values:
                if isinstance(part, ast.Constant):
                    text += str(part.value)
                else:
                    values.append(ast.unparse(part.value if isinstance(part, ast.FormattedValue) else part))
                    text += "VALUE"
        if re.search(r"neurolect [a-z]+ |--set [a-z]+\.", text):
            yield Said(f"{path.relative_to(ROOT)}:{node.lineno}", text, tuple(values))


SAID = [said for path in sorted((ROOT / "src").rglob("*.py")) for said in texts_of(path)]


@pytest.mark.parametrize("said", SAID, ids=lambda said: said.where)
def test_what_is_said_to_type_exists(said: Said) -> None:
    """Verbs, options and settings are there; a value that is no placeholder is taken."""
    for words in re.findall(r"(?<![\w-])neurolect ([a-z]+ [^`;,()]*)", said.text):
        verb, given = split_verb(words.split())
        rest = " ".join(given)
        if verb not in VERBS:
            assert "--" not in rest, f"no verb {verb!r}"
            continue
        usage = succeed(*verb.split(), "--help")
        for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+", rest):
            assert option in usage, f"{verb} has no {option}"
    for stage, option, value in re.findall(r"--set ([a-z]+)\.([a-z_]+)=([^\s\"';,)]+)", said.text):
        if "VALUE" not in value and not value.isupper():
            load_tables(PaperConfig, settings=[f"{stage}.{option}={value.rstrip('.,')}"])


def test_there_are_many() -> None:
    assert len(SAID) >= 40


@pytest.mark.parametrize("said", [each for each in SAID if each.values], ids=lambda said: said.where)
def test_paths_in_commands_are_quoted(said: Said) -> None:
    """A run folder with a space in its name stays one word of the command."""
    start = re.search(r"neurolect [a-z]+ ", said.text)
    n_before = said.text[: start.start()].count("VALUE") if start else len(said.values)
    text = (ROOT / said.where.rpartition(":")[0]).read_text(encoding="utf-8")
    for value in said.values[n_before:]:
        if re.search(rf"\b{re.escape(value)}(, \w+)* = .*(quote|quoted)\b", text):
            continue
        if re.search(r"folder|path|\bout\b|corpus", value):
            assert any(f"{word}(" in value for word in SAFE), f"{value} is not quoted in: {said.text}"
