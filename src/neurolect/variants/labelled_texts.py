"""Read texts with a class each, and part them into texts to train on and texts to check with."""

from collections import Counter
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.corpus.options import PrepareOptions
from neurolect.corpus.reading.fields import find_text_column, is_null, survey_rows
from neurolect.corpus.reading.rows import Row, RowReader
from neurolect.corpus.reading.sources import Source, find_sources
from neurolect.errors import VariantError, nearest
from neurolect.variants.finetune_options import FinetuneOptions

MOST_CLASSES = 200
_SURVEY = 1000


class LabelledTexts(NamedTuple):
    """Different texts with a class each."""

    texts: tuple[str, ...]
    """In the order of the sources; none twice."""

    labels: NDArray[np.int64]
    """Class of each text, from 0."""

    classes: tuple[str, ...]
    """Names of the classes, sorted."""

    notices: tuple[str, ...]
    """What was left out, with counts, for people."""


def read_labelled(sources: Sequence[str | Path], *, options: FinetuneOptions) -> LabelledTexts:
    """Read all texts that have a class.

    ``sources``: Files, folders, globs or ``hf:NAME[:CONFIG][:SPLIT]`` with the columns that ``options`` name.
    Returns: Rows without text or class, texts that came before, and classes of few texts left out and counted.
    """
    found: dict[str, str] = {}
    clashing: set[str] = set()
    counts: Counter[str] = Counter()
    for source in find_sources(list(sources)):
        reader = RowReader(PrepareOptions())
        text_column = _columns(reader, source, options)
        for row in reader.rows(source):
            text, label = row.get(text_column), row.get(options.label)
            if not isinstance(text, str) or not text.strip():
                counts["without text"] += 1
            elif is_null(label):
                counts[f"without {options.label!r}"] += 1
            elif text.strip() in found:
                counts["whose text came before"] += 1
                if found[text.strip()] != _class_name(label):
                    clashing.add(text.strip())
            else:
                found[text.strip()] = _class_name(label)
    for text in clashing:
        del found[text]
    counts["whose text has several classes"] = len(clashing)
    return _with_enough(found, counts, options)


def _columns(reader: RowReader, source: Source, options: FinetuneOptions) -> str:
    """Find the text column of a source; check that the label column is there."""
    rows: list[Row] = list(islice(reader.first_rows(source, n_rows=_SURVEY), _SURVEY))
    surveys = survey_rows(rows, numbers_in_text=source.format == "csv")
    for wanted in (options.text, options.label):
        if wanted is not None and wanted not in surveys:
            what = f"{source.name} has no column {wanted!r}."
            there = ", ".join(map(repr, surveys)) or "none"
            near = nearest(wanted, surveys)
            raise VariantError(what, expected=f"one of its columns: {there}", hint=f"the nearest: {near}")
    rest = {name: each for name, each in surveys.items() if name != options.label}
    return options.text or find_text_column(rest, source=source.name)


def _class_name(label: object) -> str:
    """Name a class; whole numbers are written alike whether a file holds them as 4 or 4.0."""
    if isinstance(label, float) and label.is_integer():
        return str(int(label))
    return str(label).strip()


def _with_enough(found: dict[str, str], counts: Counter[str], options: FinetuneOptions) -> LabelledTexts:
    """Apply the limit and leave out classes of few texts."""
    texts = list(found)
    if options.limit is not None and options.limit < len(texts):
        chosen = np.random.default_rng(options.seed).permutation(len(texts))[: options.limit]
        texts = [texts[number] for number in sorted(chosen.tolist())]
    sizes = Counter(found[text] for text in texts)
    if len(sizes) > MOST_CLASSES:
        what = f"The column {options.label!r} has {len(sizes):,} different values."
        raise VariantError(
            what, expected=f"at most {MOST_CLASSES} classes", hint="is it a number or an identifier?"
        )
    classes = sorted(name for name, size in sizes.items() if size >= options.min_rows)
    if len(classes) < 2:
        raise _too_few(sizes, counts, options)
    small = {name: size for name, size in sizes.items() if size < options.min_rows}
    counts[f"of {len(small)} classes with fewer than {options.min_rows} texts"] = sum(small.values())
    kept = [text for text in texts if found[text] not in small]
    numbers = {name: number for number, name in enumerate(classes)}
    labels = np.array([numbers[found[text]] for text in kept], dtype=np.int64)
    notices = tuple(f"{n:,} rows {why} left out." for why, n in counts.items() if n)
    return LabelledTexts(tuple(kept), labels, tuple(classes), notices)


def _too_few(sizes: Counter[str], counts: Counter[str], options: FinetuneOptions) -> VariantError:
    shown = ", ".join(f"{name!r}: {size:,}" for name, size in sizes.most_common(5)) or "none"
    left = "".join(f" {n:,} rows {why} left out." for why, n in counts.items() if n)
    what = f"There are not two classes to distinguish. Texts by {options.label!r}: {shown}.{left}"
    expected = f"at least two classes of {options.min_rows} different texts or more"
    hint = "give more data, or another label column" if len(sizes) > 1 else "give data of another class too"
    return VariantError(what, expected=expected, hint=hint)


def part_texts(
    labels: NDArray[np.int64], *, validation: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Set a share of every class aside.

    ``labels``: int64, shape (n,). Class of each text.
    Returns: train, validation: int64. Positions, ascending; every one once. Each class of two or more texts is in
        both.
    """
    order = np.random.default_rng([seed, 1]).permutation(len(labels))
    aside = np.zeros(len(labels), dtype=np.bool_)
    for label in np.unique(labels):
        own = order[labels[order] == label]
        n = min(max(1, round(validation * len(own))), len(own) - 1)
        aside[own[:n]] = True
    return np.flatnonzero(~aside), np.flatnonzero(aside)
