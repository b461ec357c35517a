"""How long does it take to merge the partial states of many workers in a tree, and what has to be moved and held?

    OMP_NUM_THREADS=1 python benchmarks/bench_merge_tree.py --states 64 --neurons 144 --list-size 10000

States are made as workers leave them, full lists on both sides with histograms, sample and monitor, for a slice of
the neurons; each list holds the largest of as many random numbers as a worker reads sentences. They are written to
disk and merged level by level, as the tasks of ``--engine ray`` do it: load two, merge, save. Then the words of two
backgrounds are merged, which no slice makes smaller. Seconds are the processor's. Times and bytes of the lists grow
with the neurons; the extrapolation to all neurons, with pairs of a level side by side on machines of their own, is
printed as such.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from neurolect.collector.background import Background
from neurolect.collector.engines.ray_worker import merge_two
from neurolect.collector.lists.moments import Moments, choose_bins
from neurolect.collector.lists.sample import SampleActivations
from neurolect.collector.state import CollectState, Plan

SIDES = ("top", "bottom")


def state_of(plan: Plan, number: int, n_read: int, rng: np.random.Generator) -> dict[str, Any]:
    """Make the arrays of a worker's state: of ``n_read`` activations the largest, or smallest, ``list_size``."""
    n, size = plan.n_neurons, plan.list_size
    pilot = np.random.default_rng(1).normal(size=(128, n)).astype(np.float32)  # the same for all
    moments = Moments(np.zeros(n), bins=choose_bins(pilot, n_bins=64))
    state = CollectState(plan, moments=moments, sample=SampleActivations(np.arange(4000), n))
    for side, lists in state.lists.items():
        # the largest of many exponential numbers, by Renyi's representation, in random order
        gaps = rng.exponential(size=(n, size)) / np.arange(1, size + 1)
        values = (np.log(n_read / size) + np.cumsum(gaps[:, ::-1], axis=1)).astype(np.float32)
        rng.permuted(values, axis=1, out=values)
        ids = number * n_read + rng.choice(n_read, size=size, replace=False)
        lists.update(np.ascontiguousarray((values if side == "top" else -values).T), sentence_ids=ids)
    state._sums.add(number, state.moments.take_powers())
    state.n_sentences = n_read
    return state.to_arrays()


def save(path: Path, arrays: dict[str, Any]) -> int:
    """Write a state; give its bytes."""
    with path.open("wb") as file:
        np.savez(file, **arrays)
    return path.stat().st_size


def load(path: Path) -> dict[str, Any]:
    """Read a state."""
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def merge_levels(plan: Plan, paths: list[Path]) -> list[dict[str, float]]:
    """Merge neighbours until one is left; give per level the pairs, processor seconds of a pair, bytes moved."""
    levels = []
    while len(paths) > 1:
        pairs = list(zip(paths[::2], paths[1::2], strict=False))
        spent = {"pairs": float(len(pairs)), "load": 0.0, "merge": 0.0, "save": 0.0, "bytes": 0.0}
        for one, other in pairs:
            clock = [time.process_time()]
            first, second = load(one), load(other)
            clock.append(time.process_time())
            merged = merge_two(plan, first, second)
            clock.append(time.process_time())
            spent["bytes"] += other.stat().st_size  # the one that lies on another machine
            save(one, merged)
            clock.append(time.process_time())
            other.unlink()
            for name, seconds in zip(("load", "merge", "save"), np.diff(clock), strict=True):
                spent[name] += float(seconds) / len(pairs)
        levels.append(spent)
        paths = paths[::2]
    return levels


def background_seconds(n_words: int) -> tuple[float, int]:
    """Merge two backgrounds of so many different words, half of them shared; give seconds and bytes of one."""
    parts = []
    for first in (0, n_words // 2):
        part = Background(())
        part._words.update({f"word-{number}": number % 97 + 1 for number in range(first, first + n_words)})
        parts.append(part.to_arrays())
    start = time.process_time()
    whole = Background.from_arrays(parts[0], fields=())
    whole.merge(Background.from_arrays(parts[1], fields=()))
    whole.to_arrays()
    return time.process_time() - start, sum(array.nbytes for array in parts[0].values())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--states", type=int, default=64)
    parser.add_argument("--neurons", type=int, default=144, help="the slice")
    parser.add_argument("--of-neurons", type=int, default=9216, help="extrapolated to so many")
    parser.add_argument("--list-size", type=int, default=10_000)
    parser.add_argument("--sentences", type=int, default=1_000_000_000, help="read by all workers together")
    parser.add_argument("--words", type=int, default=1_000_000, help="different words of a worker's background")
    asked = parser.parse_args()
    plan = Plan(asked.neurons, asked.list_size, SIDES, with_tokens=False, fields=())
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.npz" for number in range(asked.states)]
        per_state = [
            save(path, state_of(plan, number, asked.sentences // asked.states, rng))
            for number, path in enumerate(paths)
        ]
        mebibytes = per_state[0] / 2**20
        made = f"{asked.states} states of {asked.neurons} neurons, lists of {asked.list_size:,}"
        print(f"{made}: {mebibytes:.1f} MiB each")
        levels = merge_levels(plan, paths)
    scale = asked.of_neurons / asked.neurons
    for number, level in enumerate(levels, start=1):
        times = ", ".join(f"{name} {1000 * level[name]:.0f} ms" for name in ("load", "merge", "save"))
        print(
            f"level {number}: {level['pairs']:.0f} pairs; a pair: {times}; {level['bytes'] / 2**20:.0f} MiB moved"
        )
    moved = sum(level["bytes"] for level in levels)
    merging = sum(level["merge"] for level in levels)
    words, word_bytes = background_seconds(asked.words)
    print(
        f"words, {asked.words:,} each: {words:.1f} s a pair, {word_bytes / 2**20:.0f} MiB a state, not in the above"
    )
    print(f"peak memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")
    print(f"extrapolated to {asked.of_neurons:,} neurons (times {scale:.0f}), words added:")
    print(f"  a state {(per_state[0] * scale + word_bytes) / 2**30:.2f} GiB")
    print(f"  moved in all {(moved * scale + word_bytes * (asked.states - 1)) / 2**30:.0f} GiB")
    print(f"  merging, longest path: {merging * scale + words * len(levels):.0f} s of one core a pair")


if __name__ == "__main__":
    main()
