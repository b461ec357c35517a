"""What does it cost to keep the N strongest sentences of every neuron, by how they are kept?

Random activations go by in batches, as they leave a forward pass; nothing else is timed. Five ways:

* heapq: a Python heap for every neuron (on few neurons: it is slow).
* torch.topk: the lists and the batch side by side, the N largest kept, at every batch.
* argpartition: activations of 32,768 sentences side by side with the lists, cut by NumPy.
* sorted insert: a threshold, and an insertion into a sorted row in compiled code.
* neurolect: a threshold, a buffer of twice the list, a selection when it is full.

Each way runs in a process of its own, one thread; it gives nanoseconds a sentence and neuron over the whole stream
and its last quarter (where lists are nearly settled), and how much resident memory it added, scaled to
``--neurons-scaled`` neurons. Ratios are of the same round.

    python benchmarks/bench_top_lists.py [--list-sizes 100 1000 10000] [--sentences 131072]
        [--neurons 96] [--rounds 3]
"""

import argparse
import heapq
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numba import njit
from numpy.typing import NDArray

BATCH = 64
Update = Callable[[NDArray[np.float32], NDArray[np.int64]], None]


def heaps(n_neurons: int, size: int) -> Update:
    kept: list[list[tuple[float, int]]] = [[] for _ in range(n_neurons)]

    def update(values: NDArray[np.float32], ids: NDArray[np.int64]) -> None:
        for row, sentence in zip(values.tolist(), (-ids).tolist(), strict=True):
            for heap, value in zip(kept, row, strict=True):
                if len(heap) < size:
                    heapq.heappush(heap, (value, sentence))
                elif value >= heap[0][0]:
                    heapq.heappushpop(heap, (value, sentence))

    return update


def topk(n_neurons: int, size: int) -> Update:
    import torch

    torch.set_num_threads(1)
    kept = [torch.empty((n_neurons, 0)), torch.empty((n_neurons, 0), dtype=torch.int64)]

    def update(values: NDArray[np.float32], ids: NDArray[np.int64]) -> None:
        together = torch.cat([kept[0], torch.from_numpy(values).T], dim=1)
        own = torch.cat([kept[1], torch.from_numpy(ids).expand(n_neurons, -1)], dim=1)
        kept[0], at = together.topk(min(size, together.shape[1]), dim=1, sorted=False)
        kept[1] = own.gather(1, at)

    return update


def argpartition(n_neurons: int, size: int) -> Update:
    kept = [np.empty((n_neurons, 0), dtype=np.float32), np.empty((n_neurons, 0), dtype=np.int64)]
    waiting: list[tuple[NDArray[np.float32], NDArray[np.int64]]] = []

    def update(values: NDArray[np.float32], ids: NDArray[np.int64]) -> None:
        waiting.append((values.copy(), ids))
        if len(waiting) * BATCH < 32_768:
            return
        together = np.concatenate([kept[0], np.concatenate([each for each, _ in waiting]).T], axis=1)
        new = np.broadcast_to(np.concatenate([each for _, each in waiting]), (n_neurons, len(waiting) * BATCH))
        own = np.concatenate([kept[1], new], axis=1)
        waiting.clear()
        if together.shape[1] > size:
            at = np.argpartition(together, -size, axis=1)[:, -size:]
            together, own = np.take_along_axis(together, at, 1), np.take_along_axis(own, at, 1)
        kept[0], kept[1] = together, own

    return update


@njit(cache=True)
def _insert(values, ids, rows, sentences, fill):  # noqa: ANN001, ANN202
    """Insert into rows sorted ascending, by binary search; the first entry falls out."""
    size = rows.shape[1]
    for number in range(values.shape[0]):
        for neuron in range(values.shape[1]):
            value = values[number, neuron]
            row = rows[neuron]
            n = fill[neuron]
            if n == size and value <= row[0]:
                continue
            at = np.searchsorted(row[:n], value)
            if n < size:
                row[at + 1 : n + 1] = row[at:n].copy()
                sentences[neuron, at + 1 : n + 1] = sentences[neuron, at:n].copy()
                fill[neuron] = n + 1
            else:
                at -= 1
                row[:at] = row[1 : at + 1].copy()
                sentences[neuron, :at] = sentences[neuron, 1 : at + 1].copy()
            row[at], sentences[neuron, at] = value, ids[number]


def sorted_insert(n_neurons: int, size: int) -> Update:
    rows = np.full((n_neurons, size), -np.inf, dtype=np.float32)
    sentences = np.zeros((n_neurons, size), dtype=np.int64)
    fill = np.zeros(n_neurons, dtype=np.int64)
    return lambda values, ids: _insert(values, ids, rows, sentences, fill)


def neurolect(n_neurons: int, size: int) -> Update:
    from neurolect.collector.lists.top_lists import TopLists

    lists = TopLists(n_neurons, size)
    return lambda values, ids: lists.update(values, sentence_ids=ids)


WAYS: dict[str, Callable[[int, int], Update]] = {
    "heapq": heaps,
    "torch.topk": topk,
    "argpartition": argpartition,
    "sorted insert": sorted_insert,
    "neurolect": neurolect,
}


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def measure(way: str, size: int, n_sentences: int, n_neurons: int) -> None:
    rng = np.random.default_rng(0)
    # the same few blocks again and again would keep lists from changing: each is moved by its own small amount
    blocks = rng.standard_normal((32, BATCH, n_neurons), dtype=np.float32)
    moved = rng.standard_normal((n_sentences // BATCH + 1, n_neurons), dtype=np.float32) * np.float32(0.3)
    warm = WAYS[way](n_neurons, size)
    warm(blocks[0], np.arange(BATCH))
    del warm
    before = resident()
    update, seconds, highest = WAYS[way](n_neurons, size), [], before
    for number in range(n_sentences // BATCH):
        values = blocks[number % 32] + moved[number]
        ids = np.arange(number * BATCH, (number + 1) * BATCH)
        # CPU time: one thread works, and neighbours on the machine do not count
        start = time.process_time()
        update(values, ids)
        seconds.append(time.process_time() - start)
        if number % 64 == 0:
            highest = max(highest, resident())
    cells = BATCH * n_neurons
    late = seconds[-(len(seconds) // 4) :]
    print(
        json.dumps(
            {
                "whole": 1e9 * sum(seconds) / len(seconds) / cells,
                "late": 1e9 * sum(late) / len(late) / cells,
                "bytes": (max(highest, resident()) - before) / n_neurons,
            }
        )
    )


def run(way: str, size: int, arguments: argparse.Namespace) -> dict[str, float]:
    # Heaps take so long that a twelfth of the neurons must do, and two others a quarter where lists are long.
    part = 12 if way == "heapq" else 4 if way in ("torch.topk", "sorted insert") and size > 1000 else 1
    n_neurons = max(8, arguments.neurons // part)
    job = [way, str(size), str(arguments.sentences), str(n_neurons)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, __file__, "--worker", *job], capture_output=True, text=True, check=True, env=environment
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list-sizes", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--sentences", type=int, default=131_072)
    parser.add_argument("--neurons", type=int, default=96)
    parser.add_argument("--neurons-scaled", type=int, default=9216)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--worker", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        way, size, n_sentences, n_neurons = arguments.worker
        measure(way, int(size), int(n_sentences), int(n_neurons))
        return
    print(
        f"{arguments.sentences:,} sentences, one thread, one side; memory for {arguments.neurons_scaled:,} neurons"
    )
    print("| N | way | ns a sentence and neuron | in the last quarter | times neurolect's | memory, GB |")
    print("|---|---|---|---|---|---|")
    for size in arguments.list_sizes:
        rounds = [{way: run(way, size, arguments) for way in WAYS} for _ in range(arguments.rounds)]
        for way in WAYS:
            whole, late = (statistics.median(each[way][name] for each in rounds) for name in ("whole", "late"))
            ratios = sorted(each[way]["whole"] / each["neurolect"]["whole"] for each in rounds)
            memory = max(each[way]["bytes"] for each in rounds) * arguments.neurons_scaled / 1e9
            spread = f"{statistics.median(ratios):.1f} ({ratios[0]:.1f} to {ratios[-1]:.1f})"
            print(f"| {size:,} | {way} | {whole:.1f} | {late:.1f} | {spread} | {memory:.2f} |", flush=True)


if __name__ == "__main__":
    main()
