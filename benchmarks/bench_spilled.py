"""A real decoder on one GPU: how large is its run folder, and are lists that the GPU does not hold the same?

    neurolect prepare TEXTS --unit window --tokenizer smollm2 --out CORPUS
    python benchmarks/bench_spilled.py CORPUS [--model smollm2] [--limit 120000]

* whole: all mlp neurons, max pooling, first token left out, everything else by default; the folder right after it.
* spilled: fewer layers and longer lists, once as they fit, and once while an array that does nothing leaves the GPU
  too little memory for lists. Every column of both runs' tables is compared, bit by bit.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import torch
from bench_decoder import largest, show, whole

from neurolect.collector import corpus_pass
from neurolect.corpus import open_corpus
from neurolect.model import ModelOptions, load_model
from neurolect.store.manifest import read_manifest

_TABLES = ("lists/top", "lists/bottom", "lists/quantiles", "neurons")
_STEP = 1 << 27


def differences(one: Path, other: Path) -> list[str]:
    """Name columns and arrays that are not the same bit for bit."""
    found = []
    for name in _TABLES:
        a, b = (pq.read_table(each / f"{name}.parquet") for each in (one, other))
        found += [f"{name}.{column}" for column in a.column_names if not a[column].equals(b[column])]
    for path in sorted(one.rglob("*.npy")):
        name = path.relative_to(one)
        same = (other / name).is_file() and path.read_bytes() == (other / name).read_bytes()
        found += [] if same else [str(name)]
    return found


def ballast(asked: list[tuple[Any, ...]]) -> list[torch.Tensor]:
    """Hold so much memory that what a pass asked before now has to spill."""
    torch.cuda.empty_cache()
    held: list[torch.Tensor] = []
    while not corpus_pass.must_spill(*asked[0]):
        held.append(torch.empty(_STEP, dtype=torch.uint8, device="cuda"))
    return held


def by_default(corpus: Any, name: str, folder: Path, **options: Any) -> None:
    given = ModelOptions(sites=("mlp",), pooling="max", skip_first=1)
    show("all layers, defaults", whole(load_model(name, options=given, device="cuda"), corpus, folder, **options))
    used = read_manifest(folder)["options"]["collect"]
    show("folder MB", largest(folder))
    print({each: used[each] for each in ("list_size", "sides", "bottom_by", "activation_bytes")}, flush=True)


def spilled(corpus: Any, name: str, layers: str, scratch: Path, **options: Any) -> None:
    numbers = tuple(map(int, layers.split(",")))
    given = ModelOptions(sites=("mlp",), pooling="max", skip_first=1, layers=numbers)
    model = load_model(name, options=given, device="cuda")
    usual, asked = corpus_pass.must_spill, []

    def ask(*arguments: Any) -> bool:
        asked.append(arguments)
        return usual(*arguments)

    corpus_pass.must_spill = ask
    show(f"layers {layers}, fits", whole(model, corpus, scratch / "fits", **options))
    corpus_pass.must_spill = usual
    held = ballast(asked)
    free = torch.cuda.mem_get_info()[0] / 2**30
    print(f"held: {len(held) * _STEP / 2**30:.1f} GiB, {free:.1f} free", flush=True)
    show(f"layers {layers}, spilled", whole(model, corpus, scratch / "spilled", **options))
    said = [each for each in read_manifest(scratch / "spilled")["notices"] if "host's memory" in str(each)]
    print("manifest:", said or "no notice of it", flush=True)
    print("differ:", differences(scratch / "fits", scratch / "spilled") or "nothing", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--layers", default="2,6,10,14,18,22,26,30")
    parser.add_argument("--list-size", type=int, default=5_000)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--parts", default="whole,spilled")
    arguments = parser.parse_args()
    corpus = open_corpus(arguments.corpus)
    print(f"{corpus.n_mining:,} windows, torch {torch.__version__}, {torch.cuda.get_device_name()}", flush=True)
    limit = {} if arguments.limit is None else {"limit": arguments.limit}
    with tempfile.TemporaryDirectory() as name:
        if "whole" in arguments.parts:
            by_default(corpus, arguments.model, Path(name) / "run", **limit)
        if "spilled" in arguments.parts:
            size = {"list_size": arguments.list_size}
            spilled(corpus, arguments.model, arguments.layers, Path(name), **limit, **size)


if __name__ == "__main__":
    main()
