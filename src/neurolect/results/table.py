"""The one table of all rankings: neurons with a score, and in the schema's metadata how they came by it.

A ranking is a plain Arrow table: ``slice``, ``filter`` and Parquet keep the metadata, whose keys begin with
``neurolect.``.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from neurolect.errors import OptionError
from neurolect.store import SIDES, Run
from neurolect.store.sides import lists_of
from neurolect.version import neurolect_version

COLUMNS = {
    "rank": pa.int64(),
    "address": pa.string(),
    "side": pa.string(),
    "score": pa.float64(),
    "sign": pa.int8(),
}
"""The columns that every ranking begins with."""
PREFIX = "neurolect."


class Provenance(NamedTuple):
    """How a ranking came about."""

    method: str
    """What scored the neurons, e.g. ``rank``, ``find``."""
    options: dict[str, Any]
    """Every option it was made with."""
    seed: int | None
    """None where nothing is random."""
    runs: tuple[str, ...]
    """Fingerprints of the runs that it rests on."""
    version: str
    """The neurolect that made it."""
    details: dict[str, Any]
    """What else the method says of the whole, e.g. notes and the layers' ranks."""


def ranking_table(
    columns: Mapping[str, Any],
    *,
    runs: Run | Sequence[Run | str],
    method: str,
    options: Mapping[str, Any] | None = None,
    seed: int | None = None,
    details: Mapping[str, Any] | None = None,
) -> pa.Table:
    """Make a ranking: rows in the order of their rank, the best first, ties by neuron id.

    Parameters
    ----------
    columns : mapping of str to array or sequence
        ``score`` and either ``neuron_id`` (of the first run) or ``address``; ``side``, ``sign`` (+1 fires for, -1
        against) and ``rank`` where there are any: ranks count from 1 in the order of the rows when not given. Any
        other columns follow as they are.
    runs : Run or sequence of Run or str
        What the ranking rests on; of a run that is not at hand its fingerprint.
    method : str
        What scored the neurons.
    options : mapping, optional
        Every option of the method; anything that JSON has.
    seed : int, optional
        Of a method that draws.
    details : mapping, optional
        What else there is to say of the whole; anything that JSON has.

    Returns
    -------
    pyarrow.Table
        ``rank``, ``address``, ``side``, ``score`` (null for NaN), ``sign`` and the other columns, with the metadata
        that :func:`provenance` reads.

    Raises
    ------
    OptionError
        If a column is missing, of another length or type, or has a value that it cannot have.
    """
    runs = [runs] if isinstance(runs, Run) else list(runs)
    given = {name: _array(name, column) for name, column in columns.items()}
    if "neuron_id" in given and isinstance(runs[0], Run):
        ids = given.pop("neuron_id").to_pylist()
        given["address"] = pa.array([runs[0].index.address(each) for each in ids], pa.string())
    if missing := [name for name in ("address", "score") if name not in given]:
        what = f"The ranking of {method!r} has no column {missing[0]!r}."
        raise OptionError(what, expected="score and neuron_id or address")
    n = len(given["score"])
    given.setdefault("rank", pa.array(np.arange(1, n + 1)))
    for name in ("side", "sign"):
        given.setdefault(name, pa.nulls(n, COLUMNS[name]))
    if odd := [name for name, column in given.items() if len(column) != n]:
        what = f"The column {odd[0]!r} of the ranking of {method!r} has {len(given[odd[0]])} rows."
        raise OptionError(what, expected=f"{n}, as the scores")
    fixed = {name: _checked(name, given.pop(name), method=method) for name in COLUMNS}
    facts = {
        "method": method,
        "options": dict(options or {}),
        "seed": seed,
        "runs": [fingerprint(run) if isinstance(run, Run) else run for run in runs],
        "version": neurolect_version(),
        "details": dict(details or {}),
    }
    return pa.table(fixed | given).replace_schema_metadata(_written(facts, method=method))


def provenance(table: pa.Table) -> Provenance:
    """Read how a ranking came about.

    Parameters
    ----------
    table : pyarrow.Table
        A ranking, or rows of one.

    Returns
    -------
    Provenance
        As it was made.

    Raises
    ------
    OptionError
        If the table has no such metadata.
    """
    known = {key.decode(): value for key, value in (table.schema.metadata or {}).items()}
    if any(PREFIX + name not in known for name in Provenance._fields):
        what = "The table does not say how it came about."
        raise OptionError(what, expected="a ranking of neurolect", hint="Joining tables drops it: ask before.")
    facts = {name: json.loads(known[PREFIX + name]) for name in Provenance._fields}
    return Provenance(**facts | {"runs": tuple(facts["runs"])})


def fingerprint(run: Run) -> str:
    """Give a name to what a run's results rest on: model, neurons, corpus and the options of all stages."""
    model, corpus = run.manifest["model"], run.manifest["corpus"]
    parts = [model.get("fingerprint"), model["sites"], corpus.get("fingerprint"), run.manifest["options"]]
    return hashlib.blake2b(json.dumps(parts, sort_keys=True).encode(), digest_size=16).hexdigest()


def list_names(run: Run, lists: pa.Table) -> pa.Array:
    """Look up the names of lists, given as the columns ``neuron_id`` and ``side``; null where there is no theme."""
    summary = run.table("signatures/summary", columns=["neuron_id", "side", "name"])
    known, wanted = (pa.array(lists_of(each, SIDES)) for each in (summary, lists))
    return summary.column("name").combine_chunks().take(pc.index_in(wanted, value_set=known))


def _array(name: str, column: Any) -> pa.Array:  # noqa: ANN401
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    elif not isinstance(column, pa.Array):
        column = pa.array(column, COLUMNS.get(name), from_pandas=True)
    if pa.types.is_list(column.type):  # as Parquet gives it back
        return column.cast(pa.list_(pa.field("element", column.type.value_type)))
    return column


def _checked(name: str, column: pa.Array, *, method: str) -> pa.Array:
    """Bring one of the columns that all rankings have to its type, and refuse what cannot be in it."""
    try:
        column = column.cast(COLUMNS[name])
    except pa.ArrowInvalid as error:
        what = f"The column {name!r} of the ranking of {method!r} is of the type {column.type}: {error}"
        raise OptionError(what, expected=str(COLUMNS[name])) from error
    if name == "score":  # JSON and CSV have no NaN, and null is what it means
        return pc.if_else(pc.is_nan(column), None, column)
    allowed = {"side": SIDES, "sign": (-1, 1)}.get(name)
    if allowed is not None:
        odd = column.filter(pc.invert(pc.is_in(column, value_set=pa.array([*allowed, None], column.type))))
        expected = f"{' or '.join(map(str, allowed))}, or null"
    else:
        odd = column.filter(pc.is_null(column) if name == "address" else pc.less(column.fill_null(0), 1))
        expected = "an address" if name == "address" else "1 or more"
    if len(odd):
        what = f"The column {name!r} of the ranking of {method!r} has the value {odd[0].as_py()!r}."
        raise OptionError(what, expected=expected)
    return column


def _written(facts: dict[str, Any], *, method: str) -> dict[str, str]:
    """Write the metadata."""
    try:
        return {
            PREFIX + name: json.dumps(value, ensure_ascii=False, allow_nan=False) for name, value in facts.items()
        }
    except (TypeError, ValueError) as error:
        what = f"The options or details of the ranking of {method!r} cannot be written as JSON: {error}."
        raise OptionError(what, expected="numbers, strings, lists and dicts") from error
