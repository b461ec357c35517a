"""Sets of sentences that models are run on anew: a corpus, or a file with a sentence in each row."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from neurolect.collector.sample import uniform_sample
from neurolect.corpus import open_corpus
from neurolect.corpus.corpus import PARTS, Part
from neurolect.corpus.fields import find_text_column, survey_rows
from neurolect.corpus.options import PrepareOptions
from neurolect.corpus.rows import RowReader
from neurolect.corpus.sources import find_sources
from neurolect.errors import CorpusError, OptionError


class SentenceSet(NamedTuple):
    """Sentences under a name."""

    name: str
    texts: tuple[str, ...]


def parse_set(text: str) -> tuple[str, str]:
    """Split ``NAME=SOURCE``.

    >>> parse_set("unseen=corpus:held_out")
    ('unseen', 'corpus:held_out')
    """
    name, equals, source = text.partition("=")
    if not (equals and name.strip() and source.strip()):
        what = f"The sentence set {text!r} cannot be read."
        raise OptionError(what, expected="NAME=SOURCE, e.g. unseen=corpus:held_out or tweets=tweets.csv")
    return name.strip(), source.strip()


def read_set(name: str, source: str, *, limit: int, seed: int) -> SentenceSet:
    """Read a sentence set: at most ``limit`` sentences, a seeded uniform choice, in the order of the source.

    A corpus folder is read for its mining part, or with ``:held_out``, ``:all`` another one; of files, a folder or
    a glob as for ``prepare`` each row (of a text file each line) is one sentence.
    """
    folder, colon, part = source.rpartition(":")
    if not (colon and part in PARTS):
        folder, part = source, "mining"
    texts = (
        _of_corpus(folder, part=_part(part), limit=limit, seed=seed)
        if (Path(folder) / "manifest.json").is_file()
        else _of_files(source, limit=limit, seed=seed)
    )
    if not texts:
        what = f"The sentence set {name!r} is empty: {source} holds no sentence."
        raise CorpusError(what, hint="check the source, and the part of a corpus")
    return SentenceSet(name, tuple(texts))


def _part(name: str) -> Part:
    return "held_out" if name == "held_out" else "all" if name == "all" else "mining"


def _of_corpus(folder: str, *, part: Part, limit: int, seed: int) -> list[str]:
    corpus = open_corpus(folder)
    ids = uniform_sample(corpus.sentence_ids(part), size=limit, seed=seed)
    texts: list[str] = corpus.take(np.sort(ids), columns=["text"]).column("text").to_pylist()
    return texts


def _of_files(source: str, *, limit: int, seed: int) -> list[str]:
    texts = [text.strip() for text in _rows(source) if text.strip()]
    chosen = np.sort(uniform_sample(np.arange(len(texts), dtype=np.int64), size=limit, seed=seed))
    return [texts[number] for number in chosen.tolist()]


def _rows(source: str) -> Iterator[str]:
    for found in find_sources([source]):
        reader = RowReader(PrepareOptions(text_documents="line"))
        surveys = survey_rows(islice(reader.rows(found), 1000), numbers_in_text=found.format == "csv")
        if not surveys:
            continue
        column = "text" if found.format == "text" else find_text_column(surveys, source=found.name)
        for row in reader.rows(found):
            text = row.get(column)
            if isinstance(text, str):
                yield text


def check_names(names: Sequence[str]) -> None:
    """Refuse two sets of one name."""
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        what = f"Two sentence sets are called {twice[0]!r}."
        raise OptionError(what, expected="a name for each")
