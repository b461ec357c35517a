"""The one table of all rankings: neurons with a score, and in the schema's metadata how they came by it.

A ranking is a plain Arrow table: ``slice``, ``filter`` and Parquet keep the metadata, whose keys begin with
``neurolect.``.
"""

import csv
import hashlib
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from neurolect.errors import OptionError, RunFolderError
from neurolect.folders.atomic import write_table, write_text
from neurolect.folders.formats import check_no_part, neurolect_version
from neurolect.store import SIDES, Run
from neurolect.store.sides import lists_of
from neurolect.visible import strict_json

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
    models: tuple[str, ...] = ()
    """Fingerprints of the models whose neurons it ranks; empty where they are not known."""


def ranking_table(
    columns: Mapping[str, Any],
    *,
    runs: Run | Sequence[Run | str],
    method: str,
    options: Mapping[str, Any] | None = None,
    seed: int | None = None,
    details: Mapping[str, Any] | None = None,
    models: Sequence[str] = (),
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
    models : sequence of str, optional
        Fingerprints of the models whose neurons are ranked; those of the runs when not given.

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
        "models": [each for each in models if each]
        or [each for run in runs if isinstance(run, Run) for each in _models_of(run)],
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
    known.setdefault(PREFIX + "models", b"[]")  # older ones do not say
    if any(PREFIX + name not in known for name in Provenance._fields):
        what = "The table does not say how it came about."
        raise OptionError(what, expected="a ranking of neurolect", hint="Joining tables drops it: ask before.")
    facts = {name: json.loads(known[PREFIX + name]) for name in Provenance._fields}
    return Provenance(**facts | {name: tuple(facts[name]) for name in ("runs", "models")})


def fingerprint(run: Run) -> str:
    """Give a name to what a run's results rest on: model, neurons, corpus and the options of all stages."""
    model, corpus = run.manifest["model"], run.manifest["corpus"]
    parts = [model.get("fingerprint"), model["sites"], corpus.get("fingerprint"), run.manifest["options"]]
    return hashlib.blake2b(json.dumps(parts, sort_keys=True).encode(), digest_size=16).hexdigest()


def _models_of(run: Run) -> list[str]:
    known = run.manifest["model"].get("fingerprint")
    return [known] if known else []


def list_names(run: Run, lists: pa.Table) -> pa.Array:
    """Look up the names of lists, given as the columns ``neuron_id`` and ``side``; null where there is no theme."""
    summary = run.table("signatures/summary", columns=["neuron_id", "side", "name"])
    known, wanted = (pa.array(lists_of(each, SIDES)) for each in (summary, lists))
    return summary.column("name").combine_chunks().take(pc.index_in(wanted, value_set=known))


def with_provenance(table: pa.Table, *, runs: Sequence[str], method: str, options: Mapping[str, Any]) -> pa.Table:
    """Let a table that is no ranking say how it came about, so that it is written and read like one."""
    facts = {"method": method, "options": dict(options), "seed": None, "runs": list(runs)}
    facts |= {"version": neurolect_version(), "details": {}, "models": []}
    return table.replace_schema_metadata(_written(facts, method=method))


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


# Write a ranking as JSON, CSV or Parquet, and read it back.
def ranking_json(table: pa.Table) -> str:
    """Write a ranking as one JSON object.

    Parameters
    ----------
    table : pyarrow.Table
        A ranking.

    Returns
    -------
    str
        ``method``, ``options``, ``seed``, ``runs``, ``version``, whatever details the method has, and ``rows``.
    """
    facts = provenance(table)._asdict()
    details = facts.pop("details")
    made = facts | details | {"rows": [_plain(row) for row in table.to_pylist()]}
    return strict_json(made, indent=2) + "\n"


def ranking_csv(table: pa.Table) -> str:
    """Write the rows of a ranking for a spreadsheet.

    Parameters
    ----------
    table : pyarrow.Table
        A ranking.

    Returns
    -------
    str
        A line of heads and a line a row, with the numbers in full; what is not there is empty, lists are JSON.
    """
    return "".join(_line(each) for each in [table.column_names, *(row.values() for row in table.to_pylist())])


def write_ranking(table: pa.Table, path: str | Path) -> Path:
    """Write a ranking into a file.

    Parameters
    ----------
    table : pyarrow.Table
        A ranking.
    path : str or Path
        Ends in ``.parquet`` (keeps everything), ``.json`` or ``.csv`` (rows only); replaced if it exists.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    OptionError
        If it ends otherwise, or the table is no ranking.
    """
    path = Path(path)
    provenance(table)
    check_ranking_file(path)
    if path.suffix == ".parquet":
        write_table(path, table)
    else:
        write_text(path, ranking_json(table) if path.suffix == ".json" else ranking_csv(table))
    return path


def check_ranking_file(path: Path) -> None:
    """Refuse a name that no ranking can be written to."""
    check_no_part(path)
    if path.suffix not in (".parquet", ".json", ".csv") or path.is_dir():
        what = f"A ranking cannot be written as {path.name!r}."
        raise OptionError(what, expected="a name that ends in .parquet, .json or .csv")


def read_ranking(path: str | Path) -> pa.Table:
    """Read a ranking that was written as Parquet.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    pyarrow.Table
        The same table, with its metadata.

    Raises
    ------
    RunFolderError
        If it is no Parquet file.
    OptionError
        If its table is no ranking of neurolect.
    """
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        what = f"{path} cannot be read as a ranking: {error}"
        hint = "Rankings are read from Parquet: --out RANKING.parquet."
        raise RunFolderError(what, expected="a Parquet file", hint=hint) from error
    provenance(table)
    return table


def _line(row: Iterable[Any]) -> str:
    """Write one row."""
    written = io.StringIO(newline="")
    cells = (_plain(cell) for cell in row)
    # with this line end the writer also quotes a lone carriage return
    csv.writer(written, lineterminator="\r\n").writerow(
        [json.dumps(cell, ensure_ascii=False) if isinstance(cell, list | dict) else cell for cell in cells]
    )
    return written.getvalue().removesuffix("\r\n") + "\n"


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever Arrow holds
    """Turn NaN and infinity into null, which JSON has."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value
