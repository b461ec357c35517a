"""How near does a pass on one GPU come to the bare forward pass?

Random weights of BERT-base's (or MPNet's) shape, for speed does not depend on them; real sentences from a prepared
corpus, repeated with their words shuffled until there are enough, so that lists stay alive; lists of both sides.

* bare: the network alone on batches that lie on the GPU already; nothing is read off. Packed, or padded and sorted.
  The batches are those of chunks from all parts of what collect reads: sentences are not equally long everywhere.
* pooled: the same, with every neuron's activations pooled.
* collect: from the corpus folder to the finished run folder. ``pass`` is the rate from its first launch until the
  device is through with all (pass_clock.py), ``whole`` that of the whole call, with compiling and writing.
* rounds: bare, pooled and collect in turns, BERT's shape compiled, MPNet's as it is by default.
* profile: what the GPU and the host do in collect of MPNet's shape, part by part (pass_breakdown.py).

    python benchmarks/shuffled_corpus.py SMALL_CORPUS CORPUS 5000000
    python benchmarks/bench_gpu.py --corpus CORPUS --tokenizer FOLDER [--parts bare,packed,padded,mpnet,precision]
        [--sentences 5000000] [--mpnet-sentences 3000000] [--rounds 3]
"""

import argparse
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq
import torch
import transformers
from pass_breakdown import Kernel, parts, show_parts, show_traced, traced
from pass_clock import clocked_pass

from neurolect.collector import CollectOptions, collect
from neurolect.collector.device.lists import DeviceTopLists
from neurolect.collector.device.moments import DeviceMoments
from neurolect.collector.feed.chunks import chunks
from neurolect.corpus import Corpus, open_corpus
from neurolect.model import Model, ModelOptions, load_model
from neurolect.model.pooling.receive import on_device
from neurolect.model.trials import compiled
from neurolect.model.ways.plain import Compiled
from neurolect.progress import NullProgress, NullTask


def make_model(folder: Path, tokenizer: Path, family: str) -> Path:
    torch.manual_seed(0)
    size = 514 if family == "MPNet" else 512
    config = getattr(transformers, f"{family}Config")(vocab_size=30_527, max_position_embeddings=size)
    transformers.AutoModel.from_config(config).save_pretrained(folder)
    transformers.AutoTokenizer.from_pretrained(tokenizer).save_pretrained(
        folder
    )  # and nothing else that lies there
    return folder


class Clock(NullTask):
    """Remembers when the first and the last sentence was through."""

    def __init__(self) -> None:
        self.n, self.stamps = 0.0, []

    def advance(self, n: float = 1) -> None:
        if n:
            self.n += n
            self.stamps.append((time.perf_counter(), self.n))


class Timed(NullProgress):
    def __init__(self) -> None:
        self.clock = Clock()

    @contextmanager
    def task(self, name: str, *, total: float | None = None, unit: str = "") -> Iterator[Clock]:
        yield self.clock
        (first, before), (last, after) = self.clock.stamps[1], self.clock.stamps[-1]
        print(f"    passed: {(after - before) / (last - first):,.0f} sentences/s, {last - first:.1f} s", flush=True)

    def message(self, text: str) -> None:
        print(f"    says: {text}")


def seconds_of(run: Callable[[], None], *, at_least: float = 2.0) -> float:
    """Median over rounds; a GPU under load for long is slower than one that just woke up."""
    run()
    torch.cuda.synchronize()
    times: list[float] = []
    while sum(times) < at_least or len(times) < 3:
        start = time.perf_counter()
        run()
        torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2]


def compiled_way(model: Model) -> Compiled:
    made = compiled.attempt(model, model.torch_way, token_budget=65_536)
    if isinstance(made, str):
        raise SystemExit(made)
    return made


def feed(model: Model, corpus: Corpus, *, n_sentences: int | None = None, n_chunks: int = 8) -> "Feed":
    """Put batches of chunks from all parts of what is read on the device."""
    size, budget = 16_384, 65_536
    last = (n_sentences or corpus.n_mining) // size - 1
    numbers = np.unique(np.linspace(0, last, n_chunks).astype(int)).tolist()
    found = [next(chunks(corpus, model, size=size, token_budget=budget, start=k, end=k + 1)) for k in numbers]
    batches = [
        on_device(model.batch(chunk.tokens, rows), model.device) for chunk in found for rows in chunk.batches
    ]
    return Feed(model, batches, len(found) * size, float(np.mean([each.tokens.lengths.mean() for each in found])))


class Feed(NamedTuple):
    """Batches on a device."""

    model: Model
    batches: list[Any]
    n_sentences: int
    n_tokens: float
    """Of a sentence, on average."""

    def bare(self, at_least: float) -> float:
        """Sentences a second of the network alone."""

        def forward() -> None:
            with torch.inference_mode():
                for batch in self.batches:
                    self.model.torch_way.forward(self.model, batch)

        return self.n_sentences / seconds_of(forward, at_least=at_least)

    def pooled(self, at_least: float) -> float:
        """Sentences a second of the network with every neuron pooled."""

        def run() -> None:
            for batch in self.batches:
                self.model.run(batch)

        return self.n_sentences / seconds_of(run, at_least=at_least)


def bare(
    model: Model, corpus: Corpus, *, n_sentences: int | None = None, at_least: float = 2.0
) -> dict[str, float]:
    """Sentences a second of the network alone, and with pooling."""
    fed = feed(model, corpus, n_sentences=n_sentences)
    rates = {"bare": fed.bare(at_least), "pooled": fed.pooled(at_least), "bare again": fed.bare(at_least)}
    return rates | {"tokens a sentence": fed.n_tokens}


def in_turns(name: str, model: Model, corpus: Corpus, folder: Path, n_rounds: int, **options: Any) -> None:
    """Bare, pooled and collect one after the other, some times; medians and all rounds."""
    fed, found = feed(model, corpus, n_sentences=options["limit"]), {}
    for number in range(n_rounds):
        found.setdefault("bare", []).append(fed.bare(4.0))
        found.setdefault("pooled", []).append(fed.pooled(3.0))
        figures = whole(model, corpus, folder, **options)
        found.setdefault("pass", []).append(figures["pass"])
        show(f"{name}, collect, round {number}", figures)
    medians = {each: statistics.median(rates) for each, rates in found.items()}
    print(json.dumps({each: [round(rate) for rate in rates] for each, rates in found.items()}), flush=True)
    ratios = {f"pass / {each}": medians["pass"] / medians[each] for each in ("bare", "pooled")}
    show(f"{name}, medians", medians | ratios | {"tokens a sentence": fed.n_tokens})


def profiled(model: Model, corpus: Corpus, folder: Path, **options: Any) -> None:
    """Print where a collect spends its time, by marks and by PyTorch's profiler, next to the network alone."""
    whole(model, corpus, folder, **options | {"limit": 65_536})  # compiles
    fed, kernels = feed(model, corpus, n_sentences=options["limit"]), list[Kernel]()
    bare = fed.bare(2.0)
    with traced(kernels):
        fed.bare(0.0)
    print(f"bare, three times and once before: {bare:,.0f} sentences/s, {fed.n_sentences:,} sentences", flush=True)
    show_traced(kernels)
    del fed
    for look in (parts, traced):
        shutil.rmtree(folder, ignore_errors=True)
        found: list[Any] = []
        offset = time.time() - time.perf_counter()
        with clocked_pass() as clock, look(found):
            collect(model, corpus, out=folder, options=CollectOptions(**options))
        print(f"{look.__name__}: pass {clock.taken[-1][0] / clock.seconds:,.0f} sentences/s", flush=True)
        print("    by tenths:", [round(rate) for rate in clock.by_tenths()], flush=True)
        if look is parts:
            show_parts(found, clock)
        else:
            begun, through = clock.begun + offset, clock.through + offset
            show_traced([each for each in found if begun - 1e-3 < each.start < through])


@contextmanager
def device_time(cls: type, spent: list[Any]) -> Iterator[None]:
    """Record device events around every update of a class."""
    usual = cls.update  # type: ignore[attr-defined]

    def update(self: Any, *args: Any, **keywords: Any) -> None:
        events = [torch.cuda.Event(enable_timing=True) for _ in range(2)]
        events[0].record()
        usual(self, *args, **keywords)
        events[1].record()
        spent.append(events)

    cls.update = update  # type: ignore[attr-defined]
    try:
        yield
    finally:
        cls.update = usual  # type: ignore[attr-defined]


def whole(model: Model, corpus: Corpus, folder: Path, **options: Any) -> dict[str, float]:
    """Collect and give rates, memory and shares."""
    shutil.rmtree(folder, ignore_errors=True)
    torch.cuda.reset_peak_memory_stats()
    progress, lists, moments = Timed(), [], []
    n = min(corpus.n_mining, options.get("limit", corpus.n_mining))
    start = time.perf_counter()
    timed = device_time(DeviceTopLists, lists), device_time(DeviceMoments, moments)
    with clocked_pass() as clock, timed[0], timed[1]:
        collect(model, corpus, out=folder, options=CollectOptions(**options), progress=progress)
    seconds = time.perf_counter() - start
    end = start + seconds
    after = clock.taken[-1][0]
    print("    by tenths:", [round(rate) for rate in clock.by_tenths()], flush=True)
    spent = [sum(one.elapsed_time(two) for one, two in each) / 1e3 for each in (lists, moments)]
    n_taken, at = clock.taken[len(clock.taken) // 2]
    return {
        "sentences": n,
        "pass": after / clock.seconds,
        "taken in": after / clock.taken[-1][1],
        "second half": (after - n_taken) / max(1e-9, clock.taken[-1][1] - at),
        "whole": n / seconds,
        "seconds": seconds,
        "before": clock.begun - start,
        "after last": end - clock.through,
        "lists share": spent[0] / clock.seconds,
        "moments share": spent[1] / clock.seconds,
        "GiB allocated": torch.cuda.max_memory_allocated() / 2**30,
        "GiB reserved": torch.cuda.max_memory_reserved() / 2**30,
    }


def overlap(one: Path, other: Path, sizes: tuple[int, ...]) -> dict[str, float]:
    lists = [pq.read_table(each / "lists" / "top.parquet", columns=["sentence_id"]) for each in (one, other)]
    ids = [each.column(0).to_numpy().reshape(9216, -1) for each in lists]
    found = {}
    for size in sizes:
        shares = [len(np.intersect1d(a[:size], b[:size])) / size for a, b in zip(*ids, strict=True)]
        found[f"top {size:,}"] = float(np.mean(shares))
    return found


def show(name: str, figures: dict[str, float]) -> None:
    rounded = {key: round(value, 4 if value < 10 else 1) for key, value in figures.items()}
    print(json.dumps({"part": name, **rounded}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--parts", default="bare,packed,padded,mpnet,precision")
    parser.add_argument("--sentences", type=int, default=5_000_000, help="of BERT's rounds")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--mpnet-sentences", type=int, default=3_000_000)
    arguments = parser.parse_args()
    parts = arguments.parts.split(",")
    usual: dict[str, Any] = {"list_size": 10_000}
    some = {"limit": 1_000_000}
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        run = scratch / "run"
        # as in a pass: what is compiled for more threads would be compiled again
        torch.set_num_threads(1)
        start = time.perf_counter()
        corpus = open_corpus(arguments.corpus)
        bert = str(make_model(scratch / "bert", arguments.tokenizer, "Bert"))
        packed = load_model(bert, device="cuda")
        padded = load_model(bert, options=ModelOptions(packing="off"), device="cuda")
        tokens = packed.tokenize(next(iter(corpus.batches(batch_size=65_536))).column("text").to_pylist())
        figures = {"prepared in": time.perf_counter() - start, "tokens a sentence": tokens.lengths.mean()}
        show(torch.cuda.get_device_name(), figures)
        if "bare" in parts:
            show("packed, eager", bare(packed, corpus))
            show("padded, eager", bare(padded, corpus))
            packed.way = compiled_way(packed)
            show("packed, compiled", bare(packed, corpus))
        if "packed" in parts:
            start = time.perf_counter()
            packed.way = compiled_way(packed)
            show("compiled", {"seconds": time.perf_counter() - start})
            show("packed, compiled, for long", bare(packed, corpus, at_least=10.0))
            show("collect, packed, compiled", whole(packed, corpus, run, **usual))
        if "rounds" in parts and arguments.sentences:
            packed.way = compiled_way(packed)
            n = min(arguments.sentences, corpus.n_mining)
            in_turns("BERT", packed, corpus, run, arguments.rounds, **usual, limit=n, compile="on")
        if "eager" in parts:
            eager = load_model(bert, device="cuda")
            show("collect, packed, eager", whole(eager, corpus, run, **usual, **some, compile="off"))
        if "monitor" in parts:
            show("collect, with the monitor", whole(packed, corpus, run, **usual, **some))
            show("collect, without its steps", whole(packed, corpus, run, **usual, **some, monitor_every=1 << 40))
        if "padded" in parts:
            show("collect, padded", whole(padded, corpus, run, **usual, **some))
        del packed
        if {"mpnet", "rounds", "profile"} & set(parts):
            mpnet = load_model(str(make_model(scratch / "mpnet", arguments.tokenizer, "MPNet")), device="cuda")
            print(f"    MPNet: packed {mpnet.way.packed}; {mpnet.torch_way.because}")
            n = min(arguments.mpnet_sentences, corpus.n_mining)
        if "rounds" in parts:
            in_turns("MPNet", mpnet, corpus, run, arguments.rounds, **usual, limit=n)
        if "profile" in parts:
            profiled(mpnet, corpus, run, **usual, limit=n)
        if "mpnet" in parts:
            show("MPNet, padded, for long", bare(mpnet, corpus, n_sentences=n, at_least=10.0))
            show("MPNet, collect", whole(mpnet, corpus, run, **usual, limit=n))
        if "precision" in parts:
            few = {**usual, "limit": 300_000}
            show("float16, packed", whole(load_model(bert, device="cuda"), corpus, run, **few))
            exact = load_model(bert, options=ModelOptions(dtype="float32"), device="cuda")
            show("float32, padded", whole(exact, corpus, scratch / "exact", **few))
            show("float16 lists in float32's, of 300,000", overlap(run, scratch / "exact", (100, 1000, 10_000)))


if __name__ == "__main__":
    main()
