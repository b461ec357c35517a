"""What do the latents of a sparse autoencoder cost a pass over a decoder on one GPU?

Random weights of a decoder's shape (bench_decoder.py) and a random autoencoder at its middle layer, made there; max
pooling. A random encoder's latents are as many above 0 as a trained one's where the largest k are taken (topk), or
those above a threshold that one in a thousand passes (jumprelu).

* bare: the network alone, packed, on batches that lie on the GPU already.
* hidden: collect over the states that the autoencoder reads.
* latents: collect over its latents.

Rates of collect are those of the pass, from its first launch until the device is through with all (pass_clock.py):
what a run costs once (trials, compiling, the held-out part, writing) is not in them.

First the same small corpus is read on the processor and on the GPU, in float32: lists and held-out activations have
to agree.

    python benchmarks/bench_decoder.py make CORPUS --sentences 40000
    python benchmarks/bench_latents.py CORPUS --shape llama-8b --latents 65536
"""

import argparse
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from bench_decoder import bare, feed, make_model, show, whole
from safetensors.torch import save_file

from neurolect.collector import CollectOptions, collect
from neurolect.corpus import open_corpus
from neurolect.model import Model, ModelOptions

_ONE_IN_A_THOUSAND = 3.1
"""Standard deviations."""


def write_sae(folder: Path, kind: str, *, width: int, n: int, k: int, layer: int) -> Path:
    """Write an autoencoder whose encoder is its decoder turned over, as SAELens does."""
    torch.manual_seed(1)
    decoder = torch.nn.functional.normalize(torch.randn(n, width), dim=1)
    held = {"W_enc": decoder.T.contiguous(), "W_dec": decoder, "b_enc": torch.zeros(n), "b_dec": torch.zeros(width)}
    if kind == "jumprelu":
        held["threshold"] = torch.full((n,), _ONE_IN_A_THOUSAND)
    metadata = {"hook_name": f"blocks.{layer}.hook_resid_pre", "model_name": "random", "prepend_bos": False}
    norm = {"normalize_activations": "constant_norm_rescale"}  # each projection then has deviation 1
    cfg = {"architecture": kind, "d_in": width, "d_sae": n, "dtype": "float32", "metadata": metadata, **norm}
    folder.mkdir(parents=True)
    (folder / "cfg.json").write_text(json.dumps(cfg | ({"k": k} if kind == "topk" else {})))
    save_file(held, folder / "sae_weights.safetensors")
    return folder


def reading(model: Model, **options: Any) -> Model:
    """Read other neurons of the same network."""
    given = {"pooling": "max", "dtype": model.dtype, **options}
    return Model(
        model.network, model.tokenizer, name=model.name, options=ModelOptions(**given), max_tokens=512,
        fingerprint=f"{model.name} {options}",
    )  # fmt: skip


def compare_devices(corpus: Any, sae: dict[str, Path]) -> None:
    """Read a small shape on both devices in float32."""
    plain = make_model("tiny", "cpu")
    network = plain.network.to(torch.float32)
    options = CollectOptions(list_size=100, limit=3_000, limit_by="first", sample_size=1_000)
    for kind, folder in sae.items():
        runs = []
        with tempfile.TemporaryDirectory() as name:
            for device in ("cpu", "cuda"):
                model = Model(
                    network.to(device), plain.tokenizer, name="tiny", max_tokens=512, fingerprint=device,
                    options=ModelOptions(sites=("latent",), sae=(str(folder),), pooling="max", dtype="float32"),
                )  # fmt: skip
                run = collect(model, corpus, out=Path(name) / device, options=options)
                runs.append((run.table("lists/top").to_pandas(), run.array("held_out/activations")))
        (one, first), (other, second) = runs
        same = len(one) == len(other)
        show(
            f"tiny, {kind}, processor and GPU",
            {
                "entries": [len(one), len(other)],
                "same sentence": float((one["sentence_id"] == other["sentence_id"]).mean()) if same else 0.0,
                "furthest": float(np.abs(one["activation"] - other["activation"]).max()) if same else np.nan,
                "held out furthest": float(np.abs(first - second).max()),
            },
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--shape", default="llama-8b")
    parser.add_argument("--latents", type=int, default=65_536)
    parser.add_argument("--k", type=int, default=64)
    parser.add_argument("--kinds", default="topk,jumprelu")
    parser.add_argument("--list-size", type=int, default=100)
    parser.add_argument("--limit", type=int, default=24_576)
    parser.add_argument("--chunks", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-devices", dest="devices", action="store_false", help="rates alone")
    arguments = parser.parse_args()
    torch.set_num_threads(4)
    corpus, kinds = open_corpus(arguments.corpus), arguments.kinds.split(",")
    with tempfile.TemporaryDirectory() as name:
        small = {
            kind: write_sae(Path(name) / "tiny" / kind, kind, width=64, n=512, k=8, layer=1)
            for kind in ("topk", "jumprelu")
        }
        if arguments.devices:
            compare_devices(corpus, small)
        model = make_model(arguments.shape, "cuda")
        middle = model.n_layers // 2
        width = model.body.config.hidden_size  # type: ignore[union-attr]
        ways = {"hidden": reading(model, sites=("hidden",), layers=(middle,))}
        for kind in kinds:
            sizes = {"width": int(width), "n": arguments.latents, "k": arguments.k, "layer": middle}  # type: ignore[arg-type]
            folder = write_sae(Path(name) / kind, kind, **sizes)
            ways[kind] = reading(model, sites=("latent",), sae=(str(folder),))
        print(f"{arguments.shape}, {torch.cuda.get_device_name()}, torch {torch.__version__}", flush=True)
        batches, n = feed(model, corpus, arguments.chunks)
        bare(model, batches[:2])
        rates: dict[str, list[float]] = {"bare": [], **{kind: [] for kind in ways}}
        for number in range(arguments.rounds):
            rates["bare"].append(n / bare(model, batches))
            for kind, own in ways.items():
                options = {"list_size": arguments.list_size, "limit_by": "first", "chunk_sentences": 4_096}
                figures = whole(own, corpus, Path(name) / "run", limit=arguments.limit, **options)
                rates[kind].append(figures["pass"])
                show(f"{kind}, round {number}", figures)
        medians = {kind: statistics.median(each) for kind, each in rates.items()}
        show("rounds", rates)
        show("medians", medians)
        show("of bare", {kind: each / medians["bare"] for kind, each in medians.items()})
        show("of hidden", {kind: medians[kind] / medians["hidden"] for kind in kinds})


if __name__ == "__main__":
    main()
