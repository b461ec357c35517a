"""Bring metadata values into the kind their field has."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from neurolect.corpus.fields import Field, is_nested, is_null, to_number

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
