"""The second pass: activations at the tokens of the wanted sentences, in parts that outlive an interruption."""

import shlex
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.errors import ModelError, RunFolderError
from neurolect.folders.atomic import write_table
from neurolect.folders.parquet import ParquetReader
from neurolect.folders.parts import begin_parts
from neurolect.model import Model
from neurolect.model.token_values import read_token_values
from neurolect.model.word_alignment import TokenSpans
from neurolect.progress import Progress, Task
from neurolect.store import Run
from neurolect.tokens.entries import pack_values

PART_SENTENCES = 256
"""Sentences of a part on a processor, which an interrupt may lose; eight times as many on a GPU."""
PARTIAL = "tokens/partial"
_KEYS = ("sentence_id", "neuron_id", "side", "rank")
NO_SPANS = TokenSpans(np.empty(0, np.int32), np.empty(0, np.int32))
FAR = 0.1
"""Standard deviations by which a list's activation may differ from the one computed again, in the middle of all."""


def read_entries(run: Run, model: Model, wanted: pa.Table, *, progress: Progress) -> tuple[pa.Table, pa.Table]:
    """Read the wanted neurons at the tokens of the wanted sentences.

    Its parts stay in the folder until :func:`forget_parts`: an interrupt after the pass loses nothing of it.

    Returns: entries: pyarrow.Table. ``tokens/entries`` of ``docs/run_folder.md``, in the order of `wanted`.
    Returns: sentences: pyarrow.Table. ``tokens/sentences``, ascending id.
    """
    sentence_ids = np.unique(wanted.column("sentence_id").to_numpy())
    folder, size = run.folder / PARTIAL, PART_SENTENCES * (1 if model.device.type == "cpu" else 8)
    _begin(folder, wanted, model=model, size=size)
    order = np.argsort(wanted.column("sentence_id").to_numpy(), kind="stable")
    by_sentence = wanted.take(pa.array(order))
    ids = by_sentence.column("sentence_id").to_numpy()
    read: list[tuple[pa.Table, pa.Table]] = []
    with progress.task("tokens", total=len(sentence_ids), unit="sentences") as task:
        for number, part in enumerate(_parts(sentence_ids, size)):
            low, high = np.searchsorted(ids, [part[0], part[-1] + 1])
            entries = by_sentence.slice(low, high - low)
            if not (folder / f"entries-{number}.parquet").is_file():
                made, spans = _read_part(run, model, entries, part, task=task)
                write_table(folder / f"sentences-{number}.parquet", spans)
                write_table(folder / f"entries-{number}.parquet", made)
            else:
                task.advance(len(part))
            spans = _part(folder, f"sentences-{number}.parquet", of=pa.table({"sentence_id": part}))
            read.append((_part(folder, f"entries-{number}.parquet", of=entries), spans))
    entries, sentences = (pa.concat_tables(each) for each in zip(*read, strict=True))
    entries = entries.take(pa.array(np.argsort(order)))
    _check(run, model, wanted, entries)
    return entries.drop_columns(["pooled"]), sentences


def forget_parts(run: Run) -> None:
    """Remove the parts of the pass, once all that is made of them is written."""
    rmtree(run.folder / PARTIAL, ignore_errors=True)


def _part(folder: Path, name: str, *, of: pa.Table) -> pa.Table:
    """Read back one part; refuse one that is not of these neurons and sentences."""

    def damaged(how: str) -> RunFolderError:
        what = f"What an interrupted `neurolect tokens` left in {folder} is damaged: {name}: {how}."
        return RunFolderError(what, hint=f"Remove it and give the command again: rm -r {shlex.quote(str(folder))}")

    try:
        table = ParquetReader(folder / name, damaged=damaged, doubted=True).read()
    except FileNotFoundError as error:
        how = "it is missing"
        raise damaged(how) from error
    keys = [each for each in _KEYS if each in of.column_names]
    if not (set(keys) <= set(table.column_names) and table.select(keys).equals(of.select(keys))):
        how = "it is of other neurons or sentences"
        raise damaged(how)
    return table


def _begin(folder: Path, wanted: pa.Table, *, model: Model, size: int) -> None:
    """Resume with the parts that are there if they are parts of the same work."""
    columns = [wanted.column(name).to_numpy() for name in ("neuron_id", "rank", "sentence_id")]
    key = {
        "model": model.fingerprint,
        "dtype": model.dtype,
        "n": wanted.num_rows,
        "part": size,
        "sums": [int((column.astype(np.int64) * (np.arange(len(column)) % 8191 + 1)).sum()) for column in columns],
    }
    begin_parts(folder, key)


def _parts(sentence_ids: NDArray[np.int64], size: int) -> Iterator[NDArray[np.int64]]:
    for start in range(0, len(sentence_ids), size):
        yield sentence_ids[start : start + size]


def _read_part(
    run: Run, model: Model, entries: pa.Table, sentence_ids: NDArray[np.int64], *, task: Task
) -> tuple[pa.Table, pa.Table]:
    """Run the model on some sentences."""
    sentences = run.take_sentences(sentence_ids)
    texts = sentences.column("text").to_pylist()
    sources = [sentences.column(each).to_pylist() for each in model.source_columns]
    rows = np.searchsorted(sentence_ids, entries.column("sentence_id").to_numpy())
    first = np.searchsorted(rows, np.arange(len(texts) + 1))
    wanted = np.split(entries.column("neuron_id").to_numpy().astype(np.int64), first[1:-1])
    values: list[NDArray[np.float32]] = [np.empty(0, np.float32)] * len(rows)
    spans: list[TokenSpans] = [NO_SPANS] * len(texts)
    for each in read_token_values(model, texts, sources=sources[0] if sources else None, neurons=wanted):
        task.advance()
        spans[each.number] = each.spans
        if len(each.values):
            values[first[each.number] : first[each.number + 1]] = list(np.ascontiguousarray(each.values.T))
    pooled = np.array([_pool(each, model.options.pooling) for each in values], np.float32)
    table = entries.drop_columns(["activation"])
    for name, column in (pack_values(values) | {"pooled": pa.array(pooled)}).items():
        table = table.append_column(name, column)
    starts, ends = (pa.array([each[k].tolist() for each in spans], pa.list_(pa.int32())) for k in (0, 1))
    return table, pa.table({"sentence_id": sentence_ids, "starts": starts, "ends": ends})


def _pool(values: NDArray[np.float32], pooling: str) -> float:
    """Pool again, to compare with the list."""
    if pooling == "mean":
        return float(values.mean(dtype=np.float64))
    return float({"max": values.max(), "first": values[0], "last": values[-1]}[pooling])


def _check(run: Run, model: Model, wanted: pa.Table, entries: pa.Table) -> None:
    """Compare what was pooled again with the lists."""
    deviation = run.table("neurons", columns=["std"]).column("std").to_numpy(zero_copy_only=False)
    units = np.maximum(deviation[wanted.column("neuron_id").to_numpy()], 1e-12)
    listed, pooled = wanted.column("activation").to_numpy(), entries.column("pooled").to_numpy()
    middle = float(np.median(np.abs(listed - pooled) / units)) if len(units) else 0.0
    if not middle <= FAR:
        what = (
            f"The model {model.name!r} gives other activations than the lists of {run.folder} have: they differ by "
        )
        what += f"{middle:.2f} standard deviations."
        raise ModelError(what, expected="the model and the options of the run", hint="Give it with --model.")
