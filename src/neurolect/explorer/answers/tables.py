"""A run as a few Parquet tables that any tool reads: neurons, lists, evidence, sentences, places on maps."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from neurolect.errors import NeurolectError
from neurolect.explorer.answers.columns import PIECE, Column, columns_of, n_pieces, number_of_lists
from neurolect.explorer.answers.opened import OpenedRun
from neurolect.folders.parquet import CHECKED
from neurolect.progress import Progress
from neurolect.signatures.evidence.features import Rows
from neurolect.signatures.evidence.registry import kinds
from neurolect.store import Run

TABLE_ENDINGS = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}
FIGURE_ENDINGS = {"svg": "image/svg+xml", "png": "image/png"}
"""What tables and figures are handed out as."""
SCORES = ("n_list", "share_list", "n_background", "share_background", "lift", "log_odds_z", "q")


class TableOf(NamedTuple):
    """A table that can be written or downloaded."""

    name: str
    what: str
    """What its rows are."""
    n_rows: int
    n_bytes: int
    """About how large it will be."""


def tables_of(run: Run) -> list[TableOf]:
    """Name the tables that a run has something for."""
    n_rows = run.n_neurons * len(run.sides)
    about = "a row a neuron and side: name, leading words, typical sentence, every number"
    found = [TableOf("neurons", about, n_rows, 220 * n_rows)]
    sources = (
        ("lists", "the lists: neuron, side, rank, activation, sentence", [f"lists/{side}" for side in run.sides]),
        ("sentences", "the sentences of the lists with their metadata", ["sentences"]),
        ("maps", "places of neurons on two-dimensional maps", ["relations/maps"]),
    )
    for name, what, tables in sources:
        if tables and all(_has(run, each) for each in tables):
            found.append(TableOf(name, what, *_sizes(run, tables)))
    if evidence := [each.rows for each in kinds() if each.rows is not None and _has(run, each.rows.name)]:
        what = "what the lists have more of than the corpus, with counts and scores"
        found.append(TableOf("evidence", what, *_sizes_of_evidence(run, evidence)))
    return found


class FigureOf(NamedTuple):
    """A figure that can be downloaded."""

    name: str
    label: str
    figure: str
    by: str | None = None
    needs: str = "signatures/summary"


FIGURES = (
    FigureOf("lengths", "sentence length by layer and index", "heatmap", "length"),
    FigureOf("ranks", "ranks by sentence length, layer by layer", "ranks", "length"),
    FigureOf("same-index", "what an index keeps from layer to layer", "same-index", "length"),
    FigureOf("map", "neurons by their sentences", "map", None, "relations/maps"),
    FigureOf("groups", "neurons by their responses", "groups", None, "relations/maps"),
    FigureOf("clusters", "clusters against layers", "clusters", None, "relations/clusters"),
    FigureOf("redundancy", "share of neurons with a twin", "redundancy", None, "relations/redundancy"),
)


def figures_of(run: Run) -> list[FigureOf]:
    """Name the figures that a run has what is drawn for."""
    return [each for each in FIGURES if _has(run, each.needs)]


def downloads_of(run: Run, number: int) -> dict[str, Any]:
    """Say what can be downloaded of a run, with the addresses."""
    tables = [
        {"label": each.name, "what": each.what, "rows": each.n_rows}
        | {ending: f"download/{number}/{each.name}.{ending}" for ending in TABLE_ENDINGS}
        for each in tables_of(run)
    ]
    figures = [
        {"label": each.label}
        | {ending: f"download/{number}/figure/{each.name}.{ending}" for ending in FIGURE_ENDINGS}
        for each in figures_of(run)
    ]
    return {"downloads": tables, "figures": figures}


def _has(run: Run, name: str) -> bool:
    """Say whether a table is there and can be opened."""
    try:
        return run.has(name) and run.files.parquet(name).num_row_groups >= 0
    except NeurolectError:
        return False


def _sizes(run: Run, names: list[str]) -> tuple[int, int]:
    rows = sum(run.files.parquet(name).metadata.num_rows for name in names)
    return rows, sum((run.folder / f"{name}.parquet").stat().st_size for name in names)


MOST_GROUPS = 128
"""Groups of rows of a table that are looked into to count a kind's rows; of a larger one some stand for all."""


def _sizes_of_evidence(run: Run, kinds: list[Rows]) -> tuple[int, int]:
    """Count the rows of all kinds, of which several share a table that has others' rows too."""
    n_rows = n_bytes = 0
    for kind in kinds:
        rows, size = _sizes(run, [kind.name])
        own = round(rows * (_share_of(run, kind) if kind.only else 1.0))
        n_rows, n_bytes = n_rows + own, n_bytes + round(size * own / max(1, rows))
    return n_rows, n_bytes


def _share_of(run: Run, kind: Rows) -> float:
    """Give the share of a table's rows that are of a kind."""
    file, (column, value) = run.files.parquet(kind.name), kind.only or ("", "")
    step = -(-file.num_row_groups // MOST_GROUPS)
    groups = range(0, file.num_row_groups, max(1, step))
    if not groups:
        return 1.0
    found = file.read_row_groups(list(groups), columns=[column]).column(column)
    return float(pc.mean(pc.equal(found, value)).as_py() or 0.0)


def parts_of(of: OpenedRun, name: str) -> Iterator[pa.Table]:
    """Yield a table in parts that fit into memory, all of one schema."""
    run = of.run()
    if name == "neurons":
        yield neurons_table(of)
    elif name == "lists":
        for side in run.sides:
            yield from (_placed(run, part, side=side) for part in _groups(run, f"lists/{side}"))
    elif name == "evidence":
        yield from _evidence(run)
    else:
        source = {"maps": "relations/maps"}.get(name, name)
        parts = _groups(run, source)
        yield from (_placed(run, part) if name == "maps" else part for part in parts)


def _groups(run: Run, name: str) -> Iterator[pa.Table]:
    file = run.files.parquet(name)
    yield from (file.read_row_groups([group]) for group in range(file.num_row_groups))


def _placed(run: Run, part: pa.Table, *, side: str | None = None) -> pa.Table:
    """Put the address, and the side, behind the neuron's number."""
    ids = part.column("neuron_id").to_numpy()
    known = np.unique(ids)
    names = pa.array([run.index.address(each) for each in known.tolist()], pa.string())
    at = part.column_names.index("neuron_id") + 1
    part = part.add_column(at, "address", names.take(pa.array(np.searchsorted(known, ids))))
    return part if side is None else part.add_column(at + 1, "side", pa.array([side] * len(part), pa.string()))


def _evidence(run: Run) -> Iterator[pa.Table]:
    """Bring the rows of every kind to the same columns."""
    for kind in kinds():
        rows = kind.rows
        if rows is None or not _has(run, rows.name):
            continue
        for part in _groups(run, rows.name):
            part = rows.of(part)
            label = rows.labels_of(part)
            columns = {"neuron_id": part.column("neuron_id"), "side": part.column("side")}
            columns |= {"kind": pa.array([kind.name] * len(part), pa.string()), "label": label.cast(pa.string())}
            for score in SCORES:
                there = part.column(score) if score in part.column_names else pa.nulls(len(part))
                columns[score] = there.cast(pa.int64() if score.startswith("n_") else pa.float32())
            yield _placed(run, pa.table(columns))


def neurons_table(of: OpenedRun) -> pa.Table:
    """Put the columns of the table of neurons together; those that read all lists are left out."""
    run = of.run()
    pieces = range(n_pieces(run))
    columns: dict[str, pa.Array] = {}
    for column in columns_of(run).values():
        if column.costly:
            continue
        try:
            columns[column.by or column.name] = _whole(of, column, pieces)
        except NeurolectError:
            continue  # the run's own entry says which number it lacks
    ids = pa.array((np.arange(run.n_neurons * len(run.sides)) // len(run.sides)).astype(np.int32))
    return pa.table({"neuron_id": ids} | columns)


def _whole(of: OpenedRun, column: Column, pieces: range) -> pa.Array:
    if column.by is not None:
        numbers = number_of_lists(of.run(), column.by)
        return pa.array(numbers.astype(np.float32), mask=np.isnan(numbers))
    found = [column.read(of, piece) for piece in pieces]
    values = [value for each in found for value in each["v"]]
    if column.type == "category":
        return pc.take(pa.array(found[0]["labels"], pa.string()), pa.array(values, pa.int32()))
    return pa.array(values, pa.string() if column.type == "text" else pa.int32())


def write_tables(of: OpenedRun, folder: Path, *, progress: Progress) -> int:
    """Write every table of a run as Parquet; returns the bytes written."""
    written = 0
    folder.mkdir(parents=True, exist_ok=True)
    for table in tables_of(of.run()):
        path = folder / f"{table.name}.parquet"
        with progress.task(f"write {table.name}", total=table.n_rows, unit="rows") as task:
            write_parquet(parts_of(of, table.name), path, advance=task.advance)
        written += path.stat().st_size
    return written


def write_parquet(parts: Iterator[pa.Table], path: Path, *, advance: object = None) -> None:
    """Write parts one behind the other."""
    first = next(parts)
    with pq.ParquetWriter(path, first.schema, compression="zstd", **CHECKED) as writer:
        for part in _chained(first, parts):
            writer.write_table(part, row_group_size=PIECE * 8)
            if callable(advance):
                advance(len(part))


def _chained(first: pa.Table, rest: Iterator[pa.Table]) -> Iterator[pa.Table]:
    yield first
    yield from rest
