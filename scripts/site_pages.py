"""Pages of the documentation's site that are made from the code: verbs, Python, figures of speed. A hook of MkDocs.

mkdocs build
"""

import importlib
import pkgutil
import re
import runpy
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import typer
from mkdocs.structure.files import File, Files
from notebook_pages import NotebookPage, notebook_page, with_outputs
from typer.main import get_command

import neurolect
from neurolect.cli import app

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
TUTORIALS = ROOT / "docs" / "tutorials"
LATER = ("decisions/", "benchmarks/", "log.md", "robustness.md")
"""Pages that the search gives after the others."""


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
    """Let links to files that are pages here lead to these, and let reasons and records be found last."""
    if page.file.src_uri.startswith(LATER):
        page.meta["search"] = {"boost": 0.3}
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
    yield "reference/messages.md", runpy.run_path(str(ROOT / "scripts" / "error_messages.py"))["messages_page"]()
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
