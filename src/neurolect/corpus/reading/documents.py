"""Read sources as documents: text and metadata, in bounded memory."""

import re
from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.corpus.options import PrepareOptions
from neurolect.corpus.reading.fields import (
    Field,
    Survey,
    choose_fields,
    empty_columns,
    find_text_column,
    is_nested,
    is_null,
    survey_further,
    survey_rows,
    to_number,
)
from neurolect.corpus.reading.rows import RowReader
from neurolect.corpus.reading.sources import Source, shown
from neurolect.errors import CorpusError
from neurolect.progress import counted

# Bring metadata values into the kind their field has.
Values = tuple[str | float | None, ...]
MAX_CHARACTERS = 500
SPACES = re.compile(r"\s+")
UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


LOST = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff]")
"""What is left out of a value; other signs of control are spaces."""
CUT, UNSHOWN = "cut", "unshown"


def fit_metadata(
    row: Mapping[str, object],
    *,
    fields: Sequence[Field],
    misfits: Counter[str],
    changed: Counter[tuple[str, str]] | None = None,
) -> Values:
    """Take one document's metadata from its row.

    ``misfits``: Field name to values that did not fit and became null; counted on.
    ``changed``: Field name and ``cut`` or ``unshown`` to values that are not kept whole; counted on.
    Returns: One value a field: a string for a category, a float for a number.

    Examples
    --------
    >>> fields = [Field("year", "year", "number"), Field("author", "author", "category")]
    >>> fit_metadata({"year": "1813", "author": "Jane  Austen"}, fields=fields, misfits=Counter())
    (1813.0, 'Jane Austen')
    """
    changed = Counter() if changed is None else changed
    return tuple(_fit(row.get(field.column), field, misfits, changed) for field in fields)


def _fit(
    value: object, field: Field, misfits: Counter[str], changed: Counter[tuple[str, str]]
) -> str | float | None:
    if is_null(value):
        return None
    if field.kind == "number":
        number = to_number(value)
        if number is None:
            misfits[field.name] += 1
        return number
    if is_nested(value):
        misfits[field.name] += 1
        return None
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if LOST.search(text):
        changed[field.name, UNSHOWN] += 1
    text = SPACES.sub(" ", UNPRINTABLE.sub(" ", text)).strip()
    changed[field.name, CUT] += len(text) > MAX_CHARACTERS
    return text[:MAX_CHARACTERS] or None


def _changed(field: str, how: str, n: int) -> str:
    """Say that values of a field are not kept whole."""
    name = repr(field).replace("{", "{{").replace("}", "}}")
    if how == CUT:
        one = f"{{}} value of the field {name} had more than {MAX_CHARACTERS} characters and was cut."
        return counted(n, one, one.replace("value", "values").replace(" was ", " were "))
    one = f"{{}} value of the field {name} had half characters or signs of control, which were left out."
    return counted(n, one, one.replace("value", "values"))


# Rows looked at to decide about columns: a thousand a source, less where there are very many sources.
SURVEY_ROWS = 1000
SURVEY_TOTAL = 20_000


class Sum(NamedTuple):
    """What was read, and what became of it."""

    read: int
    parts: dict[str, int]


class Document(NamedTuple):
    """One document as read."""

    text: str
    metadata: Values


class DocumentReader:
    """Reads all sources as one stream of documents with the same metadata fields.

    ``n_without_text``: Rows skipped since their text was empty or no text.
    """

    def __init__(self, sources: Sequence[Source], *, options: PrepareOptions) -> None:
        self._sources = list(sources)
        self._reader = RowReader(options)
        self._text_columns: list[str] = []
        self._misfits: Counter[str] = Counter()
        self._changed: Counter[tuple[str, str]] = Counter()
        self.n_documents = [0] * len(self._sources)
        self.n_rows = self.n_characters = 0
        self.n_without_text = self.n_characters_without_text = 0
        self.n_passed_over = self.n_characters_passed_over = 0
        self._sampled: NDArray[np.bool_] | None = None
        n_rows = max(10, min(SURVEY_ROWS, SURVEY_TOTAL // max(1, len(self._sources))))
        surveys = [self._survey(source, options, n_rows) for source in self._sources]
        self._find_named(surveys, options.metadata_columns or ())
        self.fields: list[Field]
        self.fields, self.notices = choose_fields(surveys, wanted=options.metadata_columns)
        self._known = [frozenset(columns) for _, columns in surveys]
        # The survey's own troubles are met again in the reading proper.
        self._reader.losses.restart()

    def _survey(self, source: Source, options: PrepareOptions, n_rows: int) -> tuple[str, dict[str, Survey]]:
        rows = list(self._reader.first_rows(source, n_rows=n_rows))
        numbers_in_text = source.format == "csv"
        surveys = survey_rows(rows, numbers_in_text=numbers_in_text)
        if len(rows) >= n_rows:
            empty = empty_columns(surveys)
            further = self._reader.further_rows(source, n_done=len(rows), empty=empty, n_sources=len(self._sources))
            known = frozenset(surveys) - frozenset(empty)
            survey_further(surveys, further, numbers_in_text=numbers_in_text, known=known)
        text_column = "text"
        if source.format != "text" and surveys:
            text_column = find_text_column(surveys, source=shown(source.name), wanted=options.text_column)
        self._text_columns.append(text_column)
        return text_column, surveys

    def _find_named(self, surveys: Sequence[tuple[str, dict[str, Survey]]], wanted: Sequence[str]) -> None:
        """Look through whole sources for columns that the user named and that were not met yet."""
        missing = {name for name in wanted if not any(name in columns for _, columns in surveys)}
        for source, (_, columns) in zip(self._sources, surveys, strict=True):
            if missing and source.format in ("json", "hub"):
                with_missing = (row for row in self._reader.rows(source) if missing & row.keys())
                only = (
                    {name: row[name] for name in missing & row.keys()} for row in islice(with_missing, SURVEY_ROWS)
                )
                survey_further(columns, only, numbers_in_text=False)

    def sample(self, sampled: NDArray[np.bool_]) -> None:
        """Read only a sample of the documents.

        ``sampled``: bool, shape (number of all documents,). True for those that are read.
        """
        self._sampled = sampled

    def _is_sampled(self) -> bool:
        """Tell whether the next document is read."""
        number = sum(self.n_documents) + self.n_passed_over
        if self._sampled is not None and number >= len(self._sampled):
            what = f"The sources changed while they were read: there were {len(self._sampled):,} documents before."
            raise CorpusError(what, hint="Give the same command again, on files that nobody writes to.")
        return self._sampled is None or bool(self._sampled[number])

    def documents(self) -> Iterator[Document]:
        """Yield all documents, or those of the sample, in order."""
        for number, (source, column) in enumerate(zip(self._sources, self._text_columns, strict=True)):
            known = self._known[number] if source.format in ("json", "hub") else None
            for row in self._reader.rows(source):
                self.n_rows += 1
                if known is not None and not row.keys() <= known:
                    self._count_unknown(row, known)
                text = row.get(column)
                if not isinstance(text, str) or not text.strip():
                    self.n_without_text += 1
                    self.n_characters_without_text += 0 if text is None else len(str(text))
                    continue
                if not self._is_sampled():
                    self.n_passed_over += 1
                    self.n_characters_passed_over += len(text)
                    continue
                self.n_documents[number] += 1
                self.n_characters += len(text)
                values = fit_metadata(row, fields=self.fields, misfits=self._misfits, changed=self._changed)
                yield Document(text, values)
        if not any(self.n_documents):
            raise self._empty()

    def _count_unknown(self, row: Mapping[str, object], known: Container[str]) -> None:
        kept = {field.column for field in self.fields}
        for column, value in row.items():
            if column not in known and column not in kept and not is_null(value):
                self._reader.losses.unknown_column(column)

    def _empty(self) -> CorpusError:
        names = [shown(source.name) for source in self._sources]
        listed = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        what = f"The corpus is empty: there is no document with text in {listed}."
        if self.n_without_text and any(source.format != "text" for source in self._sources):
            columns = ", ".join(sorted({repr(column) for column in self._text_columns}))
            what += f" The text column ({columns}) is empty in all {self.n_without_text:,} rows."
            return CorpusError(what, hint="Name another: --set prepare.text_column=NAME")
        return CorpusError(what, expected="files with text in them", hint="Check the sources.")

    def counts(self) -> dict[str, int]:
        """Count what was skipped or replaced so far."""
        return {
            "documents_without_text": self.n_without_text,
            "broken_lines": self._reader.losses.n_broken,
            "rows_with_too_few_values": self._reader.losses.n_short_rows,
            "replaced_characters": self._reader.losses.n_replaced,
        }

    def sums(self) -> tuple[Sum, Sum]:
        """Give what was read so far as rows and as characters: what became documents, and what did not."""
        losses = self._reader.losses
        rows = {"broken": losses.n_broken, "without text": self.n_without_text, "documents": sum(self.n_documents)}
        characters = {
            "broken": losses.n_broken_characters,
            "without text": self.n_characters_without_text,
            "documents": self.n_characters,
        }
        if self._sampled is not None:
            rows["not sampled"] = self.n_passed_over
            characters["not sampled"] = self.n_characters_passed_over
        return Sum(self.n_rows + losses.n_broken, rows), Sum(sum(characters.values()), characters)

    def doubts(self) -> list[str]:
        """Say what is doubtful about the files, in sentences for people."""
        said = [_changed(field, how, n) for (field, how), n in sorted(self._changed.items()) if n]
        return self._reader.losses.notices() + said

    def readings(self) -> list[str]:
        """Say which column was taken for the text, and what separates the columns of a file."""
        found: dict[tuple[str, str], list[str]] = {}
        for source, column in zip(self._sources, self._text_columns, strict=True):
            if source.format != "text":
                found.setdefault((column, self._reader.separator_of(source)), []).append(shown(source.name))
        lines = []
        for (column, separator), names in found.items():
            others = counted(len(names) - 1, " and {} other file", " and {} other files") if len(names) > 1 else ""
            said = f"; {separator} separate its columns" if separator else ""
            lines.append(f"The text is the column {column!r} of {names[0]}{others}{said}.")
        return lines

    def misfits(self) -> dict[str, int]:
        """Count metadata values of another type than their field, by field, so far."""
        return dict(sorted(self._misfits.items()))
