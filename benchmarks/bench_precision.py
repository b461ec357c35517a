"""How much of the float32 lists do other backends and number formats keep, and how fast are they?

The same sentences are run through one model in several ways; every way keeps the N highest and the N lowest
sentences of every neuron. Reported for each: the mean share of PyTorch's float32 lists that it has too, and its
speed over PyTorch's in float32 (forward and pooling, paired, chunk by chunk; of CPU time with one thread, which
neighbours on the machine disturb less, else of wall time). Without ``--corpus`` the demo corpus is read (18,600
sentences); with few sentences a list is a large share of them, which flatters every format.

    python benchmarks/bench_precision.py [--model minilm] [--corpus FOLDER] [--sentences 60000]
        [--list-sizes 100 1000 10000] [--ways torch-bfloat16 openvino-float32 openvino-bfloat16]
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from neurolect.collector.feed.chunks import chunks
from neurolect.collector.lists.top_lists import TopLists
from neurolect.corpus import Corpus, PrepareOptions, open_corpus, prepare
from neurolect.demo_data import documents_path
from neurolect.model import Model, ModelOptions, load_model

REFERENCE = "torch-float32"


def load(model: str, way: str) -> Model:
    backend, dtype = way.split("-")
    return load_model(model, options=ModelOptions(backend=backend, dtype=dtype))


def share_kept(ours: TopLists, theirs: TopLists) -> tuple[float, float]:
    """Give the mean over neurons of the share of the first lists' sentences in the second, and the smallest."""
    a, b = (each.sorted().sentence_ids for each in (ours, theirs))
    shares = np.array([len(np.intersect1d(x, y)) / len(x) for x, y in zip(a, b, strict=True)])
    return float(shares.mean()), float(shares.min())


def measure(models: dict[str, Model], corpus: Corpus, n: int, sizes: list[int]) -> None:
    n_neurons = models[REFERENCE].neurons.n_neurons
    sides = ("top", "bottom")
    lists = {
        (way, size, side): TopLists(n_neurons, size, side=side)
        for way in models
        for size in sizes
        for side in sides
    }
    seconds: dict[str, list[float]] = {way: [] for way in models}
    n_read = 0
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    for chunk in chunks(corpus, models[REFERENCE], size=1024, token_budget=2048, limit=n):
        ids = chunk.sentences.column("sentence_id").to_numpy()
        batches = [models[REFERENCE].pad(chunk.tokens, rows) for rows in chunk.batches]
        for way, model in models.items():
            start = clock()
            made = [model.read(batch).values for batch in batches]
            seconds[way].append(clock() - start)
            for rows, values in zip(chunk.batches, made, strict=True):
                for (owner, _, _), each in lists.items():
                    if owner == way:
                        each.update(values, sentence_ids=ids[rows])
        n_read += chunk.sentences.num_rows
    print(f"{n_read:,} sentences, {n_neurons:,} neurons, {torch.get_num_threads()} threads; both sides")
    print("| way | " + " | ".join(f"N = {size:,}: mean (worst neuron)" for size in sizes) + " | speed |")
    print("|---|" + "---|" * (len(sizes) + 1))
    for way in models:
        cells = []
        for size in sizes:
            found = [share_kept(lists[REFERENCE, size, side], lists[way, size, side]) for side in sides]
            mean, worst = statistics.mean(share for share, _ in found), min(least for _, least in found)
            cells.append(f"{mean:.3%} ({worst:.1%})")
        # the first chunk warms up
        ratios = [a / b for a, b in zip(seconds[REFERENCE][1:], seconds[way][1:], strict=True)] or [1.0]
        low, middle, high = np.quantile(ratios, [0.1, 0.5, 0.9])
        print(f"| {way} | " + " | ".join(cells) + f" | {middle:.2f} ({low:.2f} to {high:.2f}) |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="minilm")
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--sentences", type=int, default=60_000)
    parser.add_argument("--list-sizes", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--ways", nargs="*", default=["torch-bfloat16", "openvino-float32", "openvino-bfloat16"])
    arguments = parser.parse_args()
    models = {way: load(arguments.model, way) for way in (REFERENCE, *arguments.ways)}
    with tempfile.TemporaryDirectory() as scratch:
        if arguments.corpus:
            corpus = open_corpus(arguments.corpus)
        else:
            corpus = prepare([documents_path()], out=Path(scratch) / "corpus", options=PrepareOptions())
        n = min(arguments.sentences, corpus.n_mining)
        measure(models, corpus, n, [size for size in arguments.list_sizes if 2 * size <= n])


if __name__ == "__main__":
    main()
