"""The blocks that pages of rankings, probes and comparisons are drawn from: texts, tables, curves, bars, stacks."""

from collections.abc import Mapping, Sequence
from typing import Any

Block = dict[str, Any]


def text(title: str, lines: Sequence[str]) -> Block:
    """Show some lines."""
    return {"kind": "text", "title": title, "lines": list(lines)}


def table(
    title: str,
    columns: Sequence[tuple[str, str, str]],
    rows: Sequence[Mapping[str, Any]],
    *,
    note: str = "",
    run: int | None = None,
) -> Block:
    """Show a table; columns are name, label and type (``number``, ``text``, ``address``), rows by column name."""
    return {
        "kind": "table",
        "title": title,
        "note": note,
        "columns": [dict(zip(("name", "label", "type"), each, strict=True)) for each in columns],
        "rows": [[row.get(name) for name, _, _ in columns] for row in rows],
        "run": run,
    }


def curve(
    label: str,
    x: Sequence[float],
    y: Sequence[float | None],
    *,
    between: tuple[Sequence[float | None], Sequence[float | None]] | None = None,
    is_control: bool = False,
) -> Block:
    """Give one line of a block of curves; ``between``: the lower and upper end of its interval."""
    low, high = (None, None) if between is None else (list(each) for each in between)
    return {"label": label, "x": list(x), "y": list(y), "low": low, "high": high, "is_control": is_control}


def curves(
    title: str,
    made: Sequence[Block],
    *,
    x_label: str,
    y_label: str,
    note: str = "",
    log_x: bool = False,
    lines: Sequence[tuple[str, float]] = (),
) -> Block:
    """Show curves in one figure; ``lines``: levels with a name each."""
    return {
        "kind": "curves",
        "title": title,
        "note": note,
        "x_label": x_label,
        "y_label": y_label,
        "log_x": log_x,
        "curves": list(made),
        "lines": [{"label": label, "y": y} for label, y in lines],
    }


def stack(
    title: str, categories: Sequence[str], rows: Sequence[tuple[str, int, Sequence[float]]], *, note: str = ""
) -> Block:
    """Show shares of categories, a bar a row: label, how many, shares."""
    return {
        "kind": "stack",
        "title": title,
        "note": note,
        "categories": list(categories),
        "rows": [{"label": label, "n": n, "shares": list(shares)} for label, n, shares in rows],
    }
