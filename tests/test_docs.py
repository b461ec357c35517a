"""What is written is there and true: docstrings, options, glossary, README, commands, decisions."""

import ast
import dataclasses
import importlib
import inspect
import json
import re
import runpy
import shlex
import textwrap
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from numpydoc.validate import validate
from typer.main import get_command

from neurolect.cli import app
from neurolect.config import load_tables
from neurolect.paper.options import PaperConfig
from tests.command_line import split_verb, succeed, verbs

ROOT = Path(__file__).parent.parent
STAGES = (
    *(
        "corpus",
        "model",
        "collector",
        "store",
        "variants",
        "planted",
        "signatures",
        "relations",
        "fidelity",
        "tokens",
        "interventions",
        "naming",
        "paper",
        "views",
        "config",
    ),
    "comparison",
    *("errors", "progress"),
)
# Not every name needs a longer summary, an example or a pointer to others.
LEFT_TO_TASTE = {"ES01", "EX01", "SA01"}
# Fields of a record or of options, and the parameters of an inherited error, are documented where they are defined.
CLASSES_ONLY = {"PR01"}


def public_names() -> Iterator[str]:
    seen = set()
    for stage in STAGES:
        module = importlib.import_module(f"neurolect.{stage}")
        for name in module.__all__:
            value = getattr(module, name)
            if not getattr(value, "__module__", "").startswith("neurolect."):
                continue
            full = f"{value.__module__}.{value.__qualname__}"
            if full not in seen:
                seen.add(full)
                yield full


def complaints(name: str, *, is_class: bool) -> list[str]:
    """Ask numpydoc what is missing."""
    found = validate(name)
    yields = "Yields\n------" in textwrap.dedent(found["docstring"] or "")
    left_out = LEFT_TO_TASTE | (CLASSES_ONLY if is_class else set()) | ({"RT01"} if yields else set())
    return [f"{name}: {code} {text}" for code, text in found["errors"] if code not in left_out]


@pytest.mark.parametrize("name", sorted(public_names()))
def test_public_names_are_documented(name: str) -> None:
    module, _, own = name.rpartition(".")
    value = getattr(importlib.import_module(module), own)
    found = complaints(name, is_class=inspect.isclass(value))
    if inspect.isclass(value) and stage_of(module) not in ("errors", "progress"):
        for member, each in vars(value).items():
            if not member.startswith("_") and inspect.isfunction(each):
                found += complaints(f"{name}.{member}", is_class=False)
        found += [f"{name}.{field} has no text" for field in fields_without_text(value)]
    assert not found, "\n".join(found)


def stage_of(module: str) -> str:
    return module.split(".")[1]


def fields_without_text(record: type) -> list[str]:
    """Name the fields of a dataclass or NamedTuple that no docstring speaks of."""
    fields = getattr(record, "_fields", ()) or [
        each.name for each in (dataclasses.fields(record) if dataclasses.is_dataclass(record) else ()) if each.init
    ]
    body = next(node for node in ast.parse(inspect.getsource(record)).body if isinstance(node, ast.ClassDef)).body
    spoken = {
        node.target.id
        for node, after in pairwise(body)
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and isinstance(after, ast.Expr)
    }
    text = inspect.getdoc(record) or ""
    return [name for name in fields if name not in spoken and not re.search(rf"(?m)^{name}\b.* : ", text)]


def test_the_options_page_is_current() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "write_options_page.py"))
    hint = "run: python scripts/write_options_page.py"
    assert (ROOT / "docs" / "options.md").read_text(encoding="utf-8") == script["options_page"](), hint


def test_glossary_is_alphabetical_and_says_each_term_once() -> None:
    terms = re.findall(r"(?m)^\| \*\*(.+?)\*\*", (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8"))
    assert len(terms) > 40
    assert terms == sorted(set(terms), key=lambda term: term.lower().replace("-", " "))


def pages() -> Iterator[str]:
    """Give the text of the README, of every document, and of the notebooks' text."""
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))):
        yield page.read_text(encoding="utf-8")
    for notebook in sorted((ROOT / "docs").rglob("*.ipynb")):
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        yield "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")


def command_lines() -> list[list[str]]:
    """Find every `neurolect ...` line of the README, the documents and the notebooks."""
    lines = []
    for text in pages():
        joined = text.replace("\\\n", " ")
        for line in re.findall(r"(?m)^ {4}(?:.* && )?(neurolect [^#\n]+)", joined):
            lines += [shlex.split(each) for each in line.split(" && ") if each.startswith("neurolect ")]
        for line in re.findall(r"(?m)^ {4}python -c .* main\(\)\" ([^#\n]+)", joined):
            lines.append(["neurolect", *shlex.split(line)])
    return lines


def mentions() -> list[list[str]]:
    """Find every `neurolect VERB ...` within the text."""
    found = {line for text in pages() for line in re.findall(r"`neurolect ([a-z][^`\n]*)`", text)}
    return [shlex.split(line) for line in sorted(found)]


def parsed(name: str, given: list[str]) -> None:
    """Have the command line itself read what a verb is given; nothing is done."""
    root: Any = get_command(app)
    context = root.make_context("neurolect", [*name.split(), *given])
    verb: Any = root
    words = list(context._protected_args) + context.args
    while hasattr(verb, "commands"):
        verb, words = verb.commands[words[0]], words[1:]
    verb.make_context(name, words)


@pytest.mark.parametrize("line", command_lines(), ids=" ".join)
def test_commands_of_the_documents_parse(line: list[str]) -> None:
    """Every verb, option and setting exists; places in capitals stand for the user's own."""
    verb, given = split_verb(line[1:])
    assert verb in verbs()
    parsed(verb, given)
    settings = [value for option, value in pairwise(given) if option in ("--set", "--sae")]
    load_tables(PaperConfig, settings=settings)


@pytest.mark.parametrize("words", mentions(), ids=" ".join)
def test_commands_that_the_text_mentions_exist(words: list[str]) -> None:
    verb, given = split_verb(words)
    if words[0].isupper():
        return
    assert verb in verbs() or verb in {each.name for each in app.registered_groups}
    usage = succeed(*verb.split(), "--help")
    for option in (each.partition("=")[0] for each in given if each.startswith("--")):
        assert option in usage, option


def test_every_verb_and_option_of_the_command_line_has_help() -> None:
    shown_verbs = {split_verb(line[1:])[0] for line in command_lines()}
    for name in verbs():
        assert name in shown_verbs, f"no document shows: neurolect {name} ..."
        lines = succeed(*name.split(), "--help").splitlines()
        for number, line in enumerate(lines):
            if re.match(r"  --\w", line):
                shown = line + (lines[number + 1] if number + 1 < len(lines) else "")
                form = r"  --[\w-]+(?:, --[\w-]+)*(?: (?:<[^>]+>|\[[^\]]+\]|[A-Z=]+(?: RANGE)?))?\s{2,}\S"
                assert re.search(form, shown), line


def test_a_verb_says_what_it_does_in_one_line_of_80_columns() -> None:
    for verb in verbs().values():
        first = str(verb.__doc__ or "").strip().splitlines()[0]
        assert first.endswith("."), first
        assert len(first) <= 60, first


def test_the_changelog_is_four_sections_of_one_line_entries() -> None:
    sections = {"### Added", "### Changed", "### Fixed", "### Performance"}
    lines = [line for line in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").splitlines() if line]
    assert lines[0] == "# Changelog"
    for line in lines[1:]:
        heading = line in sections or re.fullmatch(r"## (Unreleased|\d+\.\d+\.\d+.*)", line)
        assert heading or (line.startswith("- ") and len(line) <= 120), line


def test_decisions_have_one_number_one_form_and_a_line_in_the_index() -> None:
    folder = ROOT / "docs" / "decisions"
    pages = sorted(folder.glob("[0-9]*.md"))
    assert {page.name for page in folder.iterdir()} == {"README.md", *(page.name for page in pages)}
    numbers, lines = [], []
    for page in pages:
        text = page.read_text(encoding="utf-8")
        heading = re.match(r"# ([1-9]\d*)\. (.+[^.\s])\n\n", text)
        assert heading, f"{page.name} begins with: {text.splitlines()[0]}"
        number, title = heading.groups()
        assert page.name.startswith(f"{int(number):04d}-"), f"{page.name} is headed {number}"
        assert "\n**Context.** " in text, page.name
        assert re.search(r"\n\*\*Choice[^*]*\.\*\* ", text), page.name
        assert "\n**What would change it.** " in text or "\n**Replaced** by [" in text, page.name
        numbers.append(number)
        lines.append(f"- {number}. [{title}]({page.name})")
    assert len(set(numbers)) == len(numbers), numbers
    index = (folder / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"(?m)^- .*$", index) == lines
