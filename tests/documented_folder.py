"""Compare a real folder with the page that specifies it: every file, every column, every type, both ways.

A heading ``### lists/top.parquet`` is a file; the table below it has its columns. A section that begins with
*Only*, and a column whose meaning does, need not be there. ``| file | type | shape | meaning |`` lists arrays.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

DOCS = Path(__file__).parent.parent / "docs"
NEW_NAMES = {"double": "float64", "float": "float32"}


@dataclass(slots=True, kw_only=True)
class Described:
    """What a page says of a file."""

    only: bool
    types: dict[str, str] = field(default_factory=dict)
    """By column; of an array under ``""``: its types, and its number of dimensions."""
    optional: set[str] = field(default_factory=set)
    open: bool = False
    """It has a column a metadata field."""


def described_files(page: str) -> dict[str, Described]:
    """Read every table and array of a page."""
    text = (DOCS / page).read_text(encoding="utf-8")
    groups = _groups(text)
    found: dict[str, Described] = {}
    for heading, section in re.findall(r"(?ms)^### ([^\n]+\.[^\n]+)\n(.*?)(?=^##|\Z)", text):
        made = Described(only=section.lstrip().startswith("Only"))
        like = re.search(r"with\s+the\s+columns\s+of\s+`([\w/.]+)`", section)
        if like is not None:
            other = found[like[1]]
            made.types, made.optional, made.open = other.types, other.optional, other.open
        _read_columns(section, made, groups)
        found |= {name: made for name in heading.split(", ")}
    for names, types, shape, meaning in _rows(text, "file", 4):
        n = len([each for each in shape.strip("()").split(",") if each.strip()])
        for name in re.findall(r"`([\w/.]+)`", names):
            found[name] = Described(only=meaning.startswith("Only"), types={"": f"{types}; {n}"})
    return found


def _groups(text: str) -> dict[str, str]:
    """Find the tables of columns that others share."""
    shared = re.search(r"(?ms)^### Evidence\n(.*?)^### ", text)
    tables = [] if shared is None else re.findall(r"(?m)(?:^\|.*\n)+", shared[1])
    return dict(zip(("evidence", "test"), tables, strict=False))


def _rows(text: str, first: str, n: int) -> Iterator[list[str]]:
    """Give the cells of every table whose first column is headed so."""
    for table in re.findall(rf"(?m)^\| {first} \|.*\n\|[-|]+\n((?:^\|.*\n?)+)", text):
        for line in table.splitlines():
            cells = [each.strip() for each in line.strip("|").split("|")]
            assert len(cells) == n, line
            yield cells


def _read_columns(section: str, made: Described, groups: dict[str, str]) -> None:
    for names, kind, meaning in _rows(section, "column", 3):
        for group in re.findall(r"^\*(\w+)\*|, \*(\w+)\*", names):
            _read_columns(groups["".join(group)], made, groups)
        made.open |= names.startswith("*one")
        for name in re.findall(r"`(\w+)`", names):
            made.types[name] = kind.replace("`", "")
            if meaning.startswith("Only"):
                made.optional.add(name)


def spelled(kind: pa.DataType) -> str:
    """Name a type as the pages do."""
    words = re.sub(r"<element: ", "<", str(kind))
    words = re.sub(r"dictionary<values=(\w+), indices=(\w+), ordered=0>", r"dictionary<\1>", words)
    return re.sub(r"\b(double|float)\b", lambda word: NEW_NAMES[word[0]], words)


def check_folder(
    folder: Path, *, page: str, below: str = "", fields: tuple[str, ...] = ("topic", "year", "tree")
) -> set[str]:
    """Complain of what a folder, or a folder below it, has and the page has not, and the other way round.

    Returns: the described files that are there.
    """
    known, seen, wrong = described_files(page), set(), []
    for path in sorted((folder / below).rglob("*.*")):
        name = _name_of(path.relative_to(folder).as_posix())
        if path.suffix not in (".parquet", ".npy") or re.search("/parts?(ial)?/", name):
            continue
        if name not in known:
            wrong.append(f"{name} is not in {page}")
            continue
        seen.add(name)
        wrong += [f"{name}: {each}" for each in _differences(path, known[name], fields)]
    assert not wrong, "\n".join(wrong)
    return seen


def _name_of(name: str) -> str:
    """Find the heading of a file whose name has a number in it."""
    name = re.sub(r"^sentences/part-\d+", "sentences/part-00000", name)
    name = re.sub(r"^annotations/[^/]+/part-\w+-\w+", "annotations/TAGGER/part-HASH-CRC32", name)
    found = re.fullmatch(r"against/\w+/(\w+)(\.\w+)", name)
    if found is None:
        return name
    return f"{'fidelity' if found[1] in ('scores', 'neurons') else 'held_out'}/{found[1]}{found[2]}"


def _differences(path: Path, described: Described, fields: tuple[str, ...]) -> Iterator[str]:
    if path.suffix == ".npy":
        array: Any = np.load(path, mmap_mode="r")
        types, _, n = described.types[""].partition("; ")
        if str(array.dtype) not in types.split(", ") or array.ndim != int(n):
            yield f"it is {array.dtype} of {array.ndim} dimensions"
        return
    there = {column.name: spelled(column.type) for column in pq.read_schema(path)}
    for name, kind in there.items():
        if name not in described.types and not (described.open and name in fields):
            yield f"the page has no column {name}"
        elif name in described.types and kind != described.types[name]:
            yield f"{name} is {kind}, not {described.types[name]}"
    for name in described.types.keys() - there.keys() - described.optional:
        yield f"it has no column {name}"
