"""Write docs/options.md: every option of every stage with its type, default and meaning, from the code itself.

python scripts/write_options_page.py
"""

import ast
import dataclasses
import inspect
import textwrap
from itertools import pairwise
from pathlib import Path

from neurolect.config import RunConfig
from neurolect.ranges import hints_of, in_words

PAGE = Path(__file__).parent.parent / "docs" / "options.md"
HEAD = """\
# Options

Every option of every stage. They are given as `--set stage.option=value` or in a TOML file for `--config`, one
table a stage; a run folder's `options.toml` is such a file. Lists are written `a,b` after `--set` and `["a", "b"]`
in TOML; `--set stage.option=none` and a line left out of the file stand for "not set".

This page is written by `python scripts/write_options_page.py`.
"""


def field_texts(options_class: type) -> dict[str, str]:
    """Read the text of each field from the source of an options class."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(options_class)))
    body = next(node for node in tree.body if isinstance(node, ast.ClassDef)).body
    texts = {}
    for node, after in pairwise(body):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            text = ast.literal_eval(after.value) if isinstance(after, ast.Expr) else ""
            texts[node.target.id] = " ".join(inspect.cleandoc(text).split())
    return texts


def value(default: object) -> str:
    """Write a default as it is given."""
    if default is None:
        return "not set"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, tuple):
        return f"`{','.join(map(str, default))}`"
    return f"`{default}`"


def options_page() -> str:
    """Compose the page."""
    parts = [HEAD]
    for stage in dataclasses.fields(RunConfig):
        options = getattr(RunConfig(), stage.name)
        parts.append(f"## {stage.name}\n\n| option | values | default | meaning |\n|---|---|---|---|")
        texts = field_texts(type(options))
        hints = hints_of(type(options))
        for field in dataclasses.fields(options):
            values = in_words(hints[field.name]).replace("|", "\\|")
            text = texts[field.name].replace("``", "`").replace("|", "\\|")
            default = value(getattr(options, field.name))
            parts.append(f"| `{stage.name}.{field.name}` | {values} | {default} | {text} |")
        parts.append("")
    return "\n".join(parts).rstrip() + "\n"


if __name__ == "__main__":
    PAGE.write_text(options_page(), encoding="utf-8")
