"""What the examples print and read: tables in Markdown, means with intervals, texts of a corpus by class."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from neurolect.corpus import open_corpus


def table(rows: Sequence[Mapping[str, object]]) -> str:
    """Write rows as a table in Markdown; columns are in the order of the first row."""
    names = list(rows[0])
    lines = [names, ["---"] * len(names), *([_text(row.get(name)) for name in names] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _text(value: object) -> str:
    return "" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)


def mean(values: ArrayLike, *, digits: int = 2) -> str:
    """Give the mean of values, and between which it is in 95 % of 1,000 resamples of them."""
    own = np.asarray(values, np.float64)
    own = own[np.isfinite(own)]
    if not len(own):
        return "-"
    drawn = own[np.random.default_rng(0).integers(0, len(own), (1_000, len(own)))].mean(1)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return f"{own.mean():.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def texts_by_class(corpus: str, label: str, *, part: str, n: int, least: int = 5) -> dict[str, list[str]]:
    """Draw n sentences of every class of a corpus's column that has so many; a part is mining or held_out."""
    opened = open_corpus(corpus)
    read = opened.take(opened.sentence_ids(part), columns=["text", label])
    found: dict[str, list[str]] = {}
    for text, value in zip(*(read.column(name).to_pylist() for name in ("text", label)), strict=True):
        if value is not None and len(text.split()) >= least:
            found.setdefault(str(value), []).append(text)
    random = np.random.default_rng(0)
    return {
        value: [own[each] for each in random.permutation(len(own))[:n]]
        for value, own in sorted(found.items())
        if len(own) >= n
    }
