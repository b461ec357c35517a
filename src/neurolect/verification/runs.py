"""Verify a run folder: its files, its stages, and every number that refers to something else."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.errors import RunFolderError
from neurolect.store import Run
from neurolect.store.files import FOREIGN, damaged, how_made_again, names_of
from neurolect.store.sentence_index import SentenceIndex, has_index
from neurolect.store.stage_kinds import STAGES, stage_of
from neurolect.store.stages import check_current, state_of
from neurolect.store.tables import rows_of_sentences
from neurolect.verification.outcome import BAD, Part
from neurolect.verification.reading import file_part

_OF_KEPT = ("sentence_id", "typical_sentence_id", "medoid_sentence_id")
_OF_NEURONS = ("neuron_id", "other_id", "sister_id", "twin_id", "twin_in_layer_id")
_SAME_ROWS = (
    ("annotations.parquet", "sentences.parquet", 0),
    ("token_spans.parquet", "sentences.parquet", 0),
    ("held_out/annotations.parquet", "held_out/sentences.parquet", 0),
    ("held_out/activations.npy", "held_out/sentences.parquet", 1),
    ("held_out/lows.npy", "held_out/sentences.parquet", 1),
    ("fidelity/sense_centroids.npy", "signatures/senses.parquet", 0),
    ("signatures/word_vectors.npy", "index/words.parquet", 0),
    ("neurons.parquet", "histograms.npy", 0),
)
_INDEX = (
    "sentence_starts",
    "list_starts",
    "list_numbers",
    "list_sizes",
    "common_members",
    "common_counts",
    "in_sample",
    "tag_codes",
    "words",
    "tags",
    "texts",
)


def run_parts(folder: Path) -> list[Part]:
    """Check all of a run folder."""
    run = Run(folder)
    parts = [*_stages(run), *_files(run), *_unfinished(run)]
    if not any(part.state in BAD for part in parts) and "shard" not in run.manifest:
        # what is damaged cannot be followed
        parts += _references(run)
    return parts


def _stages(run: Run) -> Iterator[Part]:
    for stage in STAGES:
        state = state_of(run.manifest, stage)
        if state == "current":
            yield Part(f"stage {stage}", state)
        elif state != "missing":
            if "shard" in run.manifest:
                yield Part(f"stage {stage}", "a shard", hint="neurolect merge SHARD... --out RUN")
                continue
            try:
                check_current(run.folder, run.manifest, stage)
            except RunFolderError as error:
                yield Part(f"stage {stage}", state, hint=error.hint or "")


def _files(run: Run) -> Iterator[Part]:
    recorded = {
        name: entry for stage in run.manifest["stages"].values() for name, entry in stage.get("files", {}).items()
    }
    there = {f"{name}{ending}" for ending in (".parquet", ".npy") for name in names_of(run.folder, ending)}
    for name in sorted(recorded.keys() | there):
        stage = stage_of(name.rpartition(".")[0])
        hint = how_made_again(run.folder, run.manifest, stage, path=run.folder / name)
        if name not in recorded and "files" in run.manifest["stages"].get(stage, {}) and "/" in name:
            yield Part(name, "damaged", FOREIGN, f"take {run.folder / name} away, or {hint}")
            continue
        yield file_part(run.folder, name, recorded.get(name), hint=hint)


def _unfinished(run: Run) -> Iterator[Part]:
    for path in sorted(run.folder.glob("*/*.npz")):
        name = path.relative_to(run.folder).as_posix()
        yield file_part(run.folder, name, None, hint="Remove the folder and collect it again.")


def _references(run: Run) -> Iterator[Part]:
    """Follow every number that names a neuron, a sentence or a place."""
    checks: dict[str, Callable[[], None]] = {
        f"{name}.parquet": partial(_check_table, run, name)
        for name in names_of(run.folder, ".parquet")
        if not name.startswith(("index/", "against/"))
    }
    checks |= {f"{one} and {other}": partial(_check_rows, run, one, other, axis) for one, other, axis in _SAME_ROWS}
    if has_index(run.files) and run.is_current("describe"):
        index = SentenceIndex(run.files)
        checks |= {f"index/{name}": partial(getattr, index, name) for name in _INDEX}
    n_bad = 0
    for name, check in checks.items():
        how, hint = _what_is_wrong(check)
        if how is not None:
            n_bad += 1
            yield Part(f"references of {name}", "damaged", how, hint)
    if not n_bad:
        yield Part("references", "all resolve")


def _what_is_wrong(check: Callable[[], Any]) -> tuple[str | None, str]:
    try:
        check()
    except RunFolderError as error:
        return error.what, error.hint or ""
    return None, ""


def _check_table(run: Run, name: str) -> None:
    reader = run.files.parquet(name)
    names = reader.schema_arrow.names
    held_out = name.startswith("held_out/") or name == "sentences"
    ids = [each for each in _OF_KEPT if each in names and not held_out]
    neurons = [each for each in _OF_NEURONS if each in names]
    if not (ids or neurons):
        return
    kept = _kept(run) if ids else np.empty(0, np.int64)
    for batch in reader.iter_batches(columns=[*ids, *neurons], batch_size=1 << 20):
        for each in ids:
            rows_of_sentences(run.files, name, _numbers(batch.column(each)), kept=kept)
        for each in neurons:
            found = _numbers(batch.column(each))
            if len(found) and not (found.min() >= 0 and found.max() < run.n_neurons):
                how = f"its {each} names neurons that are not among the {run.n_neurons:,} of the run"
                raise damaged(run.folder, run.manifest, f"{name}.parquet", how)


def _kept(run: Run) -> NDArray[np.int64]:
    kept = _numbers(run.table("sentences", columns=["sentence_id"]).column("sentence_id"))
    if (kept[1:] <= kept[:-1]).any():
        raise damaged(run.folder, run.manifest, "sentences.parquet", "its sentence ids do not ascend")
    return kept


def _numbers(column: pa.Array | pa.ChunkedArray) -> NDArray[np.int64]:
    """Give the numbers of a column that are there."""
    numbers: NDArray[np.int64] = column.drop_null().to_numpy()
    return numbers


def _check_rows(run: Run, one: str, other: str, axis: int) -> None:
    """Refuse two files that belong together row by row and have other numbers of rows."""
    if not (run.files.has(one) and run.files.has(other)):
        return
    sizes = [_size(run, one, axis), _size(run, other, 0)]
    if sizes[0] != sizes[1]:
        raise damaged(run.folder, run.manifest, one, f"it is of {sizes[0]:,} rows, {other} of {sizes[1]:,}")


def _size(run: Run, file: str, axis: int) -> int:
    name, _, ending = file.rpartition(".")
    if ending == "npy":
        return int(run.files.array(name).shape[axis])
    return int(run.files.parquet(name).metadata.num_rows)
