"""Documents of a corpus with a label from their metadata: texts to train on, sentences to measure on."""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from typing import NamedTuple

import pyarrow as pa

from neurolect.corpus import Corpus
from neurolect.corpus.corpus import Part
from neurolect.errors import OptionError, nearest

LABELLED = pa.schema([("document_id", pa.int64()), ("text", pa.string()), ("label", pa.string())])
_POLES = (r"(?i)pos(itive)?", r"(?i)neg(ative)?")
_MOST_CHARACTERS = 4_000  # more than fine-tuning reads of a text


class _Document(NamedTuple):
    label: str
    parts: list[str]


def choose_field(corpus: Corpus, asked: str | None, *, usual: Sequence[str]) -> str | None:
    """Find the metadata field of a label.

    ``usual``: Names looked for when nothing is named, best first.
    Returns: None where nothing was named and none of the usual ones is there.
    """
    kinds = {each["name"]: each["kind"] for each in corpus.fields}
    if asked is None:
        return next((name for name in usual if kinds.get(name) == "category"), None)
    if kinds.get(asked) != "category":
        has = "holds numbers" if asked in kinds else "is not there"
        names = [name for name, kind in kinds.items() if kind == "category"]
        what = f"The metadata field {asked!r} of {corpus.location} {has}."
        expected = f"one of {', '.join(map(repr, names))}" if names else "a corpus with metadata: this one has none"
        raise OptionError(what, expected=expected, hint=f"the nearest: {nearest(asked, names)}" if names else None)
    return asked


def polarity_values(values: Collection[str]) -> list[str] | None:
    """Find the two poles among a field's values.

    Examples
    --------
    >>> polarity_values(["negative", "neutral", "Positive"])
    ['Positive', 'negative']
    """
    found = [next((value for value in sorted(values) if re.fullmatch(pole, value)), None) for pole in _POLES]
    poles = [value for value in found if value is not None]
    return poles if len(poles) == len(_POLES) else None


def labelled_documents(
    corpus: Corpus, field: str, *, part: Part, values: Collection[str] | None = None
) -> pa.Table:
    """Put the sentences of labelled documents together again.

    Returns: ``document_id``, ``text`` (its first 4,000 characters), ``label``; in the order of documents.
    """
    documents: dict[int, _Document] = {}
    for batch in corpus.batches(part=part, columns=["document_id", "text", field]):
        columns = (batch.column(name).to_pylist() for name in ("document_id", "text", field))
        for document, text, label in zip(*columns, strict=True):
            if label is not None and (values is None or label in values):
                documents.setdefault(document, _Document(str(label), [])).parts.append(text)
    rows = [
        {"document_id": number, "text": " ".join(each.parts)[:_MOST_CHARACTERS], "label": each.label}
        for number, each in documents.items()
    ]
    return pa.Table.from_pylist(rows, schema=LABELLED)


def sentences_of(corpus: Corpus, field: str, *, part: Part, documents: Collection[int] | None) -> pa.Table:
    """List sentences of documents, or of those without a label.

    ``documents``: Their numbers; when not given the documents whose field is empty.
    Returns: ``document_id``, ``text``, ``label``, a row for each sentence; in the order of the corpus.
    """
    numbers: list[int] = []
    texts: list[str] = []
    labels: list[str | None] = []
    for batch in corpus.batches(part=part, columns=["document_id", "text", field]):
        columns = (batch.column(name).to_pylist() for name in ("document_id", "text", field))
        for document, text, label in zip(*columns, strict=True):
            if (label is None) if documents is None else (document in documents):
                numbers.append(document)
                texts.append(text)
                labels.append(label)
    return pa.table([numbers, texts, labels], schema=LABELLED)


def count_labels(table: pa.Table) -> Counter[str]:
    """Count the documents of each label."""
    return Counter(table.column("label").to_pylist())
