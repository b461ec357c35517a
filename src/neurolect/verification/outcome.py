"""What was found of a folder, part by part."""

from pathlib import Path
from typing import NamedTuple

GOOD = "as written"
UNKNOWN = "not recorded"
"""Readable; but the folder is of a version that recorded no check sums, so nothing vouches for the content."""
BAD = ("damaged", "missing")


class Part(NamedTuple):
    """One part of a folder.

    Attributes
    ----------
    name : str
        A file, or ``stage ...``, ``references``.
    state : str
        ``as written``, ``not recorded`` (readable, but nothing says what it was), ``damaged`` or ``missing``; of a
        stage ``current``, ``stale``, ``running``.
    note : str
        What is wrong; empty where nothing is.
    hint : str
        What makes it again; empty where nothing is wrong.
    n_bytes : int
        Size of a file that was read through; 0 of all else.
    """

    name: str
    state: str
    note: str = ""
    hint: str = ""
    n_bytes: int = 0


class Verification(NamedTuple):
    """What was found.

    Attributes
    ----------
    folder : Path
        Which folder.
    kind : str
        Run folder, corpus folder, comparison folder ...
    parts : list of Part
        In order of their names, stages first.
    others : list of str
        Files that lie in the folder and were not looked at, since neurolect reads no numbers from them.
    """

    folder: Path
    kind: str
    parts: list[Part]
    others: list[str]

    @property
    def damaged(self) -> list[Part]:
        """Parts that are damaged or missing."""
        return [part for part in self.parts if part.state in BAD]

    @property
    def unrecorded(self) -> list[Part]:
        """Parts of which only is known that they can be read."""
        return [part for part in self.parts if part.state == UNKNOWN]
