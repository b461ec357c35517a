"""Verify a store of activations: its files, and every number of its index that refers to a row, word or class."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.errors import ProbingError
from neurolect.probing.activations.reader import ActivationStore
from neurolect.probing.activations.record import UNITS, manifest_of
from neurolect.verification.outcome import BAD, Part
from neurolect.verification.reading import file_part

_AGAIN = "Copy the folder again, or make it again: neurolect probing activations MODEL LABELLED --out NEW"


def activations_parts(folder: Path) -> list[Part]:
    """Check all of a store."""
    manifest = manifest_of(folder)
    recorded = manifest.get("files", {})
    there = {
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.suffix in (".npy", ".parquet")
    }
    parts = [file_part(folder, name, recorded.get(name), hint=_AGAIN) for name in sorted(recorded.keys() | there)]
    if any(part.state in BAD for part in parts):
        return parts
    wrong = [Part("references", "damaged", how, _AGAIN) for how in _references(folder)]
    return parts + (wrong or [Part("references", "all resolve")])


def _references(folder: Path) -> Iterator[str]:
    try:
        store = ActivationStore(folder)
    except ProbingError as error:
        yield error.what
        return
    index, manifest = store.table(), store.manifest
    if index.num_rows != manifest["n_units"]:
        yield f"{UNITS} has {index.num_rows:,} rows, the manifest {manifest['n_units']:,} units"
    first = 0
    for shard in manifest["shards"]:
        if shard["first_row"] != first:
            yield f"{shard['file']} does not begin at row {first:,}"
        first += shard["n_rows"]
    if first != manifest["n_rows"]:
        yield f"its files have {first:,} rows, not {manifest['n_rows']:,}"
    rows = np.concatenate([_numbers(index.column(name)) for name in ("row", "head_row")])
    if len(rows) and not (rows.min() >= 0 and rows.max() < manifest["n_rows"]):
        yield f"{UNITS} names rows that are not among the {manifest['n_rows']:,}"
    if store.classes and not (store.labels.min() >= 0 and store.labels.max() < len(store.classes)):
        yield f"{UNITS} names classes that are not among the {len(store.classes)}"
    if not np.array_equal(_numbers(index.column("unit_id")), np.arange(index.num_rows)):
        yield f"{UNITS} does not number its units from 0"


def _numbers(column: pa.ChunkedArray) -> NDArray[np.int64]:
    numbers: NDArray[np.int64] = column.drop_null().to_numpy()
    return numbers
