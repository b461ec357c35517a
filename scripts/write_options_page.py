"""Write docs/options.md: every option of every stage with its type, default and meaning, from the code itself.

python scripts/write_options_page.py
"""

from itertools import groupby
from pathlib import Path

from neurolect.config import OptionRow, option_rows

PAGE = Path(__file__).parent.parent / "docs" / "options.md"
HEAD = """\
# Options

Every option of every stage. They are given as `--set stage.option=value` or in a TOML file for `--config`, one
table a stage; a run folder's `options.toml` is such a file. Lists are written `a,b` after `--set` and `["a", "b"]`
in TOML; `--set stage.option=none` and a line left out of the file stand for "not set". `neurolect options` prints
the same: of a stage (`neurolect options collect`), of one option, or of a word (`neurolect options tokenizer`).

This page is written by `python scripts/write_options_page.py`.
"""


def stage_of(row: OptionRow) -> str:
    """Give the stage of an option."""
    return row.name.partition(".")[0]


def options_page() -> str:
    """Compose the page."""
    parts = [HEAD]
    for stage, rows in groupby(option_rows(), key=stage_of):
        parts.append(f"## {stage}\n\n| option | values | default | meaning |\n|---|---|---|---|")
        for row in rows:
            default = row.default if row.default == "not set" else f"`{row.default}`"
            cells = (f"`{row.name}`", row.values.replace("|", "\\|"), default, row.meaning.replace("|", "\\|"))
            parts.append(f"| {' | '.join(cells)} |")
        parts.append("")
    return "\n".join(parts).rstrip() + "\n"


if __name__ == "__main__":
    PAGE.write_text(options_page(), encoding="utf-8")
