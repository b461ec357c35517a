"""How much faster is a network that is left after its first blocks? Ratios with their spread, block by block.

python benchmarks/bench_transfer.py [--model minilm] [--texts 60] [--rounds 7]
"""

import argparse
import statistics
import time

import pyarrow.parquet as pq

from neurolect import load_model
from neurolect.demo_data import documents_path
from neurolect.probing import Features


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="minilm")
    parser.add_argument("--texts", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    model = load_model(given.model)
    table = pq.read_table(documents_path(), columns=["text"])
    texts = [each for each in table["text"].to_pylist() if 8 <= len(each.split()) <= 40][: given.texts]
    whole = Features(model, model.addresses)
    parts = {
        layer: Features(model, [f"hidden.{layer}.{at}" for at in range(100)])
        for layer in range(1, model.n_layers + 1)
    }
    print(
        f"{given.model}, {len(texts)} sentences, {given.rounds} rounds; 100 neurons of a block against all neurons."
    )
    print("| block | seconds | times as fast: median (lowest to highest) |\n|---|---|---|")
    taken: dict[int, list[float]] = {layer: [] for layer in parts}
    ratios: dict[int, list[float]] = {layer: [] for layer in parts}
    for number in range(given.rounds + 1):
        for layer, part in parts.items():
            seconds = []
            for each in (whole, part):
                start = time.perf_counter()
                each.sentences(texts)
                seconds.append(time.perf_counter() - start)
            if number:  # the first is to warm up
                taken[layer].append(seconds[1])
                ratios[layer].append(seconds[0] / seconds[1])
    for layer, own in ratios.items():
        spread = f"{statistics.median(own):.2f} ({min(own):.2f} to {max(own):.2f})"
        print(f"| {layer} | {statistics.median(taken[layer]):.2f} | {spread} |")


if __name__ == "__main__":
    main()
