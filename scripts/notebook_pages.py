"""Pages of the documentation's site from notebooks, with the outputs that are kept in them."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

LONGEST = 60
"""Lines of one output that are shown."""


class NotebookPage(NamedTuple):
    """A notebook as a page."""

    markdown: str
    """With a mark in place of each output that is HTML."""
    html: dict[str, str]
    """By mark."""
    pictures: dict[str, bytes]
    """By the file's name."""


def notebook_page(path: Path) -> NotebookPage:
    """Read a notebook: its text, its code, and what the code gave when it was last run."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    parts, html, pictures = [], dict[str, str](), dict[str, bytes]()
    for number, cell in enumerate(cells):
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
            continue
        parts.append(f"```python\n{source}\n```")
        for place, data in enumerate(shown_of(cell["outputs"])):
            name = f"{path.stem}-{number}-{place}"
            if "image/png" in data:
                pictures[f"{name}.png"] = base64.b64decode("".join(data["image/png"]))
                parts.append(f"![What the code above draws]({name}.png)")
            elif "text/html" in data:
                html[f"OUTPUT-{name}"] = "".join(data["text/html"])
                parts.append(f"OUTPUT-{name}")
            elif text := "".join(data.get("text/plain", "")).rstrip():
                parts.append(f"``` {{ .text .printed .no-copy }}\n{shortened(text)}\n```")
    parts.insert(1, f"[This page as a notebook]({path.name}), to run it yourself.")
    return NotebookPage("\n\n".join(parts) + "\n", html, pictures)


def shown_of(outputs: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Give what a cell shows, by kind; what it prints is text, warnings are left out."""
    printed: list[str] = []
    for each in outputs:
        if each["output_type"] == "stream":
            printed += each["text"] if each["name"] == "stdout" else []
            continue
        if printed:
            yield {"text/plain": printed}
            printed = []
        yield each.get("data", {})
    if printed:
        yield {"text/plain": printed}


def shortened(text: str) -> str:
    """Cut a text that has very many lines."""
    lines = text.splitlines()
    more = len(lines) - LONGEST
    return text if more <= 0 else "\n".join([*lines[:LONGEST], f"... {more} lines more"])


def with_outputs(content: str, html: dict[str, str]) -> str:
    """Put outputs that are HTML in the place of their marks."""
    for mark, output in html.items():
        content = content.replace(f"<p>{mark}</p>", f'<div class="output">{output}</div>')
    return content
