"""A collected run of many mlp neurons whose lists are generated: real sentences, no network that made them.

A tiny decoder with random weights reads the corpus, so that sentences, background and sample are what ``collect``
writes. Lists are of random directions of a space of model tokens: a sentence's score is the sum over its tokens,
by a root of its length; the firing token is the one that gives most. Run from ``bench_signatures.py``.
"""

import json
from pathlib import Path

import numba
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from corpus_lists import DIMENSIONS, highest
from numpy.typing import NDArray
from transformers import AutoTokenizer, LlamaConfig, LlamaModel

from neurolect.collector import CollectOptions, collect
from neurolect.corpus import open_corpus
from neurolect.folders.models import locate_model
from neurolect.model import Model, ModelOptions
from neurolect.progress import LogProgress
from neurolect.store import Run, open_run
from neurolect.store.files import record_files

WIDTH = 32
BLOCK = 1024


def generated_run(corpus: Path, out: Path, *, tokenizer: str, n_sentences: int, n_neurons: int, size: int) -> Run:
    """Collect for real with a tiny decoder, then put generated lists of more neurons in the place of its own."""
    model = _tiny_decoder(tokenizer)
    opened = open_corpus(corpus)
    n = min(n_sentences, opened.n_mining)
    options = CollectOptions(
        list_size=n // 2,  # so that every sentence is kept
        sides=("top", "bottom"),
        limit=n,
        held_out_size=0,
        activation_sample_size=100,
        peak_entries=0,
        monitor_every=n,
    )
    run = collect(model, opened, out=out, options=options, progress=LogProgress())
    _put_lists(run, model, n_neurons=n_neurons, size=size)
    return open_run(out)


def _tiny_decoder(tokenizer: str) -> Model:
    folder = str(locate_model(tokenizer)[0])
    loaded = AutoTokenizer.from_pretrained(folder)
    config = LlamaConfig(
        vocab_size=len(loaded),
        hidden_size=WIDTH,
        intermediate_size=WIDTH,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
    )
    torch.manual_seed(0)
    options = ModelOptions(sites=("hidden",), pooling="max")
    network = LlamaModel(config).eval()
    return Model(network, loaded, name=tokenizer, options=options, max_tokens=512, fingerprint="generated")


def _put_lists(run: Run, model: Model, *, n_neurons: int, size: int) -> None:
    """Replace everything that is by neuron; the manifest then says what is there."""
    folder, sentences = run.folder, run.sentences()
    (folder / "lists" / "bottom.parquet").unlink()
    read = model.tokenize(sentences.column("text").to_pylist())
    _write_top(
        folder / "lists" / "top.parquet",
        read.ids,
        read.offsets,
        sentence_ids=sentences.column("sentence_id").to_numpy(),
        n_neurons=n_neurons,
        size=size,
    )
    places = np.arange(n_neurons) % run.n_neurons
    _write_neurons(folder, places)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    n_layers, width = _layers(n_neurons)
    manifest["model"] |= {
        "n_layers": n_layers,
        "sites": [{"site": "mlp", "layer": layer, "width": width} for layer in range(1, n_layers + 1)],
    }
    manifest["options"]["model"]["sites"] = ["mlp"]
    manifest["options"]["collect"] |= {"sides": ["top"], "list_size": size}
    manifest["stages"]["collect"]["files"] = record_files(folder, "collect")
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


def _layers(n_neurons: int) -> tuple[int, int]:
    n_layers = 16 if n_neurons % 16 == 0 else 1
    return n_layers, n_neurons // n_layers


def _write_neurons(folder: Path, places: NDArray[np.int64]) -> None:
    """Repeat the tiny decoder's moments, histograms and kept activations."""
    width = _layers(len(places))[1]
    numbers = np.arange(len(places))
    layers, indices = numbers // width + 1, numbers % width
    table = pq.read_table(folder / "neurons.parquet").take(pa.array(places))
    new = {
        "neuron_id": pa.array(numbers, pa.int32()),
        "address": pa.array([f"mlp.{layer}.{index}" for layer, index in zip(layers, indices, strict=True)]),
        "site": pa.array(["mlp"] * len(places)),
        "layer": pa.array(layers, pa.int16()),
        "index": pa.array(indices, pa.int32()),
    }
    columns = {name: new.get(name, table.column(name)) for name in table.column_names}
    pq.write_table(pa.table(columns), folder / "neurons.parquet")
    for name in ("histograms", "sample/activations"):
        np.save(folder / f"{name}.npy", np.load(folder / f"{name}.npy")[places])
    for name in ("lists/quantiles", "convergence/neurons"):
        path = folder / f"{name}.parquet"
        if path.is_file():
            pq.write_table(_repeated(pq.read_table(path), places), path)


def _repeated(table: pa.Table, places: NDArray[np.int64]) -> pa.Table:
    """Repeat the rows of each neuron for those in its place."""
    own = table.column("neuron_id").to_numpy()
    order = np.argsort(own, kind="stable")
    bounds = np.searchsorted(own[order], np.arange(int(places.max()) + 2))
    rows = [order[bounds[each] : bounds[each + 1]] for each in places]
    of = np.repeat(np.arange(len(places), dtype=np.int32), [len(each) for each in rows])
    taken = table.take(pa.array(np.concatenate(rows)))
    return taken.set_column(taken.column_names.index("neuron_id"), "neuron_id", pa.array(of, pa.int32()))


def _write_top(
    path: Path,
    ids: NDArray[np.int32],
    starts: NDArray[np.int64],
    *,
    sentence_ids: NDArray[np.int64],
    n_neurons: int,
    size: int,
) -> None:
    """Write generated lists, a block of neurons at a time."""
    random = np.random.default_rng(0)
    tokens = random.standard_normal((int(ids.max()) + 1, DIMENSIONS), dtype=np.float32)
    sums = np.add.reduceat(tokens[ids], starts[:-1], axis=0)
    sums /= np.diff(starts)[:, None].astype(np.float32) ** 0.6
    writer: pq.ParquetWriter | None = None
    for first in range(0, n_neurons, BLOCK):
        n = min(BLOCK, n_neurons - first)
        directions = random.standard_normal((DIMENSIONS, n), dtype=np.float32)
        rows = np.empty((n, size), np.int64)
        values = np.empty((n, size), np.float32)
        for at in range(0, n, 64):
            for place, scores in enumerate(np.ascontiguousarray((sums @ directions[:, at : at + 64]).T), start=at):
                rows[place] = highest(scores, size)
                values[place] = scores[rows[place]]
        firing = strongest_token(rows, ids, starts, np.ascontiguousarray((tokens @ directions).T))
        table = pa.table(
            {
                "neuron_id": np.repeat(np.arange(first, first + n, dtype=np.int32), size),
                "rank": np.tile(np.arange(size, dtype=np.int32), n),
                "sentence_id": sentence_ids[rows].ravel(),
                "activation": values.ravel(),
                "token": firing.ravel(),
            }
        )
        writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd", write_page_checksum=True)
        writer.write_table(table, row_group_size=1 << 17)
    if writer is not None:
        writer.close()


@numba.njit(cache=True)
def strongest_token(
    rows: NDArray[np.int64], ids: NDArray[np.int32], starts: NDArray[np.int64], scores: NDArray[np.float32]
) -> NDArray[np.int16]:
    """Find the token of each listed sentence that gives most."""
    found = np.empty(rows.shape, np.int16)
    for neuron in range(rows.shape[0]):
        for place in range(rows.shape[1]):
            start, end = starts[rows[neuron, place]], starts[rows[neuron, place] + 1]
            best = start
            for token in range(start, end):
                if scores[neuron, ids[token]] > scores[neuron, ids[best]]:
                    best = token
            found[neuron, place] = best - start
    return found
