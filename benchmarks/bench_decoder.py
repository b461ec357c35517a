"""How near does a pass over all mlp neurons of a decoder come to the bare forward pass on one GPU?

Random weights of a decoder's shape, made in memory, bfloat16; generated sentences as long as English ones (24 model
tokens on average) whose words are distributed as Zipf says; max pooling, both sides.

* bare: the network alone, packed, on batches that lie on the GPU already; nothing is read off.
* pooled: the same, with all neurons pooled and the token of each maximum found.
* collect: with lists of the lowest minima too, the gate's sign and the values about firing tokens, unless
  ``--no-peaks`` is given; from the corpus folder to the finished run folder. ``pass`` is the rate from its first
  launch until the device is through with all (pass_clock.py).
* layers: as Transluce's neuron descriptions were made: a pass for each layer, which ends behind it; all pooled
  activations of a chunk are kept, then topk of these and of the best so far, on both sides. Padded sentences sorted
  by length; PyTorch alone. Its rate is of all layers' passes together.

Bare, pooled and collect take turns; the median and all rounds are printed. Bare and pooled read as many chunks of
16,384 sentences as ``--chunks`` says: with ``--limit`` that many sentences, the very sentences of the pass.

    python benchmarks/bench_decoder.py make CORPUS --sentences 300000
    python benchmarks/bench_decoder.py run CORPUS --shape llama-1b --list-size 1000 --rounds 3
"""

import argparse
import json
import shutil
import statistics
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pass_clock import clocked_pass
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaModel, PreTrainedTokenizerFast

from neurolect.collector import CollectOptions, collect
from neurolect.collector.feed.chunks import chunks
from neurolect.corpus import Corpus, PrepareOptions, open_corpus, prepare
from neurolect.model import Model, ModelOptions
from neurolect.model.batching import PaddedBatch
from neurolect.model.pooling.receive import on_device
from neurolect.progress import NullProgress

_WORDS = 30_000
_SHAPES = {
    "llama-1b": {"num_hidden_layers": 16, "hidden_size": 2048, "intermediate_size": 8192, "heads": (32, 8)},
    "llama-8b": {"num_hidden_layers": 32, "hidden_size": 4096, "intermediate_size": 14_336, "heads": (32, 8)},
    "llama-90b": {"num_hidden_layers": 28, "hidden_size": 16_384, "intermediate_size": 53_248, "heads": (128, 8)},
    "smollm2": {"num_hidden_layers": 30, "hidden_size": 576, "intermediate_size": 1536, "heads": (9, 3)},
    "tiny": {"num_hidden_layers": 2, "hidden_size": 64, "intermediate_size": 192, "heads": (4, 2)},
}


def make_corpus(out: Path, n: int) -> None:
    rng = np.random.default_rng(0)
    lengths = np.clip(rng.lognormal(3.05, 0.5, n).round().astype(int), 4, 120)
    shares = 1 / (np.arange(_WORDS) + 2.7)
    words = rng.choice(_WORDS, size=int(lengths.sum()), p=shares / shares.sum())
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "generated.txt"
        ends = np.cumsum(lengths)
        spelled = np.array([_spelled(number) for number in range(_WORDS)])[words]
        with path.open("w", encoding="utf-8") as file:
            for start, end in zip(ends - lengths, ends, strict=True):
                file.write(" ".join(spelled[start:end]) + "\n")
        options = PrepareOptions(text_documents="line", newlines="lines", duplicates="keep")
        made = prepare([str(path)], out=out, options=options, workers=2)
    print(f"{made.n_sentences:,} sentences, {lengths.mean():.1f} words each")


def _spelled(number: int) -> str:
    """Spell a number with letters, as the tokenizer splits at nothing else."""
    letters = ""
    while number or not letters:
        number, digit = divmod(number, 20)
        letters += "bcdfghjklmnpqrstvwxz"[digit] + "aeiou"[digit % 5]
    return letters


def config_of(shape: str) -> LlamaConfig:
    given = dict(_SHAPES[shape])
    heads: Any = given.pop("heads")
    each = 128 if shape == "llama-90b" else 64
    return LlamaConfig(
        vocab_size=_WORDS + 1, num_attention_heads=heads[0], num_key_value_heads=heads[1], **given, head_dim=each
    )


def make_model(shape: str, device: str) -> Model:
    torch.manual_seed(0)
    usual = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        with torch.device(device):
            network = LlamaModel(config_of(shape)).eval()
    finally:
        torch.set_default_dtype(usual)
    return with_words(network, shape)


def with_words(network: LlamaModel, shape: str, *, max_tokens: int = 512) -> Model:
    """Give a network the tokenizer of the generated words."""
    vocabulary = {_spelled(number): number for number in range(_WORDS)} | {"?": _WORDS}
    backend = Tokenizer(models.WordLevel(vocabulary, unk_token="?"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="?", model_max_length=max_tokens)
    options = ModelOptions(sites=("mlp",), pooling="max", dtype="bfloat16")
    return Model(network, tokenizer, name=shape, options=options, max_tokens=max_tokens, fingerprint=shape)


def feed(
    model: Model, corpus: Corpus, n_chunks: int, *, size: int = 16_384, token_budget: int = 65_536
) -> tuple[list[Any], int]:
    """Put the batches of some chunks on the device."""
    found = list(chunks(corpus, model, size=size, token_budget=token_budget, end=n_chunks))
    batches = [on_device(model.batch(one.tokens, rows), model.device) for one in found for rows in one.batches]
    return batches, sum(len(rows) for one in found for rows in one.batches)


def bare(model: Model, batches: list[Any]) -> float:
    torch.cuda.synchronize()
    start = time.perf_counter()
    with torch.inference_mode():
        for batch in batches:
            model.torch_way.forward(model, batch)
    torch.cuda.synchronize()
    return time.perf_counter() - start


def pooled(model: Model, batches: list[Any]) -> float:
    torch.cuda.synchronize()
    start = time.perf_counter()
    for batch in batches:
        model.run(batch)
    torch.cuda.synchronize()
    return time.perf_counter() - start


class Said(NullProgress):
    def message(self, text: str) -> None:
        print(f"    says: {text}", flush=True)


def whole(model: Model, corpus: Corpus, folder: Path, **options: Any) -> dict[str, float]:
    """Collect; give rates, seconds, memory and size."""
    shutil.rmtree(folder, ignore_errors=True)
    torch.cuda.reset_peak_memory_stats()
    start = time.perf_counter()
    with clocked_pass() as clock:
        collect(model, corpus, out=folder, options=CollectOptions(**options), progress=Said())
    end = time.perf_counter()
    (after, last), (middle, at) = clock.taken[-1], clock.taken[len(clock.taken) // 2]
    return {
        "pass": after / clock.seconds,
        "second half": (after - middle) / max(1e-9, last - at),
        "sentences": after,
        "before": clock.begun - start,
        "after last": end - clock.through,
        "whole": after / (end - start),
        "GiB": torch.cuda.max_memory_allocated() / 2**30,
        "GiB reserved": torch.cuda.max_memory_reserved() / 2**30,
        "folder MB": megabytes(folder),
    }


def megabytes(folder: Path) -> float:
    return sum(each.stat().st_size for each in folder.rglob("*") if each.is_file()) / 1e6


def largest(folder: Path, n: int = 8) -> dict[str, float]:
    """Name the largest parts of a run folder, in MB."""
    parts = {
        each.name: megabytes(each) if each.is_dir() else each.stat().st_size / 1e6 for each in folder.iterdir()
    }
    return dict(sorted(parts.items(), key=lambda each: -each[1])[:n])


class Enough(Exception):
    """The layer that is read has run."""


def by_layers(model: Model, corpus: Corpus, n_sentences: int, list_size: int) -> float:
    """Give the sentences a second of a pass for each layer."""
    chunk = next(chunks(corpus, model, size=n_sentences, token_budget=65_536, end=1))
    order = np.argsort(chunk.tokens.lengths, kind="stable")
    parts, at = [], 0
    while at < len(order):
        longest = int(chunk.tokens.lengths[order[min(at + 2048, len(order)) - 1]])
        step = max(1, min(2048, 65_536 // longest))
        parts.append(model.pad(chunk.tokens, order[at : at + step]))
        at += step
    batches = [on_device(each, model.device) for each in parts]
    torch.cuda.synchronize()
    start = time.perf_counter()
    network: Any = model.body
    for layer in network.layers:
        best: list[torch.Tensor | None] = [None, None]
        kept: list[torch.Tensor] = []
        mask: list[torch.Tensor] = []

        def hook(module: Any, given: tuple[torch.Tensor, ...], kept: Any = kept, mask: Any = mask) -> None:
            states = given[0].masked_fill(mask[-1], -torch.inf)
            kept.append(states.amax(dim=1).float())
            raise Enough

        handle = layer.mlp.down_proj.register_forward_pre_hook(hook)
        with torch.inference_mode():
            for number, batch in enumerate(batches):
                assert isinstance(batch, PaddedBatch)
                mask.append((batch.mask == 0)[:, :, None])
                with suppress(Enough):
                    network(input_ids=batch.ids, attention_mask=batch.mask, use_cache=False)
                if sum(map(len, kept)) >= 8192 or number == len(batches) - 1:
                    for side, sign in enumerate((1.0, -1.0)):
                        every = [sign * each for each in kept] + ([] if best[side] is None else [best[side]])
                        both = torch.cat(every)  # type: ignore[arg-type]
                        best[side] = torch.topk(both, min(list_size, len(both)), dim=0)[0]
                    kept.clear()
        handle.remove()
    torch.cuda.synchronize()
    return len(order) / (time.perf_counter() - start)


def show(name: str, figures: dict[str, Any]) -> None:
    def rounded(value: Any) -> Any:
        return [rounded(each) for each in value] if isinstance(value, list) else float(f"{value:.4g}")

    print(json.dumps({"part": name} | {key: rounded(value) for key, value in figures.items()}), flush=True)


def run(arguments: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    corpus = open_corpus(arguments.corpus)
    model = make_model(arguments.shape, "cuda")
    print(f"{arguments.shape}: {model.neurons.n_neurons:,} neurons, packed {model.torch_way.packed}, ", end="")
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}", flush=True)
    batches, n = feed(model, corpus, arguments.chunks)
    found: dict[str, list[float]] = {"bare": [], "pooled": [], "pass": []}
    print(f"bare reads {n:,} sentences in {len(batches)} batches", flush=True)
    bare(model, batches[:2]), pooled(model, batches[:2])
    with tempfile.TemporaryDirectory() as name:
        options = {"list_size": arguments.list_size, "limit": arguments.limit, "limit_by": "first"}
        options |= {} if arguments.peaks else {"peak_entries": 0, "bottom_by": "pooled"}
        for number in range(arguments.rounds):
            found["bare"].append(n / bare(model, batches))
            if "pooled" in arguments.parts:
                found["pooled"].append(n / pooled(model, batches))
            if "collect" in arguments.parts:
                figures = whole(model, corpus, Path(name) / "run", **options)
                found["pass"].append(figures["pass"])
                show(f"collect, round {number}", figures)
                show("folder MB", largest(Path(name) / "run"))
        medians = {key: statistics.median(values) for key, values in found.items() if values}
        show("medians", medians | {f"all {key}": values for key, values in found.items()})
        if "pass" in medians:
            show("ratios", {f"pass / {key}": medians["pass"] / each for key, each in medians.items()})
    del batches
    if "layers" in arguments.parts:
        show("a pass a layer", {"rate": by_layers(model, corpus, arguments.layer_sentences, arguments.list_size)})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("act", choices=["make", "run"])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--sentences", type=int, default=300_000)
    parser.add_argument("--shape", choices=sorted(_SHAPES), default="llama-1b")
    parser.add_argument("--list-size", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--limit", type=int, default=200_000)
    parser.add_argument("--chunks", type=int, default=6)
    parser.add_argument("--parts", default="pooled,collect,layers")
    parser.add_argument("--no-peaks", dest="peaks", action="store_false", help="lists of maxima alone")
    parser.add_argument("--layer-sentences", type=int, default=16_384)
    arguments = parser.parse_args()
    if arguments.act == "make":
        make_corpus(arguments.corpus, arguments.sentences)
    else:
        run(arguments)


if __name__ == "__main__":
    main()
