"""Read sources as documents: text and metadata, in bounded memory."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from neurolect.corpus.options import PrepareOptions
from neurolect.corpus.reading.fields import (
    Field,
    Survey,
    choose_fields,
    find_text_column,
    is_nested,
    is_null,
    survey_rows,
    to_number,
)
from neurolect.corpus.reading.rows import RowReader
from neurolect.corpus.reading.sources import Source
from neurolect.errors import CorpusError

# Bring metadata values into the kind their field has.
Values = tuple[str | float | None, ...]
MAX_CHARACTERS = 500
SPACES = re.compile(r"\s+")
UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def fit_metadata(row: Mapping[str, object], *, fields: Sequence[Field], misfits: Counter[str]) -> Values:
    """Take one document's metadata from its row.

    ``misfits``: Field name to values that did not fit and became null; counted on.
    Returns: One value a field: a string for a category, a float for a number.

    Examples
    --------
    >>> fields = [Field("year", "year", "number"), Field("author", "author", "category")]
    >>> fit_metadata({"year": "1813", "author": "Jane  Austen"}, fields=fields, misfits=Counter())
    (1813.0, 'Jane Austen')
    """
    return tuple(_fit(row.get(field.column), field, misfits) for field in fields)


def _fit(value: object, field: Field, misfits: Counter[str]) -> str | float | None:
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
    text = SPACES.sub(" ", UNPRINTABLE.sub(" ", text)).strip()
    return text[:MAX_CHARACTERS] or None


# Rows looked at to decide about columns: a thousand a source, less where there are very many sources.
SURVEY_ROWS = 1000
SURVEY_TOTAL = 20_000


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
        self.n_documents = [0] * len(self._sources)
        self.n_without_text = 0
        n_rows = max(10, min(SURVEY_ROWS, SURVEY_TOTAL // max(1, len(self._sources))))
        surveys = [self._survey(source, options, n_rows) for source in self._sources]
        self.fields: list[Field]
        self.fields, self.notices = choose_fields(surveys, wanted=options.metadata_columns)
        # The survey's own troubles are met again in the reading proper.
        self._reader = RowReader(options)

    def _survey(self, source: Source, options: PrepareOptions, n_rows: int) -> tuple[str, dict[str, Survey]]:
        rows = self._reader.first_rows(source, n_rows=n_rows)
        surveys = survey_rows(rows, numbers_in_text=source.format == "csv")
        text_column = "text"
        if source.format != "text" and surveys:
            text_column = find_text_column(surveys, source=source.name, wanted=options.text_column)
        self._text_columns.append(text_column)
        return text_column, surveys

    def documents(self) -> Iterator[Document]:
        """Yield all documents in order."""
        for number, (source, column) in enumerate(zip(self._sources, self._text_columns, strict=True)):
            for row in self._reader.rows(source):
                text = row.get(column)
                if not isinstance(text, str) or not text.strip():
                    self.n_without_text += 1
                    continue
                self.n_documents[number] += 1
                yield Document(text, fit_metadata(row, fields=self.fields, misfits=self._misfits))
        if not any(self.n_documents):
            raise self._empty()

    def _empty(self) -> CorpusError:
        names = [source.name for source in self._sources]
        listed = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        what = f"The corpus is empty: there is no document with text in {listed}."
        if self.n_without_text:
            columns = ", ".join(sorted({repr(column) for column in self._text_columns}))
            what += f" The text column ({columns}) is empty in all {self.n_without_text:,} rows."
            return CorpusError(what, hint="Name another: --set prepare.text_column=NAME")
        return CorpusError(what, expected="files with text in them", hint="Check the sources.")

    def counts(self) -> dict[str, int]:
        """Count what was skipped or replaced so far."""
        return {
            "documents_without_text": self.n_without_text,
            "broken_lines": self._reader.n_broken,
            "replaced_characters": self._reader.n_replaced,
        }

    def misfits(self) -> dict[str, int]:
        """Count metadata values of another type than their field, by field, so far."""
        return dict(sorted(self._misfits.items()))
