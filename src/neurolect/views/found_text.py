"""What a search found, as a table for the terminal."""

import unicodedata
from typing import Any

import pyarrow as pa

from neurolect.views.bars import number, percent

TITLES = ("neuron", "side", "evidence", "in list", "usual", "lift", "z", "fidelity", "its name")
NUMBERS = frozenset({"in list", "usual", "lift", "z", "fidelity"})
LONGEST = 32
"""Columns of a cell at most; the name, which comes last, takes what is left."""
GAP, RULE, ELLIPSIS = "  ", "\u2500", "\u2026"


def found_text(found: pa.Table, *, width: int = 100) -> str:
    """Lay the neurons that a search found out as text.

    ``found``: What :func:`neurolect.finding.find` gives.
    Returns: Lines that end in a newline; best first.
    """
    rows = [_cells(row) for row in found.to_pylist()]
    titles = [title for title in TITLES if title in rows[0]] if rows else list(TITLES)
    lines = [{title: title for title in titles}, *rows]
    widths = {title: min(max(cells(line[title]) for line in lines), LONGEST) for title in titles}
    widths[titles[-1]] = max(width - sum(widths[title] + len(GAP) for title in titles[:-1]), 8)
    text = [
        GAP.join(_fit(line[title], widths[title], right=title in NUMBERS) for title in titles) for line in lines
    ]
    text.insert(1, RULE * min(width, max(map(cells, text))))
    return "\n".join(line.rstrip() for line in text) + "\n"


def cells(text: str) -> int:
    r"""Count the columns that a text takes: Chinese and Japanese characters take two, marks above others none.

    Examples
    --------
    >>> cells("ab"), cells("\u6771\u4eac")
    (2, 4)
    """
    wide = sum(unicodedata.east_asian_width(each) in "WF" for each in text)
    return len(text) + wide - sum(unicodedata.combining(each) > 0 for each in text)


def cut(text: str, width: int) -> str:
    r"""Cut a text that is too long, and show that it was cut.

    Examples
    --------
    >>> cut("long sentences", 6) == "long" + "\u2026"
    True
    """
    if cells(text) <= width:
        return text
    while cells(text) > width - 1:
        text = text[:-1]
    return text.rstrip() + ELLIPSIS


def _fit(text: str, width: int, *, right: bool) -> str:
    text = cut(text, width)
    space = " " * (width - cells(text))
    return space + text if right else text + space


def _cells(row: dict[str, Any]) -> dict[str, str]:
    """Write the cells of one neuron."""
    shown = {
        "neuron": row["address"],
        "side": row["side"],
        "evidence": row["evidence"],
        "in list": percent(row["share_list"]),
        "usual": percent(row["share_background"]),
        "lift": number(row["lift"]),
        "z": number(row["log_odds_z"]),
        "its name": row["name"] or "",
    }
    # control characters of a corpus are not for the terminal
    plain = {title: "".join(each if each.isprintable() else " " for each in text) for title, text in shown.items()}
    return plain | ({"fidelity": number(row["fidelity"])} if "fidelity" in row else {})
