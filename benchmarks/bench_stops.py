"""A pass over a decoder's mlp neurons on a GPU, stopped in the middle and resumed, or ended by a limit of seconds.

Random weights of a decoder's shape and generated sentences (bench_decoder.py), all defaults.

* whole: a pass over some sentences, twice, as the first one compiles kernels.
* stopped: the same with Ctrl-C after three fifths of the sentences, and given again: all tables have to be the
  same. Printed are the seconds from the signal until collect has returned, and those that both calls took beyond
  the second whole pass.
* ended: with ``max_seconds`` (0 leaves it out). Its lists are of fewer sentences: whatever entry of them is better
  than the last of the whole pass's list has to be in that list, with the same activation.

    python benchmarks/bench_decoder.py make CORPUS --sentences 40000
    python benchmarks/bench_stops.py CORPUS --shape llama-8b --limit 32768
"""

import argparse
import os
import signal
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch
from bench_decoder import Said, largest, make_model, megabytes, show, whole
from bench_gpus import differences

from neurolect.collector import CollectOptions, collect
from neurolect.corpus import Corpus, open_corpus
from neurolect.errors import InterruptedRunError
from neurolect.model import Model


def stopped(model: Model, corpus: Corpus, folder: Path, options: CollectOptions, *, n_sentences: int) -> float:
    """Collect; send Ctrl-C once so many sentences are through. Give the seconds until collect returned after it."""
    sent = [float("nan")]

    class Stopping(Said):
        def task(self, name: str, **keywords: Any) -> Any:
            made = super().task(name, **keywords)
            if name == "collect":
                threading.Thread(target=watch, daemon=True).start()
            return made

    def watch() -> None:
        while clock.n < n_sentences:
            time.sleep(0.01)
        sent[0] = time.perf_counter()
        os.kill(os.getpid(), signal.SIGINT)

    clock = _Counted()
    with clock:
        try:
            collect(model, corpus, out=folder, options=options, progress=Stopping())
            print("    it ended before it was stopped", flush=True)
        except InterruptedRunError as error:
            print(f"    {error.what}", flush=True)
    return time.perf_counter() - sent[0]


class _Counted:
    """Counts sentences taken into a state inside the ``with``."""

    n = 0

    def __enter__(self) -> "_Counted":
        from neurolect.collector.state import CollectState

        self._usual = CollectState.update

        def update(state: CollectState, *args: Any, **keywords: Any) -> None:
            self._usual(state, *args, **keywords)
            self.n += len(keywords["sentence_ids"])

        CollectState.update = update  # type: ignore[method-assign]
        return self

    def __exit__(self, *_: object) -> None:
        from neurolect.collector.state import CollectState

        CollectState.update = self._usual  # type: ignore[method-assign]


def strays(one: Path, other: Path, *, side: str) -> tuple[int, int]:
    """Count the entries of one run that would have to be in the other's list, and those that are not there."""
    a, b = (pq.read_table(each / "lists" / f"{side}.parquet") for each in (one, other))
    sign = 1 if side == "top" else -1
    ours, theirs = (
        each["neuron_id"].to_numpy().astype(np.int64) << 32 | each["sentence_id"].to_numpy() for each in (a, b)
    )
    values, others = (sign * each["activation"].to_numpy() for each in (a, b))
    neurons = b["neuron_id"].to_numpy()
    last = np.full(int(neurons.max()) + 1, np.inf, dtype=np.float32)
    np.minimum.at(last, neurons, others)
    wanted = values > last[a["neuron_id"].to_numpy()]
    order = np.argsort(theirs)
    at = np.searchsorted(theirs[order], ours[wanted]).clip(max=len(theirs) - 1)
    there = (theirs[order][at] == ours[wanted]) & (others[order][at] == values[wanted])
    return int(wanted.sum()), int((~there).sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--shape", default="llama-8b")
    parser.add_argument("--list-size", type=int, default=100)
    parser.add_argument("--limit", type=int, default=32_768)
    parser.add_argument("--max-seconds", type=float, default=25.0)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    corpus, model = open_corpus(arguments.corpus), make_model(arguments.shape, "cuda")
    known: dict[str, Any] = {"list_size": arguments.list_size, "limit": arguments.limit, "limit_by": "first"}
    print(f"{arguments.shape}: {model.neurons.n_neurons:,} neurons, packed {model.torch_way.packed}", flush=True)
    with tempfile.TemporaryDirectory() as name:
        runs = {each: Path(name) / each for each in ("whole", "stopped", "ended")}
        for number in range(2):
            figures = whole(model, corpus, runs["whole"], **known)
            undisturbed = figures["sentences"] / figures["whole"]
            show(f"whole, {number}", figures | {"seconds": undisturbed})
        options = CollectOptions(**known)
        start = time.perf_counter()
        ending = stopped(model, corpus, runs["stopped"], options, n_sentences=arguments.limit * 3 // 5)
        took = {"seconds": time.perf_counter() - start, "from the signal": ending}
        show("stopped", took | {"folder MB": megabytes(runs["stopped"])} | largest(runs["stopped"], 3))
        again = time.perf_counter()
        collect(model, corpus, out=runs["stopped"], options=options, progress=Said())
        both = took["seconds"] + time.perf_counter() - again
        show("resumed", {"seconds": both - took["seconds"], "both": both, "lost": both - undisturbed})
        print("whole and resumed differ:", differences(runs["whole"], runs["stopped"]) or "in nothing", flush=True)
        if not arguments.max_seconds:
            return
        start = time.perf_counter()
        limited = CollectOptions(**known, max_seconds=arguments.max_seconds)
        ended = collect(model, corpus, out=runs["ended"], options=limited, progress=Said())
        ended_after, n_read = time.perf_counter() - start, ended.manifest["stages"]["collect"]["n_sentences"]
        show("ended", {"asked for": arguments.max_seconds, "seconds": ended_after, "sentences": n_read})
        for side in ("top", "bottom"):
            n, missing = strays(runs["ended"], runs["whole"], side=side)
            print(f"{side}: {n:,} entries are better than the whole pass's last, {missing:,} of them not there")


if __name__ == "__main__":
    main()
