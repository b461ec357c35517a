"""Is setting every neuron of a layer as fast as the blocks after it allow, and what does a hook cost generation?

Neurons of an mlp layer are set on every sentence, once by the rest of the network (what `edit ablate --each` does)
and once by the whole network in calls of as many tokens; the largest difference of the two is reported.
The bound is (all blocks + head) / (blocks after the edit + head), counted in multiplications a token. Rounds
alternate; reported are medians and the range. Generation: greedy, without and with one neuron set, alternating.

    python benchmarks/bench_ablation.py [--model smollm2] [--layers 5 15 25 30] [--neurons 256] [--sentences 200]
        [--device cuda] [--rounds 3] [--tokens 128]
"""

import argparse
import statistics
import time
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch

from neurolect.demo_data import documents_path
from neurolect.interventions import edit
from neurolect.interventions.effects import Pairs, Reference, effects_of_pairs, references_of
from neurolect.interventions.outcomes import Texts
from neurolect.interventions.resuming import Rest
from neurolect.model import Model, ModelOptions
from neurolect.model.load import load_with_head


def sentences(n: int) -> list[str]:
    """Take pieces of some twenty words of the demo corpus's documents."""
    found: list[str] = []
    for text in pq.read_table(documents_path(), columns=["text"]).column("text").to_pylist()[::37]:
        words = text.split()
        found += [" ".join(words[start : start + 20]) for start in range(0, min(len(words), 60), 20)]
    return found[:n]


def wait(model: Model) -> None:
    if model.device.type == "cuda":
        torch.cuda.synchronize()


def timed(rest: Rest, pairs: Pairs, reference: Reference) -> tuple[float, dict[str, Any]]:
    wait(rest.model)
    start = time.perf_counter()
    made = effects_of_pairs(rest, pairs, reference=reference)
    wait(rest.model)
    return time.perf_counter() - start, made


def bound(model: Model, n_skipped: int, n_again: int = 0) -> float:
    """Count multiplications a token: parameters of linear layers in blocks, and of the head."""
    network: Any = model.network
    blocks = [sum(each.numel() for each in block.parameters()) for block in network.base_model.layers]
    head = network.get_output_embeddings().weight.numel()
    return (sum(blocks) + head) / (sum(blocks[n_skipped + n_again :]) + head)


def measure_layers(model: Model, arguments: argparse.Namespace) -> None:
    texts = Texts(model, sentences(arguments.sentences))
    usable = np.flatnonzero(texts.usable)
    size = f"{len(usable)} sentences, {int(texts.lengths.sum()):,} tokens"
    print(f"{model.name} on {model.device}, {model.dtype}; {size}")
    print("layer  pairs/s rest   pairs/s whole   gain (range)          bound   share of bound   largest difference")
    for layer in arguments.layers:
        rest, whole = Rest(texts, "mlp", layer), Rest(texts, "mlp", layer)
        whole._skipped, whole._tried = [], True
        reference = references_of(texts, [rest.tap], to="mean", seed=0)[0]
        width = rest.tap.place.width
        chosen = np.sort(np.random.default_rng(0).permutation(width)[: arguments.neurons])
        pairs = Pairs(np.tile(usable, len(chosen)), np.repeat(chosen, len(usable)))
        few = Pairs(*(each[: len(usable) * 4] for each in pairs[:2]))
        timed(rest, few, reference), timed(whole, few, reference)
        gains, ours = [], []
        for number in range(arguments.rounds):
            order = [rest, whole] if number % 2 == 0 else [whole, rest]
            took = {id(each): timed(each, pairs, reference) for each in order}
            (a, made), (b, plain) = took[id(rest)], took[id(whole)]
            gains.append(b / a)
            ours.append(a)
        differ = float(np.abs(made["loss"] - plain["loss"]).max())
        gain, most = statistics.median(gains), bound(model, layer)
        speed = len(pairs.text) / statistics.median(ours)
        spread = f"{min(gains):.2f} to {max(gains):.2f}"
        print(
            f"{layer:>5}  {speed:>12,.0f}  {speed / gain:>14,.0f}   {gain:.2f} ({spread})   {most:.2f}"
            f"   {gain / most:>10.2f}   {differ:>18.1e}",
            flush=True,
        )


def measure_generation(model: Model, arguments: argparse.Namespace) -> None:
    given = torch.tensor([model.tokenizer(["The city was"])["input_ids"][0]], device=model.device)
    network: Any = model.network
    asked = {"max_new_tokens": arguments.tokens, "min_new_tokens": arguments.tokens, "do_sample": False}
    asked |= {"pad_token_id": 0, "attention_mask": torch.ones_like(given)}

    def generate(changes: dict[str, Any]) -> float:
        wait(model)
        with edit(model, changes):
            start = time.perf_counter()
            with torch.inference_mode():
                network.generate(given, **asked)
            wait(model)
            return time.perf_counter() - start

    changed = {"mlp.15.200": ("add", 0.0)}
    generate({}), generate(changed)
    pairs = [(generate({}), generate(changed)) for _ in range(max(5, 3 * arguments.rounds))]
    ratios = sorted(b / a for a, b in pairs)
    middle = statistics.median(ratios)
    plain = arguments.tokens / statistics.median([a for a, _ in pairs])
    spread = f"{ratios[0]:.3f} to {ratios[-1]:.3f}"
    print(f"generation: {plain:.1f} tokens/s; with one neuron set {middle:.3f} times as long ({spread})")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--layers", type=int, nargs="+", default=[5, 15, 25, 30])
    parser.add_argument("--neurons", type=int, default=256)
    parser.add_argument("--sentences", type=int, default=200)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=128)
    arguments = parser.parse_args()
    options = ModelOptions(sites=("mlp",), layers=(1,), dtype=arguments.dtype)
    model = load_with_head(arguments.model, options=options, device=arguments.device)
    measure_layers(model, arguments)
    measure_generation(model, arguments)


if __name__ == "__main__":
    main()
