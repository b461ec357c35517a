"""Write what a finished pass gives: the tables and arrays of the run folder."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from neurolect.collector.background import Background
from neurolect.collector.held_out import narrowed, take_kept
from neurolect.collector.lists.quantiles import quantile_sample
from neurolect.collector.options import CollectOptions
from neurolect.collector.parts import Lists
from neurolect.collector.process import n_own_cores
from neurolect.collector.state import CollectState
from neurolect.corpus import Corpus
from neurolect.folders.atomic import replacing, write_npy, write_table
from neurolect.folders.parquet import CHECKED
from neurolect.model.neurons import NeuronIndex
from neurolect.model.options import plain_site
from neurolect.progress import Progress, Task
from neurolect.statistics.sorting import distinct
from neurolect.store.sides import peaks_of

_ROWS_AT_ONCE = 1 << 20
_SENTENCES_AT_ONCE = 1 << 17
_THREADS = 4


def write_results(
    folder: Path,
    state: CollectState,
    *,
    corpus: Corpus,
    neurons: NeuronIndex,
    sample_ids: NDArray[np.int64],
    options: CollectOptions,
    progress: Progress,
) -> int:
    """Write everything ``collect`` owes the run folder, but the manifest.

    ``sample_ids``: int64, shape (n,). The uniform sample, in sample order.
    """
    total = neurons.n_neurons * len(state.lists)
    with progress.task("write", total=total, unit="lists") as task:
        return _write(folder, state, task, corpus=corpus, neurons=neurons, sample_ids=sample_ids, options=options)


def _write(
    folder: Path,
    state: CollectState,
    task: Task,
    *,
    corpus: Corpus,
    neurons: NeuronIndex,
    sample_ids: NDArray[np.int64],
    options: CollectOptions,
) -> int:
    """Write all of it in threads."""
    kept = distinct(np.concatenate([sample_ids, *(lists.sentence_ids() for lists in state.lists.values())]))
    # those that take longest first
    write_lists = partial(_write_lists, neurons=neurons, task=task, gated=state.plan.gated)
    jobs: list[Callable[[], None]] = [
        *(partial(write_lists, folder / "lists" / f"{side}.parquet", lists) for side, lists in state.lists.items()),
        *(
            partial(write_npy, folder / f"{peaks_of(side)}.npy", peaks.sorted()[1])
            for side, peaks in state.peaks.items()
        ),
        partial(_write_sentences, folder / "sentences.parquet", corpus, kept),
        partial(_write_background, folder / "background", state.background),
        partial(_write_sample, folder, state, sample_ids, options),
        partial(_write_neurons, folder, state, neurons),
    ]
    with ThreadPoolExecutor(min(len(jobs), max(2, n_own_cores()))) as pool:
        for written in [pool.submit(job) for job in jobs]:
            written.result()
    return len(kept)


def _write_background(folder: Path, background: Background) -> None:
    """Write the counts over all sentences."""
    for name, table in (
        ("words", background.words_table()),
        ("lengths", background.lengths_table()),
        ("metadata", background.metadata_table()),
    ):
        write_table(folder / f"{name}.parquet", table)


def _write_sample(
    folder: Path, state: CollectState, sample_ids: NDArray[np.int64], options: CollectOptions
) -> None:
    """Write the uniform sample, and what is chosen from it."""
    sample = state.sample.to_host()
    activations = np.ascontiguousarray(sample.activations.T)
    dtype = options.kept_activations(len(activations)).dtype
    write_npy(folder / "sample" / "activations.npy", narrowed(activations, dtype))
    write_table(folder / "sample" / "sentences.parquet", pa.table({"sentence_id": pa.array(sample_ids)}))
    _write_quantiles(folder, activations, sample.sentence_ids, options.quantile_sentences)


def _write_sentences(path: Path, corpus: Corpus, sentence_ids: NDArray[np.int64]) -> None:
    """Write text and metadata of the kept sentences, so many at once that memory does not grow with them."""
    with replacing(path) as temporary:
        writer: pq.ParquetWriter | None = None
        for start in range(0, max(1, len(sentence_ids)), _SENTENCES_AT_ONCE):
            table = take_kept(corpus, sentence_ids[start : start + _SENTENCES_AT_ONCE])
            if writer is None:
                writer = pq.ParquetWriter(temporary, table.schema, compression="zstd", **CHECKED)
            writer.write_table(table, row_group_size=1 << 17)
        if writer is not None:
            writer.close()


def _write_lists(path: Path, lists: Lists, *, neurons: NeuronIndex, task: Task, gated: bool) -> None:
    """Write one side's lists, a block of neurons at a time."""
    widths = [each.width for each in neurons.site_layers]
    with_gate = (
        np.repeat([plain_site(each.site) == "mlp" for each in neurons.site_layers], widths) if gated else None
    )
    block = max(1, _ROWS_AT_ONCE // lists.list_size)
    with replacing(path) as temporary:
        writer: pq.ParquetWriter | None = None
        tables = _lists_tables(lists, neurons.n_neurons, block, with_gate)
        for start, table in zip(range(0, neurons.n_neurons, block), tables, strict=True):
            if writer is None:
                writer = pq.ParquetWriter(temporary, table.schema, **_encoding(table.schema))
            writer.write_table(table, row_group_size=_ROWS_AT_ONCE // 8)
            task.advance(min(block, neurons.n_neurons - start))
        if writer is not None:
            writer.close()


def _encoding(schema: pa.Schema) -> dict[str, Any]:
    """Say how the columns of lists are written: fast, and a third smaller than the usual way.

    Only the neuron's number repeats; numbers of few bits are packed, and sorted floats compress byte by byte.
    """
    encodings = {name: "DELTA_BINARY_PACKED" for name in ("rank", "sentence_id")}
    compression = {name: "none" for name in schema.names} | {"activation": "zstd"}
    return {
        "use_dictionary": [name for name in ("neuron_id", "token") if name in schema.names],
        "column_encoding": encodings | {"activation": "BYTE_STREAM_SPLIT"},
        "compression": compression,
        **CHECKED,
    }


def _lists_tables(
    lists: Lists, n_neurons: int, block: int, with_gate: NDArray[np.bool_] | None
) -> Iterator[pa.Table]:
    """Make the tables of all blocks of neurons in order, a few ahead in threads."""
    lists.sorted(0, 1)  # cuts the buffers once, so that the threads only read
    running: deque[Future[pa.Table]] = deque()
    with ThreadPoolExecutor(_THREADS) as pool:
        for start in range(0, n_neurons, block):
            running.append(pool.submit(_lists_table, lists, start, min(start + block, n_neurons), with_gate))
            if len(running) > _THREADS:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()


def _lists_table(lists: Lists, start: int, stop: int, with_gate: NDArray[np.bool_] | None) -> pa.Table:
    """Make the long table of some neurons' lists; ``with_gate``: of which neurons tokens tell the gate's sign."""
    block = lists.sorted(start, stop)
    there = block.sentence_ids >= 0
    shape = there.shape
    # Usually all are; picking one by one would take most of the time.
    filled: NDArray[np.bool_] | slice = slice(None) if there.all() else there
    neuron_ids = np.broadcast_to(np.arange(start, stop, dtype=np.int32)[:, None], shape)
    ranks = np.broadcast_to(np.arange(shape[1], dtype=np.int32)[None, :], shape)
    columns: dict[str, NDArray[np.generic]] = {
        "neuron_id": neuron_ids[filled],
        "rank": ranks[filled],
        "sentence_id": block.sentence_ids[filled],
        "activation": block.activations[filled],
    }
    if block.tokens is not None:
        at = block.tokens[filled]
        columns["token"] = np.where(at < 0, ~at, at)
    table = pa.table({name: pa.array(column.reshape(-1)) for name, column in columns.items()})
    if with_gate is None:
        return table
    without = ~with_gate[table.column("neuron_id").to_numpy()]
    return table.append_column("gate", pa.array(at.reshape(-1) >= 0, mask=without))


def _write_neurons(folder: Path, state: CollectState, neurons: NeuronIndex) -> None:
    """Write ``neurons.parquet`` and the histograms."""
    sums = state.moments.to_host()
    fits = sums.histograms.max(initial=0) <= np.iinfo(np.int32).max
    write_npy(folder / "histograms.npy", sums.histograms.astype(np.int32 if fits else np.int64))
    moments = sums.table()
    sites = [each.site for each in neurons.site_layers for _ in range(each.width)]
    layers = [each.layer for each in neurons.site_layers for _ in range(each.width)]
    indices = [index for each in neurons.site_layers for index in range(each.width)]
    columns = {
        "neuron_id": pa.array(np.arange(neurons.n_neurons, dtype=np.int32)),
        "address": pa.array(neurons.addresses()),
        "site": pa.array(sites),
        "layer": pa.array(layers, pa.int16()),
        "index": pa.array(indices, pa.int32()),
    }
    columns |= {name: pa.array(values, from_pandas=True) for name, values in moments._asdict().items()}
    columns["bin_low"] = pa.array(sums.bins.low)
    columns["bin_width"] = pa.array(sums.bins.width)
    write_table(folder / "neurons.parquet", pa.table(columns))


def _write_quantiles(
    folder: Path, activations: NDArray[np.float32], sentence_ids: NDArray[np.int64], per_quantile: int
) -> None:
    """Write ``lists/quantiles.parquet``."""
    chosen = quantile_sample(activations, per_quantile=per_quantile)
    neuron, quantile, _ = np.nonzero(chosen >= 0)
    columns = chosen[chosen >= 0]
    table = pa.table(
        {
            "neuron_id": pa.array(neuron.astype(np.int32)),
            "quantile": pa.array(quantile.astype(np.int8)),
            "sentence_id": pa.array(sentence_ids[columns]),
            "activation": pa.array(activations[neuron, columns]),
        }
    )
    write_table(folder / "lists" / "quantiles.parquet", table)
