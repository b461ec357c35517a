"""How fast do other ways of working find the same lists?

All ways read the same sentences and keep the N strongest of every neuron (top side), in the same process, one after
the other in each round:

* neurolect: ``collect``, from the prepared corpus to the finished run folder; it keeps both sides, moments,
  histograms, samples and background counts besides.
* bare: the model alone on the batches that neurolect feeds, tokenized and padded beforehand; nothing is kept.
* plain script: corpus order, batches of 32, mean pooling, a Python heap for every neuron.
* sentence by sentence: as NeuroX's extractor works: one sentence a forward pass, all layers' states of all its
  tokens copied to NumPy, then pooled; lists by argpartition every 1,024 sentences.
* layer by layer: as Transluce's neuron descriptions were made: one whole pass over the corpus for each layer,
  batches of 32 in corpus order, that layer's lists alone kept, by torch.topk at every batch.

Written here as ways of working; neither is the other project's code.

    python benchmarks/bench_ways.py [--model minilm] [--sentences 1536] [--rounds 3] [--backend torch]
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from bench_end_to_end import bare, plain, whole

from neurolect.collector import CollectOptions
from neurolect.corpus import Corpus, PrepareOptions, prepare
from neurolect.demo_data import documents_path
from neurolect.model import Model, ModelOptions, load_model


def texts_of(corpus: Corpus, n: int) -> list[str]:
    texts = [text for table in corpus.batches(part="mining") for text in table.column("text").to_pylist()]
    return texts[:n]


def sentence_by_sentence(model: Model, texts: list[str], size: int) -> Callable[[], float]:
    def run() -> float:
        start = time.perf_counter()
        kept = np.empty((0, model.neurons.n_neurons), dtype=np.float32)
        kept_ids = np.empty((0, model.neurons.n_neurons), dtype=np.int64)
        waiting: list[np.ndarray] = []
        for number, text in enumerate(texts):
            tokens = model.tokenizer([text], return_tensors="pt", truncation=True)
            with torch.inference_mode():
                states = model.network(**tokens, output_hidden_states=True).hidden_states[1:]
            of_tokens = [each[0].numpy() for each in states]
            waiting.append(np.concatenate([each[1:-1].mean(axis=0) for each in of_tokens]))
            if len(waiting) == 1024 or number + 1 == len(texts):
                ids = np.arange(number + 1 - len(waiting), number + 1)
                kept = np.concatenate([kept, np.stack(waiting)])
                kept_ids = np.concatenate([kept_ids, np.broadcast_to(ids[:, None], (len(ids), kept.shape[1]))])
                waiting = []
                if len(kept) > size:
                    at = np.argpartition(kept, -size, axis=0)[-size:]
                    kept, kept_ids = np.take_along_axis(kept, at, 0), np.take_along_axis(kept_ids, at, 0)
        return time.perf_counter() - start

    return run


def layer_by_layer(model: Model, texts: list[str], size: int) -> Callable[[], float]:
    def run() -> float:
        start = time.perf_counter()
        for layer in range(1, model.n_layers + 1):
            kept = torch.empty((0, model.network.config.hidden_size))
            kept_ids = torch.empty((0, kept.shape[1]), dtype=torch.int64)
            for first in range(0, len(texts), 32):
                tokens = model.tokenizer(
                    texts[first : first + 32], return_tensors="pt", padding=True, truncation=True
                )
                with torch.inference_mode():
                    states = model.network(**tokens, output_hidden_states=True).hidden_states[layer]
                    mask = tokens["attention_mask"][:, :, None].float()
                    pooled = (states * mask).sum(1) / mask.sum(1)
                    ids = torch.arange(first, first + len(pooled))[:, None].expand_as(pooled)
                    together, own = torch.cat([kept, pooled]), torch.cat([kept_ids, ids])
                    kept, at = together.topk(min(size, len(together)), dim=0, sorted=False)
                    kept_ids = own.gather(0, at)
        return time.perf_counter() - start

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="minilm")
    parser.add_argument("--sentences", type=int, default=1536)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--backend", default="torch")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        corpus = prepare([documents_path()], out=Path(scratch) / "corpus", options=PrepareOptions())
        model = load_model(arguments.model, options=ModelOptions(backend=arguments.backend))
        n = min(arguments.sentences, corpus.n_mining)
        # all ways read the same sentences: collect would read up to 4,000 of the held-out part too
        options = CollectOptions(limit=n, held_out_size=0).on_device(model.device.type)
        texts, size = texts_of(corpus, n), options.resolved_list_size(n)
        ways = {
            "neurolect": whole(model, corpus, options, Path(scratch) / "run"),
            "bare": bare(model, corpus, options),
            "plain script": plain(model, corpus, options),
            "sentence by sentence": sentence_by_sentence(model, texts, size),
            "layer by layer": layer_by_layer(model, texts, size),
        }
        ways["neurolect"]()  # compile the kernels
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(arguments.rounds):
            for name, way in ways.items():
                seconds[name].append(way())
    print(
        f"{model.name} ({model.way.backend}), {model.neurons.n_neurons:,} neurons, {n:,} sentences, "
        f"{torch.get_num_threads()} threads, lists of {size:,}"
    )
    for name, times in seconds.items():
        ratios = sorted(other / own for other, own in zip(times, seconds["neurolect"], strict=True))
        spread = (
            f"{statistics.median(ratios):.2f} times neurolect's time (from {ratios[0]:.2f} to {ratios[-1]:.2f})"
        )
        print(f"{name:>22}: {n / statistics.median(times):7.1f} sentences/s, {spread}")


if __name__ == "__main__":
    main()
