"""How much of the bare forward pass does the whole pass keep, and how much faster is it than a plain script?

Three ways over the same sentences, one after the other in each round, in one process:

* bare: the model alone on the batches that neurolect feeds, tokenized and padded beforehand; nothing is kept
  (with ``--backend openvino`` its graph, which pools too: OpenVINO hands no token's states over).
* neurolect: ``collect`` from the prepared corpus to the finished run folder (reading, tokenizing, forward,
  pooling, both lists of every neuron, moments, histograms, samples, background counts, writing).
* plain: what one writes in an evening: corpus order, batches of 32, ``output_hidden_states``, mean pooling,
  a Python heap for every neuron (top lists only).

    python benchmarks/bench_end_to_end.py [--model minilm] [--sentences 4096] [--rounds 5] [--backend torch]
        [--without-plain]
"""

import argparse
import heapq
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from neurolect.collector import CollectOptions, collect
from neurolect.collector.feed.chunks import chunks
from neurolect.corpus import Corpus, PrepareOptions, prepare
from neurolect.demo_data import documents_path
from neurolect.model import Model, ModelOptions, load_model


def bare(model: Model, corpus: Corpus, options: CollectOptions) -> Callable[[], float]:
    feed = chunks(
        corpus,
        model,
        size=options.chunk_sentences or 1,
        token_budget=options.token_budget or 1,
        limit=options.limit,
    )
    batches = [model.pad(chunk.tokens, rows) for chunk in feed for rows in chunk.batches]

    def run() -> float:
        start = time.perf_counter()
        with torch.inference_mode():
            for batch in batches:
                if model.way.backend == "torch":
                    model.network(input_ids=batch.ids, attention_mask=batch.mask)
                else:
                    model.run(batch)
        return time.perf_counter() - start

    return run


def whole(model: Model, corpus: Corpus, options: CollectOptions, folder: Path) -> Callable[[], float]:
    def run() -> float:
        shutil.rmtree(folder, ignore_errors=True)
        start = time.perf_counter()
        collect(model, corpus, out=folder, options=options)
        return time.perf_counter() - start

    return run


def plain(model: Model, corpus: Corpus, options: CollectOptions) -> Callable[[], float]:
    texts = [text for table in corpus.batches(part="mining") for text in table.column("text").to_pylist()]
    texts = texts[: options.limit]
    size = options.resolved_list_size(len(texts))

    def run() -> float:
        start = time.perf_counter()
        heaps: list[list[tuple[float, int]]] = [[] for _ in range(model.neurons.n_neurons)]
        for first in range(0, len(texts), 32):
            batch = model.tokenizer(texts[first : first + 32], return_tensors="pt", padding=True, truncation=True)
            with torch.inference_mode():
                states = model.network(**batch, output_hidden_states=True).hidden_states[1:]
            mask = batch["attention_mask"][:, :, None].float()
            pooled = torch.cat([(each * mask).sum(1) / mask.sum(1) for each in states], dim=1)
            for row, activations in enumerate(pooled.tolist()):
                for heap, activation in zip(heaps, activations, strict=True):
                    if len(heap) < size:
                        heapq.heappush(heap, (activation, -first - row))
                    elif activation > heap[0][0]:
                        heapq.heapreplace(heap, (activation, -first - row))
        return time.perf_counter() - start

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="minilm")
    parser.add_argument("--sentences", type=int, default=4096)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--backend", default="torch")
    parser.add_argument("--without-plain", action="store_true", help="the plain script takes three times as long")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        corpus = prepare([documents_path()], out=Path(scratch) / "corpus", options=PrepareOptions())
        model = load_model(arguments.model, options=ModelOptions(backend=arguments.backend))
        # All read the same sentences: the held-out part, of which collect would read up to 4,000, is left out.
        limit = min(arguments.sentences, corpus.n_mining)
        options = CollectOptions(limit=limit, held_out_size=0).on_device(model.device.type)
        ways = {
            "bare": bare(model, corpus, options),
            "neurolect": whole(model, corpus, options, Path(scratch) / "run"),
        }
        if not arguments.without_plain:
            ways["plain"] = plain(model, corpus, options)
        ways["neurolect"]()  # compile the kernels
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(arguments.rounds):
            for name, run in ways.items():
                seconds[name].append(run())
    n = options.limit or 0
    print(f"{model.name} ({model.way.backend}), {model.neurons.n_neurons:,} neurons, {n:,} sentences")
    print(f"{torch.get_num_threads()} threads")
    for name, times in seconds.items():
        print(f"{name:>10}: {n / statistics.median(times):8.1f} sentences/s (median of {len(times)})")
    for name in ways.keys() - {"neurolect"}:
        ratios = sorted(other / own for other, own in zip(seconds[name], seconds["neurolect"], strict=True))
        low, middle, high = ratios[0], statistics.median(ratios), ratios[-1]
        print(f"neurolect / {name}: {middle:.2f} (from {low:.2f} to {high:.2f})")


if __name__ == "__main__":
    main()
