"""Foreign text for a terminal: what would move its cursor or turn its lines is spelled out."""

import json
import math
import re
import shlex
from collections.abc import Iterator
from typing import Any

from neurolect.errors import RunFolderError

_UNSAFE = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters but tab and line feed: escape sequences begin with one
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks, embeddings, overrides and isolates of direction
    "\u2028\u2029\ufeff\ufff9-\ufffb"  # separators that some terminals break lines at, marks without a width
    "\ud800-\udfff\U000e0000-\U000e007f"  # half a character, which no terminal can be sent; invisible tags
    "]"
)


def visible(text: str) -> str:
    r"""Spell out the characters of a text that a terminal would act on; line feeds and tabs stay.

    Examples
    --------
    >>> visible("a\x1b[31mb")
    'a\\x1b[31mb'
    >>> visible("abc") is visible("abc")
    True
    """
    return _UNSAFE.sub(_spelled, text)


def as_long(text: str) -> str:
    r"""Put one mark in place of each such character, so that places in the text stay what they are.

    Examples
    --------
    >>> len(as_long("a\x1b[31mb"))
    7
    """
    return _UNSAFE.sub("\ufffd", text)


def one_line(text: str) -> str:
    r"""Spell out line feeds and tabs as well, for what is shown within a line: a name, a value, a cell.

    Examples
    --------
    >>> one_line("two\nlines")
    'two\\nlines'
    """
    return visible(text.replace("\n", "\\n").replace("\t", "\\t"))


def harmless_values(value: Any) -> Any:  # noqa: ANN401 - anything that JSON has
    """Put marks in place of such characters in every text of nested lists and dicts, keys too."""
    if isinstance(value, str):
        return as_long(value)
    if isinstance(value, dict):
        return {harmless_values(key): harmless_values(each) for key, each in value.items()}
    return [harmless_values(each) for each in value] if isinstance(value, list | tuple) else value


def escaped_json(text: str) -> str:
    """Escape the same characters in JSON that is written already: it stays the same JSON."""
    return _UNSAFE.sub(_json_escape, text)


def strict_json(value: Any, **how: Any) -> str:  # noqa: ANN401 - anything that JSON has
    """Write JSON, which has no NaN and no infinity: what neurolect writes has none where there is a number.

    ``how``: As of ``json.dumps``.
    """
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, **how)
    except ValueError as error:
        place, number = next(_not_finite(value))
        what = f"The number at {place} is {number}: a file that it was read from is not as neurolect wrote it."
        hint = "neurolect verify FOLDER says which files were changed; copy the folder again, or make it again."
        raise RunFolderError(what, expected="a finite number, or none", hint=hint) from error


def _not_finite(value: Any, place: str = "") -> Iterator[tuple[str, float]]:  # noqa: ANN401
    """Find numbers that JSON has not, and the names and places that lead to them."""
    if isinstance(value, float) and not math.isfinite(value):
        yield one_line(place) or "the top", value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _not_finite(each, f"{place}.{key}".lstrip("."))
    elif isinstance(value, list | tuple):
        for number, each in enumerate(value):
            yield from _not_finite(each, f"{place}.{number}".lstrip("."))


def _spelled(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _json_escape(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at] << 8 | units[at + 1]:04x}" for at in range(0, len(units), 2))


def quoted(path: object) -> str:
    """Write a path as a shell reads it."""
    return shlex.quote(str(path))
