"""Small drawings in block characters: bars of shares, histograms; and numbers short enough for them."""

from typing import Any, NamedTuple

import numpy as np

EIGHTHS = "\u258f\u258e\u258d\u258c\u258b\u258a\u2589\u2588"  # left blocks, one eighth to full
HEIGHTS = "\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588"  # lower blocks
MARK, EMPTY = "\u2502", "\u00b7"


class Histogram(NamedTuple):
    """A drawn histogram."""

    blocks: str
    """One character a column."""

    low: int
    """The bottom list lies in the columns before this one."""

    high: int
    """The top list lies in this column and those after it."""


def number(value: float | None) -> str:
    """Write a number in at most five characters or so, with a true minus sign.

    Returns: Two or three significant digits; a dash for None.

    Examples
    --------
    >>> [number(each) for each in (0.01234, 1.5, 33.333, 1234.5, 0.0, None)]
    ['0.012', '1.5', '33', '1,234', '0', '\u2013']
    """
    if value is None:
        return "\u2013"
    size = abs(value)
    if size >= 9.95:
        text = f"{value:,.0f}"
    elif size == 0 or size >= 0.0005:
        text = f"{value:.{1 if size >= 1 else 3 if size < 0.1 else 2}f}"
        text = "0" if size == 0 else text
    else:
        text = f"{value:.0e}"
    return text.replace("-", "\u2212", 1) if value < 0 else text


def percent(share: float | None) -> str:
    """Write a share as a percentage that never rounds something to nothing.

    Examples
    --------
    >>> [percent(each) for each in (0.234, 0.0141, 0.0002, 0.0, 1.0)]
    ['23%', '1.4%', '<.1%', '0%', '100%']
    """
    if share is None:
        return "\u2013"
    if 0 < share < 0.0005:
        return "<.1%"
    return f"{share:.1%}" if 0 < share < 0.0995 else f"{share:.0%}"


def share_bar(share: float, background: float, *, width: int) -> list[tuple[str, str]]:
    """Draw a share as a bar, with a mark at the background's share.

    Returns: list of (str, str). One pair a character: what to draw, and ``list``, ``mark`` or ``empty``.

    Examples
    --------
    >>> "".join(cell for cell, _ in share_bar(0.5, 0.8, width=10)).count(MARK)
    1
    """
    eighths = round(min(max(share, 0.0), 1.0) * width * 8)
    if share > 0:
        eighths = max(eighths, 1)
    full, rest = divmod(eighths, 8)
    cells = [(EIGHTHS[-1], "list")] * full + ([(EIGHTHS[rest - 1], "list")] if rest else [])
    cells += [(EMPTY, "empty")] * (width - len(cells))
    mark = min(width - 1, int(min(max(background, 0.0), 1.0) * width))
    cells[mark] = (MARK, "mark")
    return cells


def histogram(data: dict[str, Any], *, width: int, marks: list[float]) -> Histogram:
    """Draw a histogram of activations, on a square-root scale since the ends are what matters.

    ``marks``: Activations where the lists begin: below the median the bottom list's, above it the top list's.
    Returns: The drawing and the columns of the lists.
    """
    counts = np.asarray(data["counts"], dtype=np.float64)
    seen = np.flatnonzero(counts)
    if not len(seen):
        return Histogram("", 0, 0)
    first, last = int(seen[0]), int(seen[-1]) + 1
    edges = np.linspace(first, last, width + 1)
    running = np.concatenate([[0.0], np.cumsum(counts)])
    columns = np.diff(np.interp(edges, np.arange(len(running)), running))
    heights = np.ceil(np.sqrt(columns / columns.max()) * 8).astype(int)
    blocks = "".join(HEIGHTS[height - 1] if height else " " for height in heights)
    values = data["low"] + edges * data["width"]
    middle = values[np.searchsorted(np.cumsum(columns), counts.sum() / 2)]
    low, high = 0, width
    for mark in marks:
        column = int(np.clip(np.searchsorted(values, mark, side="right") - 1, 0, width - 1))
        if mark < middle:
            low = column + 1
        else:
            high = column
    return Histogram(blocks, low, high)
