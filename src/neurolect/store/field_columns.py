"""Where a metadata field is in a table: under its own name, or with underscores where a column has that name."""

import json
from collections.abc import Sequence

import pyarrow as pa

OF_SENTENCES = ("sentence_id", "document_id", "position", "n_in_document", "n_words", "text")
OF_LISTS = ("neuron_id", "rank", "sentence_id", "activation", "token")
_KEY = b"neurolect.fields"


def column_of(field: str) -> str:
    """Name the column of a metadata field in the table of sentences.

    >>> column_of("year"), column_of("text")
    ('year', 'text_')
    """
    return f"{field}_" if field in OF_SENTENCES else field


def join_sentences(rows: pa.Table, sentences: pa.Table, fields: Sequence[str]) -> pa.Table:
    """Put sentences next to the entries of a list.

    ``rows``: Entries, in the order of the sentences.
    ``fields``: The metadata fields of the corpus; where none are given, all further columns are some.
    Returns: All columns; the table knows which of them is which field (:func:`fields_of`).
    """
    columns = {}
    taken = {*OF_LISTS, *OF_SENTENCES, *sentences.column_names}
    for field in fields or [name for name in sentences.column_names if name not in OF_SENTENCES]:
        there = column_of(field)
        name = there
        while name in OF_LISTS or (name != there and name in taken):
            name += "_"
        taken.add(name)
        columns[field] = (there, name)
    for name in OF_SENTENCES[1:]:
        if name in sentences.column_names:
            rows = rows.append_column(name, sentences.column(name))
    for there, name in columns.values():
        rows = rows.append_column(name, sentences.column(there))
    known = {field: name for field, (_, name) in columns.items()}
    return rows.replace_schema_metadata({_KEY: json.dumps(known).encode()})


def fields_of(listed: pa.Table) -> dict[str, str]:
    """Name the column of every metadata field in a list with its sentences.

    Examples
    --------
    >>> fields_of(pa.table({"rank": [0], "text": ["a"], "text_": ["x"], "year": [1811.0]}))
    {'text': 'text_', 'year': 'year'}
    """
    known = (listed.schema.metadata or {}).get(_KEY)
    if known is not None:
        return dict(json.loads(known))
    own = {*OF_LISTS, *OF_SENTENCES}
    names = [name for name in listed.column_names if name not in own]
    return {name[:-1] if name.endswith("_") and name[:-1] in own else name: name for name in names}
