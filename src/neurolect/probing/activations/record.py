"""What a store of activations says of itself: manifest, units, skipped sentences."""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any, NotRequired, TypedDict, cast

import numpy as np
import pyarrow as pa

from neurolect.errors import ProbingError
from neurolect.folders.atomic import is_leftover, write_json, write_table
from neurolect.folders.formats import ACTIVATIONS, check_types, neurolect_version, read_manifest
from neurolect.folders.lock import LOCK
from neurolect.folders.sums import FileEntry, sums_of
from neurolect.model import Model, ModelOptions
from neurolect.probing.activations.plan import Plan, fingerprint
from neurolect.probing.concepts.options import ActivationsOptions
from neurolect.probing.concepts.splits import PARTS
from neurolect.store.manifest import ModelEntry, now, package_versions

UNITS, SKIPPED, PLAN = "units.parquet", "skipped.parquet", "plan.json"
_NO_ROW = -1


class ShardEntry(TypedDict):
    """One file of rows."""

    file: str
    first_row: int
    n_rows: int


class Manifest(TypedDict):
    """``manifest.json`` of a store."""

    format: str
    schema_version: int
    neurolect: str
    created: str
    packages: dict[str, str]
    model: ModelEntry
    data: dict[str, Any]
    concept: str
    unit: str
    classes: list[str]
    positive: str | None
    options: dict[str, dict[str, Any]]
    dtype: str
    n_units: int
    n_rows: int
    shards: list[ShardEntry]
    counts: dict[str, int]
    left_out: dict[str, int]
    notices: list[str]
    files: NotRequired[dict[str, FileEntry]]


def key_of(plan: Plan, model: Model, *, options: ActivationsOptions, concept: str) -> dict[str, Any]:
    """Say what a store's bytes rest on; the same work has the same key."""
    return {
        "model": model.fingerprint,
        "model_options": _plain(dataclasses.asdict(model.options)),
        "dtype": model.dtype,
        "data": fingerprint(plan),
        "options": _plain(dataclasses.asdict(options)),
        "concept": concept,
        "shards": [[each.rows.start, each.rows.stop] for each in plan.shards],
    }


def _plain(options: dict[str, Any]) -> dict[str, Any]:
    return dict(json.loads(json.dumps(options)))


def write_units(folder: Path, plan: Plan) -> None:
    """Write the index: a row a unit."""
    units, words = plan.units, plan.sentences.words
    pairs = list(zip(units.sentences.tolist(), units.words.tolist(), strict=True))
    labels = pa.array([units.classes[each] for each in units.labels.tolist()]) if units.classes else None
    columns = {
        "unit_id": pa.array(np.arange(len(units))),
        "sentence_id": pa.array(units.sentences),
        "document_id": pa.array(plan.sentences.documents[units.sentences]),
        "word_index": pa.array(units.words, mask=units.words < 0),
        "head_index": pa.array(units.heads, mask=units.heads < 0),
        "word": pa.array([words[sentence][word] if word >= 0 else None for sentence, word in pairs], pa.string()),
        "label": pa.array(units.labels, pa.float64()) if labels is None else labels,
        "class_id": pa.array(np.full(len(units), -1) if labels is None else units.labels, pa.int32()),
        "split": pa.DictionaryArray.from_arrays(pa.array(units.parts), pa.array(PARTS)).cast(pa.string()),
        "row": pa.array(plan.unit_rows),
        "head_row": pa.array(plan.head_rows, mask=plan.head_rows == _NO_ROW),
    }
    if units.weights is not None:
        columns["weight"] = pa.array(units.weights)
    write_table(folder / UNITS, pa.table(columns))


def write_skipped(folder: Path, plan: Plan) -> None:
    """Write which sentences were skipped, and why."""
    names, reasons = list(plan.skipped), list(plan.skipped.values())
    write_table(
        folder / SKIPPED,
        pa.table({"sentence": pa.array(names, pa.string()), "why": pa.array(reasons, pa.string())}),
    )


def write_manifest(
    folder: Path,
    plan: Plan,
    model: Model,
    *,
    options: ActivationsOptions,
    concept: str,
    sources: list[str],
    notices: list[str],
) -> None:
    """Write what the store is; with it the store is complete."""
    names = [UNITS, SKIPPED, *(each.file for each in plan.shards)]
    key = key_of(plan, model, options=options, concept=concept)
    manifest = Manifest(
        format=ACTIVATIONS.name,
        schema_version=ACTIVATIONS.version,
        neurolect=neurolect_version(),
        created=now(),
        packages=package_versions(),
        model=ModelEntry(
            name=model.name,
            architecture=model.architecture,
            fingerprint=model.fingerprint,
            dtype=model.dtype,
            sites=[
                {"site": site, "layer": layer, "width": width} for site, layer, width in model.neurons.site_layers
            ],
        ),
        data={"sources": sources, "fingerprint": key["data"], "parted_by": plan.units.parted_by},
        concept=concept,
        unit=plan.units.unit,
        classes=plan.units.classes,
        positive=plan.units.positive,
        options={"activations": key["options"], "model": key["model_options"]},
        dtype=options.dtype,
        n_units=len(plan.units),
        n_rows=plan.n_rows,
        shards=[
            ShardEntry(file=each.file, first_row=each.rows.start, n_rows=each.rows.stop - each.rows.start)
            for each in plan.shards
        ],
        counts=plan.counts,
        left_out=plan.left_out,
        notices=notices,
        files={name: sums_of(folder / name) for name in names},
    )
    write_json(folder / ACTIVATIONS.file, dict(manifest))


def manifest_of(folder: Path) -> Manifest:
    """Read what a store says of itself; refuse what is damaged or newer."""
    found = read_manifest(folder, ACTIVATIONS)
    check_types(folder, found, ACTIVATIONS, Manifest)
    return cast("Manifest", found)


def not_free(folder: Path) -> ProbingError:
    """Say that something else is at a place."""
    what = f"{folder} is there already; nothing is overwritten."
    return ProbingError(what, expected="a folder that is not there yet", hint="Give another --out.")


def begin(folder: Path, key: dict[str, Any]) -> bool:
    """Make the folder, or resume what a killed command left of the same work; say whether all is there.

    What one left of other work is removed; activations that are complete are left as they are, and refused.
    """
    if (folder / ACTIVATIONS.file).is_file():
        manifest = manifest_of(folder)
        if _key_of(manifest) == {name: each for name, each in key.items() if name != "shards"}:
            return True
        what = f"{folder} has activations of another model, other data or other options."
        raise ProbingError(
            what, expected="a folder that is not there yet", hint="Give another --out, or remove the folder."
        )
    if (folder / PLAN).is_file():
        if json.loads((folder / PLAN).read_text(encoding="utf-8")) == key:
            return False
        (folder / PLAN).unlink()
        shutil.rmtree(folder / "rows", ignore_errors=True)
        for name in (UNITS, SKIPPED):
            (folder / name).unlink(missing_ok=True)
    if any(each.name != LOCK and not is_leftover(each) for each in folder.iterdir()):
        raise not_free(folder)
    write_json(folder / PLAN, key)
    return False


def _key_of(manifest: Manifest) -> dict[str, Any]:
    """Say what a store rests on; options that came later have their defaults."""
    model = manifest["model"]
    return {
        "model": model.get("fingerprint"),
        "model_options": _plain(dataclasses.asdict(ModelOptions())) | manifest["options"]["model"],
        "dtype": model.get("dtype"),
        "data": manifest["data"].get("fingerprint"),
        "options": _plain(dataclasses.asdict(ActivationsOptions())) | manifest["options"]["activations"],
        "concept": manifest["concept"],
    }
