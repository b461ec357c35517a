"""What a search found, as a table for the terminal."""

from io import StringIO
from typing import Any, Literal

import pyarrow as pa

from neurolect.views.bars import number, percent

__all__ = ["found_text"]

TITLES = ("neuron", "side", "evidence", "in list", "usual", "lift", "z", "its name")


def found_text(found: pa.Table, *, width: int = 100) -> str:
    """Lay the neurons that a search found out as text.

    Parameters
    ----------
    found : pyarrow.Table
        What :func:`neurolect.finding.find` gives.
    width : int
        Columns.

    Returns
    -------
    str
        Lines that end in a newline; best first.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    rows = [_cells(row) for row in found.to_pylist()]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, width=width)
    for number_of_column, title in enumerate(TITLES):
        longest = max([len(title), *(len(row[number_of_column]) for row in rows)])
        # all but the name are shown whole, as far as that is sensible; the name takes what is left
        fixed = None if title == TITLES[-1] else min(longest, 24)
        justify: Literal["left", "right"] = "right" if title in ("in list", "usual", "lift", "z") else "left"
        table.add_column(
            title, justify=justify, min_width=fixed, max_width=fixed, no_wrap=True, overflow="ellipsis"
        )
    for row in rows:
        # plain strings would be read as markup
        table.add_row(*(Text(cell) for cell in row))
    out = StringIO()
    Console(file=out, width=width, color_system=None, highlight=False).print(table)
    return "\n".join(line.rstrip() for line in out.getvalue().strip("\n").splitlines()) + "\n"


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    """Write the cells of one neuron."""
    scores = (percent(row["share_list"]), percent(row["share_background"]), number(row["lift"]))
    return (row["address"], row["side"], row["evidence"], *scores, number(row["log_odds_z"]), row["name"] or "")
