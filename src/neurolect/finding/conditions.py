"""Conditions on metadata: ``author=Jane Austen``, ``year>=1990``, ``year=1990-1999``."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from neurolect.errors import OptionError, nearest
from neurolect.results.field_numbers import check_field
from neurolect.signatures.evidence.collected import kept_sentences
from neurolect.signatures.evidence.kind import EvidenceKind
from neurolect.signatures.evidence.registry import kind_named, kinds
from neurolect.store import Run
from neurolect.visible import quoted

WRITTEN = re.compile(r"\s*(.+?)\s*(<=|>=|=|<|>)\s*(.*?)\s*", re.DOTALL)
RANGE = re.compile(r"(-?[\d.]+(?:e[+-]?\d+)?)\s*(?:\u2013|-|\.\.|\bto\b)\s*(-?[\d.]+(?:e[+-]?\d+)?)")
COMPARE: dict[str, Callable[[NDArray[np.float64], float], NDArray[np.bool_]]] = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}


class Condition(NamedTuple):
    """What a sentence's metadata must be."""

    field: str
    is_number: bool
    comparison: str
    value: str

    @property
    def text(self) -> str:
        """The condition as it is written."""
        return f"{self.field}{self.comparison}{self.value}"


def parse_condition(text: str, run: Run) -> Condition:
    """Read a condition."""
    fields = {each["name"]: each["kind"] for each in run.manifest["corpus"]["fields"]}
    found = _after_field(text, fields) or WRITTEN.fullmatch(text)
    if found is None:
        what = f"{text!r} is no condition on metadata."
        hint = f"The fields are {nearest(text, fields, n=8)}." if fields else None
        raise OptionError(what, expected="field=value", hint=hint)
    field, comparison, value = found.groups()
    check_field(field, list(fields))
    is_number = fields[field] == "number"
    if comparison != "=" and not is_number:
        what = f"{field!r} holds no numbers that {text!r} could compare."
        raise OptionError(what, expected=f"{field}=value")
    condition = Condition(field, is_number, comparison, value)
    if is_number:
        _holds_for_numbers(condition, np.empty(0))  # tells at once if the value is no number
    return condition


def _after_field(text: str, fields: Iterable[str]) -> re.Match[str] | None:
    """Read a condition on a field that there is, whatever is in its name; the longest wins."""
    for field in sorted(fields, key=len, reverse=True):
        if text.lstrip().startswith(field):
            found = re.fullmatch(rf"\s*({re.escape(field)})\s*(<=|>=|=|<|>)\s*(.*?)\s*", text, re.DOTALL)
            if found is not None:
                return found
    return None


def sentences_where(condition: Condition, run: Run) -> NDArray[np.int64]:
    """Find the kept sentences that a condition holds for.

    Returns: int64, ascending. Numbers of the sentences among the kept ones.
    """
    file = run.files.parquet("sentences", read_dictionary=() if condition.is_number else [condition.field])
    column = file.read([condition.field]).column(0)
    if condition.is_number:
        return np.flatnonzero(_holds_for_numbers(condition, column.fill_null(np.nan).to_numpy()))
    column = column.cast(pa.dictionary(pa.int32(), pa.string())).unify_dictionaries().combine_chunks()
    column = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
    equal = np.append(_equal(column.dictionary.to_pylist(), condition.value), False)
    return np.flatnonzero(equal[column.indices.fill_null(-1).to_numpy(zero_copy_only=False)])


def background_of(condition: Condition, run: Run) -> tuple[int, int]:
    """Count the sentences read that a condition holds for."""
    table = run.table("background/metadata")
    table = table.filter(pa.compute.equal(table.column("field"), condition.field))
    counts = table.column("n_sentences").to_numpy()
    values = table.column("value").to_pylist()
    if condition.is_number:
        numbers = np.array([np.nan if value is None else float(value) for value in values], dtype=np.float64)
        holds = _holds_for_numbers(condition, numbers)
    else:
        holds = _equal(values, condition.value)
    return int(counts[holds].sum()), int(counts.sum())


def _equal(values: Sequence[str | None], wanted: str) -> NDArray[np.bool_]:
    """Compare in any case, unless one value is written exactly so."""
    if wanted in values:
        return np.array([value == wanted for value in values], dtype=np.bool_)
    folded = wanted.casefold()
    return np.array([value is not None and value.casefold() == folded for value in values], dtype=np.bool_)


def _finite(text: str) -> float:
    number = float(text)
    if not np.isfinite(number):
        msg = "not a finite number"
        raise ValueError(msg)
    return number


def _holds_for_numbers(condition: Condition, values: NDArray[np.float64]) -> NDArray[np.bool_]:
    try:
        if condition.comparison != "=":
            return COMPARE[condition.comparison](values, _finite(condition.value))
        found = RANGE.fullmatch(condition.value)
        low, high = map(_finite, found.groups()) if found else [_finite(condition.value)] * 2
    except ValueError as error:
        what = f"{condition.field!r} holds numbers, and {condition.value!r} is none."
        raise OptionError(what, expected=f"{condition.field}=1990, =1990-1999, >=1990 or <1990") from error
    # cards write four digits of a number that is not whole
    slack = [5e-4 * abs(end) if end != round(end) else 0.0 for end in (low, high)]
    holds: NDArray[np.bool_] = (values >= low - slack[0]) & (values <= high + slack[1])
    return holds


# Search for a label of any kind of evidence: ``tag_patterns=DT NN``, or what a registered kind knows.
def parse_evidence(text: str) -> tuple[EvidenceKind, str]:
    """Read a kind and a label with an equals sign between them."""
    name, equals, label = text.partition("=")
    if not equals or not label.strip():
        what = f"{text!r} is no kind and label of evidence."
        raise OptionError(what, expected="KIND=LABEL, e.g. words=house", hint=f"Kinds: {_searchable()}")
    kind = kind_named(name.strip())
    if not kind.searchable:
        what = f"No sentence has or has not {kind.title}."
        raise OptionError(what, expected=f"one of {_searchable()}")
    return kind, label.strip()


def as_options(text: str, given: dict[str, object]) -> dict[str, str]:
    """Give the options of a search that look for a label; they add to those that are given."""
    kind, label = parse_evidence(text)
    options = kind.search(label) if kind.search is not None else {"has": text}
    for name in options:
        if given.get(name) is not None:
            what = f"{text!r} asks for a {name}, and so does {given[name]!r}."
            raise OptionError(what, expected=f"one {name} at a time")
    return options


def sentences_having(kind: EvidenceKind, label: str, run: Run) -> NDArray[np.int64]:
    """Find the kept sentences that have a label, as their numbers, ascending."""
    return np.flatnonzero(np.diff(kind.features([label], kept_sentences(run)).offsets))


def labels_like(text: str, run: Run) -> str | None:
    """Name the labels of evidence most like one that no list has."""
    kind, label = parse_evidence(text)
    if kind.rows is None or not kind.present_in(run):
        return f"The run was described without {kind.title}: neurolect describe {quoted(run.folder)}"
    known = pc.unique(kind.rows.labels_of(kind.rows.read(run))).to_pylist()
    return f"Nearest: {nearest(label, known)}." if known else None


def _searchable() -> str:
    return ", ".join(kind.name for kind in kinds() if kind.searchable)
