"""Texts in the planted model's language: documents to prepare a corpus from, and the labels of every word."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from neurolect.errors import CorpusError
from neurolect.folders.atomic import replacing_folder
from neurolect.folders.parquet import CHECKED
from neurolect.planted.grammar import CLASS_OF, CLASSES, CONCEPTS, document
from neurolect.planted.truth import refuse_taken
from neurolect.ranges import COUNT, SEED, check_ranges

_AT_ONCE = 10_000
"""Sentences in a group of rows."""
_WORDS = pa.list_(pa.string())
SCHEMA = pa.schema(
    [
        *(("document", pa.string()), ("topic", pa.string()), ("tokens", _WORDS), ("word_class", _WORDS)),
        *((name, pa.list_(pa.bool_())) for name in CONCEPTS),
    ]
)
"""Of the labels: a row a sentence; lists have an entry a word, the full stop too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What was asked for."""

    sentences: Annotated[int, COUNT]
    seed: Annotated[int, SEED]


class PlantedCorpus(NamedTuple):
    """Files of texts in the planted model's language."""

    documents: Path
    """JSON lines: ``text``, ``topic`` and ``document``, as ``prepare`` reads them."""

    labels: Path
    """Parquet, a row a sentence: its words, their classes, and for every concept whether it holds of each word."""

    n_sentences: int
    """In both."""


def planted_corpus(out: str | Path, *, sentences: int = 10_000, seed: int = 0) -> PlantedCorpus:
    """Write documents in the planted model's language, and what is true of each of their words.

    Parameters
    ----------
    out : str or Path
        The folder to make.
    sentences : int, >= 1
        How many; a longer corpus of the same seed begins with a shorter one's.
    seed : int, >= 0
        Of all that is random; it need not be the model's.

    Returns
    -------
    PlantedCorpus
        The files.

    Raises
    ------
    OptionError
        If a number is out of its range.
    CorpusError
        If ``out`` cannot be written.
    ModelError
        If ``out`` is taken.
    """
    folder = Path(out)
    check_ranges(_Asked(sentences=sentences, seed=seed), "planted")
    refuse_taken(folder)
    with (
        replacing_folder(folder, error=CorpusError) as fresh,
        (fresh / "documents.jsonl").open("w", encoding="utf-8") as texts,
        pq.ParquetWriter(fresh / "labels.parquet", SCHEMA, compression="zstd", **CHECKED) as labels,
    ):
        rows: list[dict[str, Any]] = []
        for name, topic, made in _documents(sentences, seed=seed):
            text = " ".join(map(_written, made))
            texts.write(json.dumps({"text": text, "topic": topic, "document": name}) + "\n")
            rows += [{"document": name, "topic": topic, **_labelled(each)} for each in made]
            if len(rows) >= _AT_ONCE:
                _write(labels, rows)
        _write(labels, rows)
    return PlantedCorpus(folder / "documents.jsonl", folder / "labels.parquet", sentences)


def _documents(n_sentences: int, *, seed: int) -> Iterator[tuple[str, str, list[list[str]]]]:
    """Give name, topic and sentences of documents; the last one may be cut."""
    left = n_sentences
    for number in count():
        if left == 0:
            return
        topic, made = document(number, seed=seed)
        kept = made[:left]
        left -= len(kept)
        yield f"planted-{number:06d}", topic, kept


def _written(words: Sequence[str]) -> str:
    """Write a sentence as people do.

    Examples
    --------
    >>> _written(["two", "dogs", "sat", "near", "anna", "."])
    'Two dogs sat near Anna.'
    """
    shown = [each.capitalize() if at == 0 or each in CLASSES["name"] else each for at, each in enumerate(words)]
    return " ".join(shown[:-1]) + shown[-1]


def _labelled(words: Sequence[str]) -> dict[str, Any]:
    """Say of every word what it is and which concepts hold."""
    said: dict[str, Any] = {"tokens": list(words), "word_class": [CLASS_OF[each] for each in words]}
    return said | {name: [holds(words, at) for at in range(len(words))] for name, (_, holds) in CONCEPTS.items()}


def _write(labels: pq.ParquetWriter, rows: list[dict[str, Any]]) -> None:
    """Write rows of labels and forget them."""
    if rows:
        labels.write_table(pa.Table.from_pylist(rows, schema=SCHEMA))
        rows.clear()
