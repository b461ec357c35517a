"""Pages of the documentation's site that are made from the code: verbs, Python, figures of speed. A hook of MkDocs.

mkdocs build
"""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import typer
from mkdocs.structure.files import File, Files
from notebook_pages import NotebookPage, notebook_page, with_outputs
from typer.main import get_command

import neurolect
from neurolect import errors
from neurolect.cli import app

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
TUTORIALS = ROOT / "docs" / "tutorials"


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are made."""
    for name, text in made_pages():
        files.append(File.generated(config, name, content=text))
    for figure in sorted(RESULTS.glob("*.png")):
        files.append(File.generated(config, f"benchmarks/{figure.name}", abs_src_path=str(figure)))
    for name, page in notebooks().items():
        files.append(File.generated(config, name, content=page.markdown))
        for picture, data in page.pictures.items():
            files.append(File.generated(config, f"tutorials/{picture}", content=data))
    return files


@cache
def notebooks() -> dict[str, NotebookPage]:
    """Give the pages that are notebooks, by name."""
    return {f"tutorials/{path.stem}.md": notebook_page(path) for path in sorted(TUTORIALS.glob("*.ipynb"))}


def on_page_content(html: str, page: Any, **_: Any) -> str:
    """Put what notebooks draw as HTML where it belongs."""
    notebook = notebooks().get(page.file.src_uri)
    return html if notebook is None else with_outputs(html, notebook.html)


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Let links to files of the repository that are pages here lead to these."""
    up = "../" * page.file.src_uri.count("/")
    return re.sub(r"\]\((?:\.\./)+benchmarks/results/", f"]({up}benchmarks/", markdown)


def on_config(config: Any) -> Any:
    """Put lists of pages where the navigation names a folder."""
    config["nav"] = [filled(each) for each in config["nav"]]
    return config


def filled(entry: Any) -> Any:
    """Replace a folder's name by its pages, its index first."""
    if isinstance(entry, list):
        return [filled(each) for each in entry]
    if isinstance(entry, dict):
        return {name: filled(each) for name, each in entry.items()}
    if entry.endswith(".md"):
        return entry
    pages = [name for name, _ in made_pages() if name.startswith(f"{entry}/")]
    pages += [path.relative_to(ROOT / "docs").as_posix() for path in sorted((ROOT / "docs" / entry).glob("*.md"))]
    return sorted(pages, key=lambda name: (not name.endswith(("index.md", "README.md")), name))


@cache
def made_pages() -> tuple[tuple[str, str], ...]:
    """Give name and text of every page that is made."""
    return tuple(_made_pages())


def _made_pages() -> Iterator[tuple[str, str]]:
    yield "reference/verbs.md", verbs_page()
    yield "reference/messages.md", messages_page()
    yield "reference/python/index.md", python_page("neurolect", neurolect)
    for each in pkgutil.iter_modules(neurolect.__path__):
        module = importlib.import_module(f"neurolect.{each.name}")
        if hasattr(module, "__all__") and each.name not in ("cli", "demo_data"):
            yield f"reference/python/{each.name}.md", python_page(f"neurolect.{each.name}", module)
    for path in sorted(RESULTS.glob("*.md")):
        yield f"benchmarks/{path.name}", path.read_text(encoding="utf-8")


def python_page(name: str, module: Any) -> str:
    """Compose the page of what a stage exports."""
    first = (module.__doc__ or "").strip().splitlines()[0]
    names = "\n\n".join(f"::: {name}.{each}" for each in module.__all__)
    return f"# {name}\n\n{first}\n\n{names}\n"


def verbs_page() -> str:
    """Compose the page of all verbs with their options."""
    head = "What `neurolect VERB --help` prints, all at once. Options of stages have [a page](../options.md)."
    parts = [f"# Verbs\n\n{head}"]
    root: Any = get_command(app)
    for name, verb in root.commands.items():
        own = getattr(verb, "commands", {})
        for title, each in [(name, verb), *((f"{name} {short}", one) for short, one in own.items())]:
            context = typer.Context(each, info_name=f"neurolect {title}")
            parts.append(f"## {title}\n\n```text\n{each.get_help(context)}\n```")
    return "\n\n".join(parts) + "\n"


def messages_page() -> str:
    """Compose the page of all messages of errors, by stage, with what they are filled with as capitals."""
    parts = ["# Messages\n\nEvery error that neurolect raises on purpose, by stage; what differs is in capitals."]
    for folder in sorted((ROOT / "src" / "neurolect").iterdir()):
        files = sorted(folder.rglob("*.py")) if folder.is_dir() else [folder] if folder.suffix == ".py" else []
        rows = [row for path in files for row in messages_of(ast.parse(path.read_text(encoding="utf-8")))]
        if rows:
            parts.append(f"## {folder.stem}\n\n| message | expected | what to do |\n|---|---|---|")
            parts[-1] += "".join(f"\n| {' | '.join(row)} |" for row in dict.fromkeys(rows))
    return "\n\n".join(parts) + "\n"


def messages_of(tree: ast.Module) -> Iterator[tuple[str, str, str]]:
    """Yield message, expectation and hint of each error that a file raises."""
    for function in (each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)):
        said: dict[str, ast.expr] = {}
        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                said[node.targets[0].id] = node.value
        for node in ast.walk(function):
            call = node.exc if isinstance(node, ast.Raise) else None
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and hasattr(errors, call.func.id):
                keywords = {each.arg: each.value for each in call.keywords}
                given = [call.args[0] if call.args else None, keywords.get("expected"), keywords.get("hint")]
                texts = [as_text(said.get(each.id, each) if isinstance(each, ast.Name) else each) for each in given]
                if " " in texts[0]:
                    yield texts[0], texts[1], texts[2]


def as_text(node: ast.expr | None) -> str:
    """Write a string of the code for a cell of a table."""
    if isinstance(node, ast.JoinedStr):
        text = "".join(map(part_as_text, node.values))
    elif isinstance(node, ast.BinOp):
        text = f"{as_text(node.left)}{as_text(node.right)}"
    elif isinstance(node, ast.IfExp):
        text = as_text(node.body) or as_text(node.orelse)
    else:
        text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
    return re.sub(r"([|*\[])", r"\\\1", " ".join(text.split())).replace("<", "&lt;")


def part_as_text(part: ast.expr) -> str:
    """Write a part of a string: its own text, or the first name in what is filled in."""
    if isinstance(part, ast.Constant):
        return str(part.value)
    return next(iter(re.findall(r"[A-Za-z]\w*", ast.unparse(part))), "X").upper()
