"""The page of messages has every error of the source; the page of errors every kind."""

import ast
import re
import runpy
from pathlib import Path
from typing import Any

import pytest

from neurolect import errors
from tests.command_line import command

ROOT = Path(__file__).parents[2]
SCRIPT: dict[str, Any] = runpy.run_path(str(ROOT / "scripts" / "error_messages.py"))
MESSAGES = SCRIPT["messages"]()
CAUGHT = {"paper/kinds.py"}
"""A file whose errors become a line of a report."""


def plain_count() -> int:
    """Count the calls that make an error, without any regard to where they are."""
    known = {name for name in errors.__all__}
    names = []
    for path in sorted((ROOT / "src" / "neurolect").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func)
                hinted = any(each.arg in ("hint", "expected") for each in node.keywords)
                of_folder = name.rpartition(".")[2] in ("error", "kind") and hinted
                names += [name] if name in known or name.endswith("BadParameter") or of_folder else []
    return len(names)


def file_of(message: Any) -> str:
    return str(message.where.partition(":")[0])


def test_every_error_of_the_source_has_its_message() -> None:
    assert len(MESSAGES) >= plain_count() > 600
    assert len({(each.where, each.kind) for each in MESSAGES}) == plain_count()
    assert not [each for each in MESSAGES if not each.what]


def test_every_error_says_what_was_expected_or_what_to_do() -> None:
    silent = [each for each in MESSAGES if not each.expected and not each.hint]
    assert {file_of(each) for each in silent if each.kind != "BadParameter"} == CAUGHT


@pytest.mark.parametrize(
    ("given", "stage"),
    [
        (["show", "no-such-run", "hidden.1.1"], "folders"),
        (["find", "x"], "cli"),
        (["prepare", "x.txt", "--out", "X", "--set", "prepare.helt_out=1"], "config"),
        (["prepare", "no-such-file.txt", "--out", "X"], "corpus"),
    ],
)
def test_a_message_that_is_shown_is_on_the_page(given: list[str], stage: str, tmp_path: Path) -> None:
    """Each word in capitals stands for anything."""
    said = command(*(str(tmp_path / each) if each == "X" else each for each in given)).err
    first = " ".join(said.split())
    patterns = [
        ".*".join(map(re.escape, re.split(r"\b(?:[A-Z][A-Z_]+|X)\b", each.what)))
        for each in MESSAGES
        if each.where.startswith((f"{stage}/", f"{stage}."))
    ]
    assert any(re.search(pattern, first) for pattern in patterns if len(pattern) > 15), first


def test_the_page_of_errors_has_every_kind() -> None:
    kinds = set(re.findall(r"(?m)^\| `(\w+Error)` \|", (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")))
    assert kinds == set(errors.__all__) - {"NeurolectError"}


def test_the_page_is_made_of_rows_of_four_cells() -> None:
    rows = [line for line in SCRIPT["messages_page"]().splitlines() if line.startswith("|")]
    assert len(rows) > 500
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {5}
