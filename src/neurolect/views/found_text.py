"""What a search found, as a table for the terminal."""

from io import StringIO

import pyarrow as pa

from neurolect.views.bars import number, percent

__all__ = ["found_text"]


def found_text(found: pa.Table, *, width: int = 100) -> str:
    """Lay the neurons that a search found out as text.

    Parameters
    ----------
    found : pyarrow.Table
        What :func:`neurolect.views.find.find` gives.
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

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=False)
    for title in ("neuron", "side", "evidence"):
        table.add_column(title, no_wrap=True)
    for title in ("in list", "usual", "lift", "z"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("its name", overflow="ellipsis", no_wrap=True)
    for row in found.to_pylist():
        scores = (percent(row["share_list"]), percent(row["share_background"]), number(row["lift"]))
        cells = (row["address"], row["side"], row["evidence"], *scores, number(row["log_odds_z"]), row["name"])
        # plain strings would be read as markup
        table.add_row(*(_cell(cell) for cell in cells))
    out = StringIO()
    Console(file=out, width=width, color_system=None, highlight=False).print(table)
    return "\n".join(line.rstrip() for line in out.getvalue().strip("\n").splitlines()) + "\n"


def _cell(text: str | None) -> str:
    """Make a cell's text safe from being read as markup."""
    from rich.markup import escape

    return escape(text or "")
