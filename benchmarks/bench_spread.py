"""A decoder over two GPUs of one host: the lists of one GPU, and a model that no single one of them holds.

    python benchmarks/bench_decoder.py make CORPUS --sentences 60000
    python benchmarks/bench_spread.py CORPUS [--shape llama-1b] [--large llama-90b]

Random weights, bfloat16, max pooling, both sides.

* The first shape is written as a model folder and read on ``cuda``, there again with batches of half as many
  tokens, and by ``auto``; each run's lists are compared with the first one's, entry by entry.
* The second shape (28 blocks as wide as Llama-405B's: 166 GiB of weights) is made on the GPUs, block by block where
  accelerate would put it for ``auto``, and read: rate of the pass next to the bare network's on the same sentences.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch
from accelerate import dispatch_model, infer_auto_device_map, init_empty_weights
from accelerate.utils import get_balanced_memory, set_module_tensor_to_device
from bench_decoder import bare, config_of, feed, make_model, show, whole, with_words
from transformers import LlamaModel

from neurolect.corpus import Corpus, open_corpus
from neurolect.model import Model, ModelOptions, load_model


def save(shape: str, folder: Path) -> None:
    """Write a model of random weights."""
    made = make_model(shape, "cuda")
    made.network.save_pretrained(folder)  # type: ignore[operator]
    made.tokenizer.save_pretrained(folder)  # type: ignore[attr-defined]
    del made
    torch.cuda.empty_cache()


def load(folder: Path, device: str) -> Model:
    options = ModelOptions(sites=("mlp",), pooling="max", dtype="bfloat16")
    start = time.perf_counter()
    model = load_model(str(folder), options=options, device=device)
    places = sorted({str(each.device) for each in model.network.parameters()})
    seconds = time.perf_counter() - start
    print(f"{device}: loaded in {seconds:.1f} s, packed {model.way.packed}, on {places}", flush=True)
    return model


def shared(one: Path, other: Path) -> dict[str, dict[str, float]]:
    """Say how much of the lists of two runs is the same, and how far activations of the same sentence differ."""
    found = {}
    for side in ("top", "bottom"):
        a, b = (pq.read_table(each / "lists" / f"{side}.parquet") for each in (one, other))
        (keys, values), (others, other_values) = (_by_key(each) for each in (a, b))
        at = np.searchsorted(others, keys).clip(max=len(others) - 1)
        both = others[at] == keys
        off = np.abs(values[both] - other_values[at[both]])
        found[side] = {
            "entries": float(len(keys)),
            "in both": float(both.mean()),
            "the same place": float((_ids(a) == _ids(b)).mean()) if len(a) == len(b) else np.nan,
            "largest difference": float(off.max(initial=0.0)),
            "largest activation": float(np.abs(values).max()),
            "equal activations": float((off == 0).mean()),
        }
    return found


def _ids(table: Any) -> np.ndarray[Any, Any]:
    found: np.ndarray[Any, Any] = table["sentence_id"].to_numpy().astype(np.int64)
    return found


def _by_key(table: Any) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Give neuron and sentence in one number, ascending, and the activations next to them."""
    keys = (table["neuron_id"].to_numpy().astype(np.int64) << 32) | _ids(table)
    order = np.argsort(keys)
    return keys[order], table["activation"].to_numpy().astype(np.float64)[order]


def made_spread(shape: str, *, max_tokens: int) -> Model:
    """Make a network on the devices that accelerate would give its blocks to."""
    with init_empty_weights():
        network = LlamaModel(config_of(shape)).to(torch.bfloat16).eval()
    kept: dict[str, Any] = {
        "no_split_module_classes": list(network._no_split_modules or ()),
        "dtype": torch.bfloat16,
    }
    places = infer_auto_device_map(network, max_memory=get_balanced_memory(network, **kept), **kept)
    torch.manual_seed(0)
    for name, each in list(network.named_parameters()):
        place = next(places[part] for part in _above(name) if part in places)
        value = torch.empty(each.shape, dtype=torch.bfloat16, device=place)
        value = value.normal_(std=0.02) if each.ndim > 1 else value.fill_(1.0)
        set_module_tensor_to_device(network, name, place, value=value)
    skipped: Any = network._skip_keys_device_placement
    spread: Any = dispatch_model(network, device_map=places, skip_keys=skipped, force_hooks=True)
    size = sum(each.numel() for each in spread.parameters())
    print(
        f"{shape}: {size / 1e9:.1f} billion weights, {2 * size / 2**30:.0f} GiB, {set(places.values())}", flush=True
    )
    spread.config.max_position_embeddings = max_tokens
    return with_words(spread.requires_grad_(False), shape, max_tokens=max_tokens)


def _above(name: str) -> list[str]:
    """Name a parameter's modules, the innermost first, and the network itself."""
    parts = name.split(".")
    return [".".join(parts[:n]) for n in range(len(parts), -1, -1)]


def peaks(what: str) -> None:
    gib = {n: round(torch.cuda.max_memory_allocated(n) / 2**30, 1) for n in range(torch.cuda.device_count())}
    print(f"{what}: GiB at the most, by GPU: {gib}", flush=True)
    for number in gib:
        torch.cuda.reset_peak_memory_stats(number)


def compare(arguments: argparse.Namespace, corpus: Corpus, scratch: Path) -> None:
    folder, runs = scratch / "small", {}
    save(arguments.shape, folder)
    options = {"list_size": 200, "limit": arguments.limit, "limit_by": "first"}
    for name, device, budget in (("one", "cuda", 65_536), ("halved", "cuda", 32_768), ("spread", "auto", 65_536)):
        model, runs[name] = load(folder, device), scratch / name
        peaks("loaded")
        show(f"{arguments.shape}, {name}", whole(model, corpus, runs[name], **options, token_budget=budget))
        peaks(name)
        del model
        torch.cuda.empty_cache()
    for name in ("halved", "spread"):
        for side, figures in shared(runs["one"], runs[name]).items():
            show(f"one GPU and {name}, {side}", figures)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--shape", default="llama-1b")
    parser.add_argument("--large", default="llama-90b")
    parser.add_argument("--limit", type=int, default=32_768)
    parser.add_argument("--large-limit", type=int, default=2_048)
    parser.add_argument("--large-budget", type=int, default=4_096)
    parser.add_argument("--parts", default="compare,large")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    corpus = open_corpus(arguments.corpus)
    print(torch.cuda.device_count(), "x", torch.cuda.get_device_name(), flush=True)
    with tempfile.TemporaryDirectory() as name:
        if "compare" in arguments.parts:
            compare(arguments, corpus, Path(name))
        if "large" in arguments.parts:
            start = time.perf_counter()
            model = made_spread(arguments.large, max_tokens=128)
            print(f"made in {time.perf_counter() - start:.0f} s, packed {model.way.packed}", flush=True)
            peaks("made")
            limit, budget = arguments.large_limit, arguments.large_budget
            batches, n = feed(model, corpus, 1, size=limit, token_budget=budget)
            show("bare", {"rate": n / bare(model, batches)})
            del batches
            options = {"list_size": 20, "limit": limit, "limit_by": "first", "token_budget": budget}
            show(f"{arguments.large}, auto", whole(model, corpus, Path(name) / "run", **options))
            peaks(arguments.large)


if __name__ == "__main__":
    main()
