"""Where does the time of a pass go: forward, lists, monitor, checkpoints, background, waiting?

One ``collect`` from the prepared corpus to the finished run folder, on a CPU, with a clock around each part.
Shares are of the pass (from the first batch to the last), of wall time; every part works in the same thread, so
they add up, and what is left is waiting for the thread that reads and tokenizes, and Python between the parts.

The monitor is asked to look every 10,000 sentences, which is as often as it ever does by itself; with a corpus of
more than 200,000 sentences it looks less often, and its share is smaller. Checkpoints are due as always: once a
minute or, where one takes more than 1.2 s, so seldom that they cost 2 %. The share that goes to the first of them
in a short pass says little: give enough sentences for several minutes.

    python benchmarks/bench_shares.py [--model minilm] [--corpus FOLDER] [--sentences 60000] [--list-size 1000]
        [--backend torch] [--checkpoint-seconds 60]
"""

import argparse
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from neurolect.collector import CollectOptions, collect, corpus_pass
from neurolect.collector.background import Background
from neurolect.collector.checkpoint import Checkpoints
from neurolect.collector.convergence.monitor import Convergence
from neurolect.collector.lists.moments import Moments
from neurolect.collector.lists.sample import SampleActivations
from neurolect.collector.lists.top_lists import TopLists
from neurolect.corpus import PrepareOptions, open_corpus, prepare
from neurolect.demo_data import documents_path
from neurolect.model import Model, ModelOptions, load_model

TIMED: list[tuple[str, type, str]] = [
    ("forward pass and pooling", Model, "activations"),
    ("padding", Model, "pad"),
    ("lists", TopLists, "update"),
    ("moments and histograms", Moments, "update"),
    ("activation sample", SampleActivations, "update"),
    ("background counts", Background, "update"),
    ("monitor", Convergence, "end_chunk"),
    ("monitor", Convergence, "step"),
    ("checkpoints", Checkpoints, "save"),
]


class Clocks:
    """Wall time and CPU time of every part, and how often it ran."""

    def __init__(self) -> None:
        self.wall: dict[str, float] = defaultdict(float)
        self.times: dict[str, int] = defaultdict(int)
        self.longest: dict[str, float] = defaultdict(float)
        self._running = 0

    def forget(self) -> None:
        for each in (self.wall, self.times, self.longest):
            each.clear()

    def around(self, part: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*given: Any, **named: Any) -> Any:
            if self._running:  # counted already: a step of the monitor inside its end of a chunk
                return method(*given, **named)
            self._running = 1
            start = time.perf_counter()
            try:
                return method(*given, **named)
            finally:
                seconds = time.perf_counter() - start
                self.wall[part] += seconds
                self.times[part] += 1
                self.longest[part] = max(self.longest[part], seconds)
                self._running = 0

        return timed


def measure(model: Model, corpus: Any, out: Path, options: CollectOptions) -> tuple[Clocks, float]:
    """Collect; give the clocks and the seconds of the pass."""
    clocks, seconds = Clocks(), 0.0
    for part, owner, name in TIMED:
        setattr(owner, name, clocks.around(part, getattr(owner, name)))
    whole = corpus_pass._run

    def run(*given: Any) -> Any:
        nonlocal seconds
        clocks.forget()  # the pilot's
        start = time.perf_counter()
        ending = whole(*given)
        seconds = time.perf_counter() - start
        return ending

    corpus_pass._run = run
    collect(model, corpus, out=out, options=options)
    return clocks, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="minilm")
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--sentences", type=int, default=60_000)
    parser.add_argument("--list-size", type=int, default=1000)
    parser.add_argument("--backend", default="torch")
    parser.add_argument("--checkpoint-seconds", type=float, default=60.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if arguments.corpus:
            corpus = open_corpus(arguments.corpus)
        else:
            corpus = prepare([documents_path()], out=folder / "corpus", options=PrepareOptions())
        model = load_model(arguments.model, options=ModelOptions(backend=arguments.backend))
        n = min(arguments.sentences, corpus.n_mining)
        options = CollectOptions(
            limit=n,
            list_size=min(arguments.list_size, n),
            monitor_every=10_000,
            held_out_size=0,
            checkpoint_seconds=arguments.checkpoint_seconds,
        )
        # the kernels are compiled before
        few = CollectOptions(limit=min(n, 300), list_size=20, held_out_size=0, checkpoint_seconds=0)
        collect(model, corpus, out=folder / "warm", options=few)
        clocks, seconds = measure(model, corpus, folder / "run", options)
    print(
        f"{model.name} ({model.way.backend}), {model.neurons.n_neurons:,} neurons, {n:,} sentences, "
        f"{torch.get_num_threads()} threads, lists of {options.list_size:,} on both sides: {n / seconds:.1f}/s"
    )
    print("| part | share of the pass | seconds | times | longest, s |\n|---|---|---|---|---|")
    for part in dict.fromkeys(part for part, _, _ in TIMED):
        print(
            f"| {part} | {clocks.wall[part] / seconds:.2%} | {clocks.wall[part]:.2f} | {clocks.times[part]:,} "
            f"| {clocks.longest[part]:.2f} |"
        )
    rest = seconds - sum(clocks.wall.values())
    print(f"| waiting, Python between | {rest / seconds:.2%} | {rest:.2f} | | |")


if __name__ == "__main__":
    main()
