"""Lay out the statistics of a corpus by domain."""

from typing import Any

import pyarrow as pa

from neurolect.views.texts.bars import percent
from neurolect.views.texts.rankings import cells, cut

FIGURES = {
    "n_documents": "documents",
    "n_sentences": "sentences",
    "share": "share",
    "words": "words",
    "tokens": "tokens",
    "noun": "nouns",
    "verb": "verbs",
    "adjective": "adjectives",
}
"""Columns and their heads; those of which nothing is known are left out."""


def domain_rows(table: pa.Table) -> tuple[list[str], list[dict[str, Any]]]:
    """Write heads and rows of the table for people.

    ``table``: From :func:`neurolect.results.corpus_statistics`.
    Returns: heads: list of str. Of the figures.
    Returns: rows: list of dict. ``label``, ``field`` (empty: the whole), ``figures``: list of str.
    """
    names = [name for name in FIGURES if table.column(name).null_count < len(table)]
    rows = []
    for row in table.to_pylist():
        label = "all" if row["field"] is None else "none" if row["value"] is None else row["value"]
        rows.append(
            {"label": label, "field": row["field"] or "", "figures": [_figure(name, row[name]) for name in names]}
        )
    return [FIGURES[name] for name in names], rows


def _figure(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    if name in ("n_documents", "n_sentences"):
        return f"{value:,}"
    return f"{value:.1f}" if name in ("words", "tokens") else percent(value)


def domains_text(table: pa.Table, *, width: int = 100) -> str:
    """Lay the table out for a terminal."""
    heads, rows = domain_rows(table)
    widths = [max(len(head), *(len(row["figures"][at]) for row in rows)) + 2 for at, head in enumerate(heads)]
    room = max(10, min(40, width - sum(widths)))

    def line(label: str, figures: list[str]) -> str:
        label = cut(label, room)
        padded = label + " " * (room - cells(label))
        return padded + "".join(figure.rjust(each) for figure, each in zip(figures, widths, strict=True))

    lines, field = [line("", heads)], ""
    for row in rows:
        if row["field"] != field:
            field = row["field"]
            lines += ["", f"by {field}"]
        lines.append(line(row["label"], row["figures"]))
    lines += ["", "Words and tokens: a sentence, on the mean. Nouns, verbs, adjectives: shares of all words."]
    return "\n".join(lines) + "\n"
