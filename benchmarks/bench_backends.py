"""How fast is a whole pass with each backend and number format of a CPU?

``collect`` runs from the prepared corpus to the finished run folder, with each way in turn in every round, in one
process; ratios are of the same round. Loading is timed apart: OpenVINO converts the network and tries it on batches
of several shapes. A way's first pass is not counted: kernels are compiled, and OpenVINO prepares itself for every
shape of a batch that it has not met. How much of the lists each format keeps: bench_precision.py.

    python benchmarks/bench_backends.py [--model minilm] [--corpus FOLDER] [--sentences 4096] [--rounds 3]
        [--ways torch-float32 torch-bfloat16 openvino-float32 openvino-bfloat16]
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import torch
from bench_end_to_end import whole

from neurolect.collector import CollectOptions
from neurolect.corpus import PrepareOptions, open_corpus, prepare
from neurolect.demo_data import documents_path
from neurolect.model import Model, ModelOptions, load_model

WAYS = ("torch-float32", "torch-bfloat16", "openvino-float32", "openvino-bfloat16")


def load(model: str, way: str) -> tuple[Model, float]:
    backend, dtype = way.split("-")
    start = time.perf_counter()
    return load_model(model, options=ModelOptions(backend=backend, dtype=dtype)), time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="minilm")
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--sentences", type=int, default=4096)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ways", nargs="+", default=WAYS)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        if arguments.corpus:
            corpus = open_corpus(arguments.corpus)
        else:
            corpus = prepare([documents_path()], out=Path(scratch) / "corpus", options=PrepareOptions())
        n = min(arguments.sentences, corpus.n_mining)
        options = CollectOptions(limit=n, held_out_size=0)
        loaded = {way: load(arguments.model, way) for way in arguments.ways}
        passes = {way: whole(model, corpus, options, Path(scratch) / way) for way, (model, _) in loaded.items()}
        first = {way: run() for way, run in passes.items()}
        rounds = [{way: run() for way, run in passes.items()} for _ in range(arguments.rounds)]
    model, _ = loaded[arguments.ways[0]]
    print(f"{model.name}, {model.neurons.n_neurons:,} neurons, {n:,} sentences, {torch.get_num_threads()} threads")
    print(
        f"| way | loading, s | first pass, s | sentences/s | times {arguments.ways[0]}'s |\n|---|---|---|---|---|"
    )
    for way in arguments.ways:
        ratios = sorted(each[arguments.ways[0]] / each[way] for each in rounds)
        spread = f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        rate = n / statistics.median(each[way] for each in rounds)
        print(f"| {way} | {loaded[way][1]:.1f} | {first[way]:.1f} | {rate:.1f} | {spread} |")


if __name__ == "__main__":
    main()
