"""A decoder over two GPUs of one host: the lists of one GPU, and a model that no single one of them holds.

    python benchmarks/bench_decoder.py make CORPUS --sentences 100000
    python benchmarks/bench_spread.py CORPUS [--shape llama-1b] [--large llama-8b] [--free 12]

Random weights, bfloat16, max pooling, both sides, written as a model folder first. The first shape is read on
``cuda`` and by ``auto``, and the two runs are compared. For the second one all but ``--free`` GiB of every
GPU are held by an array that does nothing, so that the model fits no GPU and has to be spread.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch
from bench_decoder import make_model, show, whole

from neurolect.corpus import open_corpus
from neurolect.errors import NeurolectError
from neurolect.model import Model, ModelOptions, load_model

_KEY = ("neuron_id", "sentence_id")


def save(shape: str, folder: Path) -> float:
    """Write a model of random weights; give its size in GiB."""
    made = make_model(shape, "cuda")
    made.network.save_pretrained(folder)  # type: ignore[operator]
    made.tokenizer.save_pretrained(folder)  # type: ignore[attr-defined]
    del made
    torch.cuda.empty_cache()
    return sum(each.stat().st_size for each in folder.iterdir()) / 2**30


def load(folder: Path, device: str) -> Model:
    options = ModelOptions(sites=("mlp",), pooling="max", dtype="bfloat16")
    start = time.perf_counter()
    model = load_model(str(folder), options=options, device=device)
    places = sorted({str(each.device) for each in model.network.parameters()})
    print(
        f"{device}: loaded in {time.perf_counter() - start:.1f} s, packed {model.way.packed}, on {places}",
        flush=True,
    )
    return model


def shared(one: Path, other: Path) -> dict[str, Any]:
    """Say how much of the lists of two runs is the same."""
    found: dict[str, Any] = {}
    for side in ("top", "bottom"):
        a, b = (pq.read_table(each / "lists" / f"{side}.parquet") for each in (one, other))
        same = [np.array_equal(a[name].to_numpy(), b[name].to_numpy()) for name in ("sentence_id", "activation")]
        neurons, ids = ([each[name].to_numpy().astype(np.int64) for each in (a, b)] for name in _KEY)
        pairs = [one * (int(max(map(np.max, ids))) + 1) + other for one, other in zip(neurons, ids, strict=True)]
        found[side] = [*map(str, same), float(np.isin(*pairs).mean())]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--shape", default="llama-1b")
    parser.add_argument("--large", default="llama-8b")
    parser.add_argument("--free", type=float, default=12.0)
    parser.add_argument("--limit", type=int, default=49_152)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    corpus = open_corpus(arguments.corpus)
    with tempfile.TemporaryDirectory() as name:
        folder, runs = Path(name) / "small", {}
        print(f"{arguments.shape}: {save(arguments.shape, folder):.1f} GiB of weights", flush=True)
        for device in ("cuda", "auto"):
            model, runs[device] = load(folder, device), Path(name) / device
            figures = whole(model, corpus, runs[device], list_size=200, limit=arguments.limit, limit_by="first")
            show(f"{arguments.shape} on {device}", figures)
            print(
                {n: f"{torch.cuda.memory_allocated(n) / 2**30:.1f} GiB" for n in range(torch.cuda.device_count())}
            )
            del model
            torch.cuda.empty_cache()
        print("the same ids, the same activations, shared entries:", shared(runs["cuda"], runs["auto"]), flush=True)
        large = Path(name) / "large"
        print(f"{arguments.large}: {save(arguments.large, large):.1f} GiB of weights", flush=True)
        held = []
        for number in range(torch.cuda.device_count()):
            free = torch.cuda.mem_get_info(number)[0] - int(arguments.free * 2**30)
            held.append(torch.empty(free, dtype=torch.uint8, device=f"cuda:{number}"))
        try:
            load(large, "cuda")
            print("cuda: it fits one GPU: nothing is shown", flush=True)
        except (NeurolectError, torch.OutOfMemoryError) as error:
            print(f"cuda: {' '.join(str(error).split())[:200]}", flush=True)
        torch.cuda.empty_cache()
        model = load(large, "auto")
        figures = whole(model, corpus, Path(name) / "run", list_size=100, limit=8192, limit_by="first")
        show(f"{arguments.large} on auto", figures)


if __name__ == "__main__":
    main()
