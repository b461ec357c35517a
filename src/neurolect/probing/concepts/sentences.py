"""Read labelled data as sentences: words with their columns, fields, documents."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurolect.corpus.options import PrepareOptions
from neurolect.corpus.reading.fields import find_text_column, survey_rows
from neurolect.corpus.reading.rows import Row, RowReader
from neurolect.corpus.reading.sources import Source, find_sources, shown
from neurolect.corpus.sampling import sampling_order
from neurolect.corpus.sentences.words import split_words, word_spans
from neurolect.errors import ProbingError, nearest
from neurolect.probing.concepts.options import ActivationsOptions

WORDS_COLUMNS = ("tokens", "words", "form")
DOCUMENT_COLUMNS = ("document", "document_id", "doc_id", "file")
SOURCE = "source"
"""The field that has the name of the file."""
_SURVEY = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentences:
    """Labelled data, sentence by sentence."""

    texts: list[str]
    """What the model reads."""
    words: list[list[str]]
    spans: list[list[tuple[int, int]]]
    """Characters of each word in its text."""
    columns: dict[str, list[list[object]]]
    """Of words; of a sentence without the column, an empty list."""
    fields: dict[str, list[object]]
    """Of sentences; None where one has no value."""
    documents: NDArray[np.int64]
    """Document of each sentence, from 0; none shares a number where no document is known."""
    names: list[str]
    """What messages call a sentence."""
    skipped: dict[str, str]
    """Sentences that cannot be used, by name, and why."""
    notices: list[str]
    has_documents: bool

    def __len__(self) -> int:
        return len(self.texts)


def read_sentences(sources: Sequence[str | Path], *, options: ActivationsOptions) -> Sentences:
    """Read files of words with columns, or of texts."""
    return _Collected(options).read(find_sources(list(sources)))


class _Collected:
    """Sentences as they are read."""

    def __init__(self, options: ActivationsOptions) -> None:
        self._options = options
        self._rows: list[Row] = []
        self._names: list[str] = []
        self._notices: list[str] = []

    def read(self, sources: Sequence[Source]) -> Sentences:
        reader = RowReader(PrepareOptions(skip_broken_lines=True, text_documents="line"), lists=True)
        columns: list[tuple[str | None, str | None]] = []
        for source in sources:
            first = len(self._rows)
            name = shown(Path(source.name).name)
            for number, row in enumerate(reader.rows(source), start=1):
                row[SOURCE] = row.get(SOURCE, name.split(".")[0])
                self._rows.append(row)
                self._names.append(f"{name}, sentence {number:,}" + _id_of(row))
            own = self._rows[first:]
            found = self._columns_of(own[:_SURVEY], source)
            columns += [found] * len(own)
        if reader.n_broken:
            self._notices.append(f"{reader.n_broken:,} broken lines were left out, with their sentences.")
        self._notices += reader.losses.notices()
        if not self._rows:
            what = f"There is no sentence in {', '.join(shown(each.name) for each in sources[:3])}."
            raise ProbingError(what, expected="sentences with labels")
        return self._sentences(columns)

    def _columns_of(self, rows: Sequence[Row], source: Source) -> tuple[str | None, str | None]:
        """Find the columns of the words and of the text."""
        there = {name for row in rows for name, value in row.items() if isinstance(value, list)}
        words = self._options.words_column or next((each for each in WORDS_COLUMNS if each in there), None)
        if self._options.words_column is not None and words not in there:
            what = f"{shown(source.name)} has no column {words!r} of lists (activations.words_column)."
            listed = ", ".join(map(repr, sorted(there))) or "none"
            raise ProbingError(
                what, expected=f"one of {listed}", hint=f"The nearest: {nearest(str(words), there)}."
            )
        if words is not None and self._options.text == "words":
            return words, None
        surveys = survey_rows(
            ({name: value for name, value in row.items() if name != SOURCE} for row in rows),
            numbers_in_text=source.format == "csv",
        )
        if not surveys:
            return words, None
        wanted, option = self._options.text_column, "activations.text_column"
        return words, find_text_column(surveys, source=shown(source.name), wanted=wanted, option=option)

    def _sentences(self, columns: Sequence[tuple[str | None, str | None]]) -> Sentences:
        kept = self._sampled(len(self._rows))
        texts, words, spans, names = [], [], [], []
        rows: list[Row] = []
        skipped: dict[str, str] = {}
        for number in kept:
            made = _words_of(self._rows[number], *columns[number])
            if isinstance(made, str):
                skipped[self._names[number]] = made
                continue
            text, own, where = made
            texts.append(text)
            words.append(own)
            spans.append(where)
            names.append(self._names[number])
            rows.append(self._rows[number])
        of_words, of_sentences = _kinds(rows, {each for pair in columns for each in pair})
        documents, has_documents = self._documents(rows)
        return Sentences(
            texts=texts,
            words=words,
            spans=spans,
            columns={name: [_as_list(row.get(name)) for row in rows] for name in of_words},
            fields={name: [row.get(name) for row in rows] for name in of_sentences},
            documents=documents,
            names=names,
            skipped=skipped,
            notices=self._notices,
            has_documents=has_documents,
        )

    def _sampled(self, n: int) -> list[int]:
        limit = self._options.limit
        if limit is None or limit >= n:
            return list(range(n))
        chosen = sampling_order(np.arange(n), seed=self._options.seed)[:limit]
        return sorted(chosen.tolist())

    def _documents(self, rows: Sequence[Row]) -> tuple[NDArray[np.int64], bool]:
        """Give documents numbers; a sentence of none is one of its own."""
        names: tuple[str, ...] = DOCUMENT_COLUMNS
        wanted = self._options.document_column
        if wanted is not None:
            if not any(wanted in row for row in rows):
                what = f"No sentence has the column {wanted!r} (activations.document_column)."
                raise ProbingError(what, expected="a column of the data")
            names = (wanted,)
        column = next((each for each in names if any(row.get(each) is not None for row in rows)), None)
        numbers: dict[object, int] = {}
        found = [
            numbers.setdefault(("alone", place) if column is None else (row[SOURCE], row.get(column)), len(numbers))
            for place, row in enumerate(rows)
        ]
        return np.array(found, np.int64), column is not None


def _words_of(
    row: Row, words_column: str | None, text_column: str | None
) -> tuple[str, list[str], list[tuple[int, int]]] | str:
    """Give a sentence's text, words and their characters; or why there are none."""
    text = row.get(text_column) if text_column is not None else None
    if words_column is None:
        if not isinstance(text, str) or not text.strip():
            return "no text"
        words = split_words(text)
        return text, words, word_spans(text, words)
    given = row.get(words_column)
    if not isinstance(given, list) or not given:
        return "no words"
    if not all(isinstance(each, str) and each.strip() for each in given):
        return "a word that is empty or no text"
    words = [str(each) for each in given]
    if text_column is None:
        return " ".join(words), words, list(_joined_spans(words))
    found = _in_text(str(text or ""), words)
    return "a word that its text does not have" if found is None else (str(text), words, found)


def _joined_spans(words: Sequence[str]) -> Iterator[tuple[int, int]]:
    at = 0
    for word in words:
        yield at, at + len(word)
        at += len(word) + 1


def _in_text(text: str, words: Sequence[str]) -> list[tuple[int, int]] | None:
    """Find words one after the other, with nothing but white space between them."""
    spans, at = [], 0
    for word in words:
        start = text.find(word, at)
        if start < 0 or text[at:start].strip():
            return None
        at = start + len(word)
        spans.append((start, at))
    return spans


def _kinds(rows: Sequence[Row], used: set[str | None]) -> tuple[list[str], list[str]]:
    """Name the columns of words and those of sentences."""
    of_words: dict[str, None] = {}
    of_sentences: dict[str, None] = {}
    for row in rows:
        for name, value in row.items():
            if name not in used and value is not None:
                (of_words if isinstance(value, list) else of_sentences)[name] = None
    return list(of_words), [name for name in of_sentences if name not in of_words]


def _as_list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _id_of(row: Row) -> str:
    name = row.get("sent_id")
    return f" ({shown(name)})" if isinstance(name, str) else ""
