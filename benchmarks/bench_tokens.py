"""What does reading activations at tokens cost compared with the bare forward pass?

    python benchmarks/bench_tokens.py RUN [--model FOLDER] [--sentences 500] [--list 20] [--device cpu]

The sentences are a uniform sample of all that the tokens stage would read (every neuron, both sides); the two
passes take turns, batch by batch, and the medians over rounds are compared.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from neurolect import open_run
from neurolect.model import plan_batches
from neurolect.model.token_values import token_values
from neurolect.tokens.entries import wanted_entries
from neurolect.tokens.weigh import model_of_run


def main() -> None:
    """Time both passes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--model")
    parser.add_argument("--sentences", type=int, default=500)
    parser.add_argument("--list", type=int, default=20, dest="n_list")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    chosen = parser.parse_args()
    run = open_run(chosen.run)
    model = model_of_run(run, chosen.model, device=chosen.device)
    wanted = wanted_entries(run, neuron_ids=None, sides=("top", "bottom"), n_sentences=chosen.n_list)
    every = np.unique(wanted.column("sentence_id").to_numpy())
    ids = np.sort(np.random.default_rng(0).choice(every, min(chosen.sentences, len(every)), replace=False))
    entry_ids = wanted.column("sentence_id").to_numpy()
    here = np.isin(entry_ids, ids)
    rows, neurons = (
        np.searchsorted(ids, entry_ids[here]),
        wanted.column("neuron_id").to_numpy()[here].astype(np.int64),
    )
    sentences = model.tokenize(run.take_sentences(ids).column("text").to_pylist())
    seconds: dict[str, list[float]] = {"forward": [], "tokens": []}
    for _ in range(chosen.rounds):
        spent = dict.fromkeys(seconds, 0.0)
        for batch in plan_batches(sentences.lengths, token_budget=4096):
            made = model.batch(sentences, batch)
            place = np.full(len(ids), -1)
            place[batch] = np.arange(len(batch))
            inside = place[rows] >= 0
            start = time.perf_counter()
            model.run(made)
            middle = time.perf_counter()
            token_values(model, made, rows=place[rows[inside]], neurons=neurons[inside])
            spent["forward"] += middle - start
            spent["tokens"] += time.perf_counter() - middle
        for name, value in spent.items():
            seconds[name].append(value)
    rates = {name: len(ids) / float(np.median(values)) for name, values in seconds.items()}
    print(f"{len(every):,} sentences in all, {len(ids):,} of them timed with {len(rows):,} entries")
    print(
        f"forward, pooling: {rates['forward']:.0f} sentences/s; reading tokens: {rates['tokens']:.0f} sentences/s"
    )


if __name__ == "__main__":
    main()
