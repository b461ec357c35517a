"""What would float8 gain, and what would it do to the lists?

neurolect does not offer float8; this tells why. Every linear map inside the blocks multiplies in float8 (e4m3, one
scale a tensor); all else stays as it is. It needs a GPU that has float8 (Hopper, say).

* "float8": scales are taken again from each batch.
* "float8, fixed scales": the largest values of one batch say what the scales are from then on; larger ones are cut.

* Without --model, speed: packed, compiled forward passes of BERT-base's shape with random weights.
* With it, lists: a whole pass with real weights, float8's lists and float16's in float32's.

    python benchmarks/bench_float8.py --corpus CORPUS --tokenizer FOLDER
    python benchmarks/bench_float8.py --corpus CORPUS --tokenizer FOLDER --model FOLDER [--sentences 200000]
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch
from bench_gpu import bare, make_model, show
from torch import Tensor, nn

from neurolect.collector import CollectOptions, collect
from neurolect.corpus import Corpus, open_corpus
from neurolect.model import Model, ModelOptions, load_model
from neurolect.model.architecture.structure import find_blocks, n_layers_of

_LARGEST = 448.0


def _in_float8(values: Tensor) -> tuple[Tensor, Tensor]:
    scale = (values.abs().amax().to(torch.float32) / _LARGEST).clamp(min=1e-12)
    return (values.to(torch.float32) / scale).to(torch.float8_e4m3fn), scale


class Float8Linear(nn.Module):
    def __init__(self, linear: nn.Linear, largest: Tensor | None) -> None:
        super().__init__()
        weight, self.scale = _in_float8(linear.weight.detach())
        self.weight8 = weight.t()  # multiplied as columns
        self.bias = linear.bias
        self.fixed = None if largest is None else (largest.to(torch.float32) / _LARGEST).clamp(min=1e-12)

    def forward(self, states: Tensor) -> Tensor:
        flat = states.reshape(-1, states.shape[-1])
        if self.fixed is None:
            values, scale = _in_float8(flat)
        else:
            scale = self.fixed
            cut = (flat.to(torch.float32) / scale).clamp(-_LARGEST, _LARGEST)
            values = cut.to(torch.float8_e4m3fn)
        out = torch._scaled_mm(
            values, self.weight8, scale_a=scale, scale_b=self.scale, bias=self.bias, out_dtype=states.dtype
        )
        return out.reshape(*states.shape[:-1], -1)


def linear_maps(model: Model) -> list[tuple[nn.Module, str, nn.Linear]]:
    blocks = find_blocks(model.network, n_layers=n_layers_of(model.network)) or ()
    parents = [parent for block in blocks for parent in block.modules()]
    found = [(parent, *each) for parent in parents for each in parent.named_children()]
    return [(parent, name, child) for parent, name, child in found if isinstance(child, nn.Linear)]


def largest_inputs(model: Model, corpus: Corpus) -> dict[nn.Module, Tensor]:
    """Run one batch and note the largest value that goes into each linear map."""
    largest: dict[nn.Module, Tensor] = {}

    def note(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        largest[module] = inputs[0].abs().amax()

    hooks = [linear.register_forward_pre_hook(note) for _, _, linear in linear_maps(model)]
    tokens = model.tokenize(
        next(iter(corpus.batches(columns=["text"], batch_size=2048))).column("text").to_pylist()
    )
    rows = np.setdiff1d(np.arange(2048), tokens.empty)
    model.run(model.batch(tokens, rows))
    for hook in hooks:
        hook.remove()
    return largest


def to_float8(model: Model, corpus: Corpus, *, kind: str) -> Model:
    """Replace every linear map inside the blocks."""
    largest = largest_inputs(model, corpus) if "fixed" in kind else {}
    for parent, name, linear in linear_maps(model):
        setattr(parent, name, Float8Linear(linear, largest.get(linear)))
    return model


def time_forward(corpus: Corpus, bert: str) -> None:
    for kind in ("float16", "float8", "float8, fixed scales"):
        model = load_model(bert, options=ModelOptions(dtype="float16"), device="cuda")
        if kind != "float16":
            to_float8(model, corpus, kind=kind)
        # without the model's own trial: two ways to round to float8 are further apart than it allows
        blocks = find_blocks(model.network, n_layers=n_layers_of(model.network)) or ()
        torch._dynamo.config.cache_size_limit = 4 * len(blocks)
        for block in blocks:
            block.forward = torch.compile(block.forward, dynamic=True)
        show(f"{kind}, packed, compiled", bare(model, corpus, at_least=4.0))


def lists_of(model: Model, corpus: Corpus, folder: Path, n: int) -> dict[str, np.ndarray[Any, Any]]:
    options = CollectOptions(limit=n, list_size=10_000, held_out_size=0, activation_sample_size=100)
    collect(model, corpus, out=folder, options=options)
    found = {}
    for side in options.sides:
        ids = pq.read_table(folder / "lists" / f"{side}.parquet", columns=["sentence_id"]).column(0).to_numpy()
        found[side] = ids.reshape(model.neurons.n_neurons, -1)
    return found


def overlap(one: dict[str, Any], other: dict[str, Any]) -> dict[str, float]:
    shares = {}
    for size in (100, 1_000, 10_000):
        pairs = [pair for side in one for pair in zip(one[side], other[side], strict=True)]
        shares[f"top {size:,}"] = float(np.mean([len(np.intersect1d(a[:size], b[:size])) / size for a, b in pairs]))
    return shares


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--model", default="")
    parser.add_argument("--sentences", type=int, default=200_000)
    arguments = parser.parse_args()
    corpus = open_corpus(arguments.corpus)
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        if not arguments.model:
            time_forward(corpus, str(make_model(scratch / "bert", arguments.tokenizer, "Bert")))
            return
        lists = {}
        for kind in ("float32", "float16", "float8", "float8, fixed scales"):
            dtype = kind if kind in ("float32", "float16") else "float16"
            model = load_model(arguments.model, options=ModelOptions(dtype=dtype), device="cuda")
            if kind not in ("float32", "float16"):
                to_float8(model, corpus, kind=kind)
            lists[kind] = lists_of(model, corpus, scratch / kind, arguments.sentences)
        for kind in ("float16", "float8", "float8, fixed scales"):
            show(f"{kind} lists in float32's, of {arguments.sentences:,}", overlap(lists[kind], lists["float32"]))


if __name__ == "__main__":
    main()
