"""The rules of the house that no linter knows."""

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "src").rglob("*.py"))
FILES = SOURCES + sorted((ROOT / "tests").rglob("*.py"))
BANNED = {"utils", "helpers", "common", "misc", "core", "base"}


def code_lines(text: str) -> int:
    """Count the lines of a file that are neither blank, comment nor docstring."""
    spoken: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            spoken.update(range(node.lineno, (node.end_lineno or 0) + 1))
    lines = enumerate(text.splitlines(), 1)
    return sum(1 for number, line in lines if number not in spoken and line.strip() and line.strip()[0] != "#")


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count the lines of a function after its docstring."""
    body = function.body
    if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant) and len(body) > 1:
        body = body[1:]
    return (body[-1].end_lineno or 0) - body[0].lineno + 1


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def broken(rule: Callable[[Path], Iterator[str]], paths: Iterable[Path]) -> list[str]:
    """Say where a rule is broken; one test a rule, for there are hundreds of files."""
    return [f"{path.relative_to(ROOT)}: {what}" for path in paths for what in rule(path)]


def too_long_or_odd(path: Path) -> Iterator[str]:
    text = path.read_text(encoding="utf-8")
    if not text.isascii():
        yield f"non-ASCII: {re.findall(r'[^ -~]', text.replace(chr(10), ''))[:5]}"
    if text.count("\n") > 400 and code_lines(text) > 400:
        yield f"{code_lines(text)} lines of code"
    if BANNED & {part.removesuffix(".py").strip("_") for part in path.relative_to(ROOT).parts}:
        yield "an uninformative name"
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and body_lines(node) > 50:
            yield f"{node.name} has {body_lines(node)} lines"


def test_files_and_functions_are_short_and_ascii() -> None:
    assert not broken(too_long_or_odd, FILES)


def prints_asserts_or_swallows(path: Path) -> Iterator[str]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Assert):
            yield f"line {node.lineno}: assert"
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in {"print", "eval", "exec"}
        ):
            yield f"line {node.lineno}: {node.func.id}"
        if isinstance(node, ast.ExceptHandler) and (
            node.type is None or (isinstance(node.type, ast.Name) and node.type.id == "Exception")
        ):
            yield f"line {node.lineno}: a broad except"


def test_library_neither_prints_nor_asserts_nor_swallows() -> None:
    assert not broken(prints_asserts_or_swallows, SOURCES)


def test_one_place_starts_and_ends_processes() -> None:
    starts = r"subprocess|get_context\(|ProcessPoolExecutor|os\.(fork|spawn|exec|popen|system)|import tempfile"
    found = [path.name for path in SOURCES if re.search(starts, path.read_text(encoding="utf-8"))]
    assert found == ["atomic.py", "processes.py"]  # the one for its scratch folders


def test_stages_import_one_way() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c(['--no-cache'])"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


ONE_FILE_FACES = {"config.py", "errors.py", "pipeline.py", "progress.py"}


def lists_or_documents_too_much(path: Path) -> Iterator[str]:
    if path.name == "__init__.py" or (path.parent.name == "neurolect" and path.name in ONE_FILE_FACES):
        return
    tree = tree_of(path)
    if "__all__" in [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]:
        yield "only a stage's face lists its names"
    module = ".".join(path.relative_to(ROOT / "src").with_suffix("").parts)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and (module, node.name) not in exported():
            for each in ast.walk(node):
                if isinstance(each, ast.FunctionDef | ast.ClassDef):
                    text = ast.get_docstring(each) or ""
                    if re.search(r"(Parameters|Returns|Yields|Raises)\n---", text):
                        yield f"{each.name}: full numpydoc is for what a face exports"


def test_only_faces_list_names_and_describe_parameters() -> None:
    """A face is a stage's `__init__` or a one-file module on top; what it exports has numpydoc, all else a line."""
    assert not broken(lists_or_documents_too_much, SOURCES)


@cache
def exported() -> set[tuple[str, str]]:
    """Find the names in the faces' `__all__`, each with the module that it is imported from."""
    found = {("neurolect.demo", "run_demo")}  # the verb's function; demo.py is a face of one name
    for path in (ROOT / "src").rglob("__init__.py"):
        tree = tree_of(path)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("neurolect"):
                found |= {(str(node.module), each.name) for each in node.names}
    return found


FOLDERS = sorted({path.parent for path in SOURCES} - {ROOT / "src" / "neurolect" / "demo_data"})


def too_few_or_many_or_said_twice(folder: Path) -> Iterator[str]:
    files = {path.stem for path in folder.glob("*.py")}
    parts = files | {path.parent.name for path in folder.glob("*/__init__.py")}
    if len(parts) < 4 or len(files) > 20:
        yield f"{len(files)} files"
    if folder.name in parts or [part for part in parts if part.startswith(f"{folder.name.removesuffix('s')}_")]:
        yield "a part repeats the folder's name"


def test_folders_hold_four_to_twenty_files_none_named_after_its_folder() -> None:
    assert not broken(too_few_or_many_or_said_twice, FOLDERS)


def imported(path: Path) -> set[Path]:
    """Find the modules of neurolect that a file imports anywhere in it, for types too."""
    found = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("neurolect"):
            folder = ROOT / "src" / Path(*str(node.module).split("."))
            below = {folder / f"{each.name}.py" for each in node.names}
            found |= {each for each in below if each.is_file()} or {
                each for each in (folder.with_suffix(".py"), folder / "__init__.py") if each.is_file()
            }
    return found


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {path: imported(path) for path in SOURCES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        msg = " -> ".join(str(path.relative_to(ROOT)) for path in error.args[1])
        raise AssertionError(msg) from error
