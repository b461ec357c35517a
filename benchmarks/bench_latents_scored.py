"""What does it take to describe and score the latents of a large sparse autoencoder?

    neurolect prepare TEXTS --unit window --tokenizer smollm2 --out CORPUS
    python benchmarks/bench_latents_scored.py CORPUS [--latents 65536] [--limit 120000] [--device cuda]

or on generated sentences (bench_decoder.py make) with random weights of a decoder's shape (``save`` of
bench_spread.py writes them): ``--model FOLDER``.

A random top-k autoencoder of a real decoder's middle layer (its latents are random directions: the figures are of
time and memory, not of what latents are); enough held-out windows that most latents can be scored. Each stage is a
command of its own: seconds, and the memory of its largest process.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench_decoder import largest, show
from bench_latents import write_sae

from neurolect.model import load_model


def staged(name: str, *arguments: str, seconds: float) -> bool:
    """Run one command, no longer than some seconds; show what it took and the end of what it says."""
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen([sys.executable, "-m", "neurolect", *arguments], stdout=said, stderr=said)
        while True:
            pid, status, used = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            if time.perf_counter() - start > seconds:
                process.terminate()
                _, status, used = os.wait4(process.pid, 0)
                break
            time.sleep(0.2)
        said.seek(0)
        lines = said.read().strip().splitlines()
    took = {"seconds": time.perf_counter() - start, "processor seconds": used.ru_utime + used.ru_stime}
    show(name, {**took, "GB of the largest process": used.ru_maxrss / 1e6, "status": status})
    print("\n".join(f"    {line[:200]}" for line in lines[-12:]), flush=True)
    return status == 0


def shape_of(model: str) -> tuple[int, int]:
    """Give a decoder's width and its middle layer; of a folder without loading it."""
    if (Path(model) / "config.json").is_file():
        config = json.loads((Path(model) / "config.json").read_text())
        return config["hidden_size"], config["num_hidden_layers"] // 2
    loaded = load_model(model)
    return loaded.body.config.hidden_size, loaded.n_layers // 2  # type: ignore[union-attr, return-value]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--latents", type=int, default=65_536)
    parser.add_argument("--k", type=int, default=64)
    parser.add_argument("--limit", type=int, default=120_000)
    parser.add_argument("--held-out", type=int, default=4_000)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--most-seconds", type=float, default=200.0, help="of each stage")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        width, layer = shape_of(arguments.model)
        sizes = {"width": width, "n": arguments.latents, "k": arguments.k, "layer": layer}
        sae, run = str(write_sae(Path(name) / "sae", "topk", **sizes)), str(Path(name) / "run")
        show("autoencoder", sizes)
        where = {"model.pooling": "max", "model.skip_first": 1, "collect.limit": arguments.limit}
        where |= {"collect.activation_bytes": 2_000_000_000, "collect.held_out_size": arguments.held_out}
        given = [each for key, value in where.items() for each in ("--set", f"{key}={value}")]
        collect = ("collect", arguments.model, arguments.corpus, "--out", run, "--device", arguments.device)
        most, none = arguments.most_seconds, ("--set", "describe.tagger=none", "--set", "describe.vectors=none")
        done = staged("collect", *collect, "--sae", sae, *given, seconds=most)
        print(json.dumps(largest(Path(run))), flush=True)
        done = done and staged("describe", "describe", run, *none, seconds=most)
        _ = done and staged("fidelity", "fidelity", run, seconds=most)


if __name__ == "__main__":
    main()
