"""Every error that neurolect raises on purpose, read from its source: the page of messages and the test of it.

python scripts/error_messages.py
"""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from neurolect import errors

SOURCE = Path(__file__).parent.parent / "src" / "neurolect"
USAGE = "BadParameter"
"""Of typer: the command cannot be read; ends with 2."""
BY_FOLDER = "that of the folder"
"""The class is that of the kind of folder: a corpus, a run ..."""
HEAD = """\
# Messages

Every error that neurolect raises on purpose, by stage, read from its source. What differs is in capitals: search
this page for the words of a message that do not.
`usage` ends with exit code 2, all others with 1.
[When something goes wrong](../errors.md) says what each kind means.
"""


class Message(NamedTuple):
    """One error of the code."""

    where: str
    """File and line."""
    kind: str
    """The class."""
    what: str
    """Empty where its text is not seen here: a test lets none be so."""
    expected: str
    hint: str


def messages() -> list[Message]:
    """Read the errors of all files."""
    return [found for file in sorted(SOURCE.rglob("*.py")) for found in messages_of(file)]


def messages_of(file: Path) -> Iterator[Message]:
    """Yield the errors of a file."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for function in scopes(tree):
        said = assignments(function)
        before: dict[str, int] = {}
        calls = [node for node in own_nodes(function) if isinstance(node, ast.Call) and kind_of(node)]
        for call in sorted(calls, key=lambda each: each.lineno):
            keywords = {each.arg: each.value for each in call.keywords}
            whats = texts_of(call.args[0] if call.args else keywords.get("what"), said, before, call.lineno)
            rest = [texts_of(keywords.get(name), said, before, call.lineno) for name in ("expected", "hint")]
            expected, hint = (" Or: ".join(texts) for texts in rest)
            before |= dict.fromkeys(said, call.lineno)
            where = f"{file.relative_to(SOURCE).as_posix()}:{call.lineno}"
            for what in whats or [""]:
                yield Message(where, kind_of(call), what if " " in what else "", expected, hint)


def scopes(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield the module and every function."""
    yield tree
    yield from (each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))


def own_nodes(scope: ast.AST) -> Iterator[ast.AST]:
    """Yield what is in a function, and not in one inside it."""
    for node in ast.iter_child_nodes(scope):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
            yield from own_nodes(node)


def kind_of(call: ast.Call) -> str:
    """Name the error that a call makes; empty where it makes none."""
    name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
    known = getattr(errors, name, None)
    own = isinstance(known, type) and issubclass(known, errors.NeurolectError) and isinstance(call.func, ast.Name)
    if name in ("error", "kind") and any(each.arg in ("expected", "hint") for each in call.keywords):
        return BY_FOLDER
    return name if own or name == USAGE else ""


def assignments(scope: ast.AST) -> dict[str, list[tuple[int, ast.expr]]]:
    """Gather what names are set to, with lines."""
    said: dict[str, list[tuple[int, ast.expr]]] = {}
    for node in own_nodes(scope):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                pairs = zip(target.elts, node.value.elts, strict=False) if both_tuples(target, node.value) else ()
                for name, value in [(target, node.value), *pairs]:
                    if isinstance(name, ast.Name):
                        said.setdefault(name.id, []).append((node.lineno, value))
    return said


def both_tuples(target: ast.expr, value: ast.expr) -> bool:
    """Say whether several names are set to as many values."""
    return isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)


def texts_of(
    node: ast.expr | None, said: dict[str, list[tuple[int, ast.expr]]], before: dict[str, int], line: int
) -> list[str]:
    """Give the texts that an argument can be: its own, or what its name was set to since the error before."""

    def values_of(name: str) -> list[ast.expr]:
        values = [value for at, value in said.get(name, []) if at <= line]
        return [value for at, value in said.get(name, []) if before.get(name, 0) < at <= line] or values[-1:]

    return list(dict.fromkeys(text for text in alternatives(node, values_of, depth=3) if text)) if node else []


def alternatives(node: ast.expr, values_of: Callable[[str], list[ast.expr]], *, depth: int) -> list[str]:
    """Give the texts that an expression can be; names stand for what they were set to."""

    def within(*nodes: ast.expr) -> list[str]:
        return [text for each in nodes for text in alternatives(each, values_of, depth=depth - 1)]

    if isinstance(node, ast.Name) and depth and (values := values_of(node.id)):
        return within(*values)
    if isinstance(node, ast.IfExp):
        return within(node.body, node.orelse)
    if isinstance(node, ast.BoolOp | ast.Dict):
        return within(*node.values)
    if isinstance(node, ast.Subscript):
        return within(node.value)
    if isinstance(node, ast.BinOp):
        return [left + right for left in within(node.left) for right in within(node.right)]
    if isinstance(node, ast.JoinedStr):
        texts = [""]
        for part in node.values:
            inner = part.value if isinstance(part, ast.FormattedValue) else part
            own = within(inner) if spelled(inner, values_of, depth=depth) else [part_as_text(inner)]
            texts = [text + each for text in texts for each in own]
        return texts
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    return [part_as_text(node)] if isinstance(node, ast.Name | ast.Call | ast.Attribute) else []


def spelled(node: ast.expr, values_of: Callable[[str], list[ast.expr]], *, depth: int) -> bool:
    """Say whether a part of a text is text of the code, and not what users gave."""
    if isinstance(node, ast.Name) and depth:
        values = values_of(node.id)
        return bool(values) and all(spelled(each, values_of, depth=depth - 1) for each in values)
    if isinstance(node, ast.IfExp) and depth:
        return any(spelled(each, values_of, depth=depth - 1) for each in (node.body, node.orelse))
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def part_as_text(part: ast.expr) -> str:
    """Write a part of a string: its own text, or the first name in what is filled in."""
    if isinstance(part, ast.Constant):
        return str(part.value)
    return next(iter(re.findall(r"[A-Za-z]\w*", ast.unparse(part))), "X").upper()


def cell(text: str) -> str:
    """Write a text for a cell of a table."""
    return " ".join(re.sub(r"([|*\[])", r"\\\1", text).split()).replace("<", "&lt;")


def messages_page() -> str:
    """Compose the page of all messages, by stage."""
    stages: dict[str, list[str]] = {}
    for each in messages():
        kind = "usage" if each.kind == USAGE else each.kind
        cells = (each.what, kind, each.expected, each.hint)
        stage = each.where.partition("/")[0].partition(".")[0]
        stages.setdefault(stage, []).append(f"| {' | '.join(map(cell, cells))} |")
    head = "| message | kind | expected | what to do |\n|---|---|---|---|\n"
    parts = [f"## {stage}\n\n{head}" + "\n".join(dict.fromkeys(rows)) for stage, rows in stages.items()]
    return "\n\n".join([HEAD, *parts]) + "\n"


if __name__ == "__main__":
    print(messages_page())
