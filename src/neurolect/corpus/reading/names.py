"""Make names of columns that every table, view and terminal can hold."""

import re
from collections.abc import Iterable

LONGEST = 100
UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
SPACES = re.compile(r"\s+")


def plain_name(name: object) -> str:
    r"""Leave out of a name what cannot be printed.

    Examples
    --------
    >>> plain_name(" a\tb\x1b[31m ")
    'a b [31m'
    """
    return SPACES.sub(" ", UNPRINTABLE.sub(" ", str(name))).strip()[:LONGEST].strip()


def unique_names(names: Iterable[object]) -> tuple[list[str], str]:
    """Name the columns of a table so that none is empty and none is there twice.

    Returns: names: list of str.
    Returns: changed: str. The names that were made, for people; empty where none was.

    Examples
    --------
    >>> unique_names(["text", "", "text"])
    (['text', 'column_2', 'text_2'], "'column_2', 'text_2'")
    """
    given = [plain_name(name) for name in names]
    found: list[str] = []
    changed: list[str] = []
    for place, name in enumerate(given, start=1):
        new = name or f"column_{place}"
        n = 1
        while new in found or (new != name and new in given):
            n += 1
            new = f"{name or f'column_{place}'}_{n}"
        if new != name:
            changed.append(repr(new))
        found.append(new)
    return found, ", ".join(changed)
