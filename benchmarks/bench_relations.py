"""How long, and in how much memory, are the neurons of a whole model related?

    python benchmarks/bench_relations.py [--neurons 9216] [--list 10000] [--sentences 300000] [--responses 36864]

Nothing is needed but the extra ``relate``: vectors, lists and responses are made here. Lists hold the sentences
highest on random directions, so they overlap as a model's do. After each step runs the plain way: gathering
the vectors of a list (NumPy; all of them at once would be 92 million), scikit-learn's KMeans, scipy's sparse
product and scipy's linkage (float64). ``--only STEP`` runs one of vectors, clusters, overlap, map, linkage.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.cluster.hierarchy import linkage
from scipy.sparse import csr_array
from sklearn.cluster import KMeans

from neurolect.clustering.average_linkage import average_linkage
from neurolect.clustering.k_means import k_means
from neurolect.clustering.nearest import SparseRows, nearest_rows
from neurolect.relations.inputs import compare_responses, standardised
from neurolect.relations.maps import t_sne
from neurolect.relations.vectors import neuron_vectors
from neurolect.results.list_entries import ListEntries, first_entries

PLAIN_LISTS = 200
PLAIN_POINTS = 6000
STEPS = ("vectors", "clusters", "overlap", "map", "linkage")


def timed(name: str, work: Callable[[], Any]) -> tuple[Any, float]:
    """Print wall and processor seconds and the highest memory of a step; give its result and wall seconds."""
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
    wall, processor = time.perf_counter(), time.process_time()
    made = work()
    seconds = time.perf_counter() - wall
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    peak = float(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 2**20
    print(f"| {name:<58} | {seconds:8.2f} | {time.process_time() - processor:8.2f} | {peak:5.2f} |", flush=True)
    return made, seconds


def make_lists(vectors: np.ndarray[Any, Any], *, n: int, size: int) -> ListEntries:
    """Take the sentences highest on random directions, and a little of a layer's own direction."""
    random = np.random.default_rng(1)
    layers = random.standard_normal((12, vectors.shape[1]), dtype=np.float32)
    positions = np.empty(n * size, dtype=np.int32)
    for first in range(0, n, 256):
        here = np.arange(first, min(first + 256, n))
        directions = random.standard_normal((len(here), vectors.shape[1]), dtype=np.float32)
        scores = vectors @ (directions + 0.5 * layers[here * 12 // n]).T
        for column, neuron in enumerate(here):
            positions[neuron * size : (neuron + 1) * size] = np.argpartition(-scores[:, column], size)[:size]
    return ListEntries(np.arange(n + 1, dtype=np.int64) * size, positions)


def bench_vectors(vectors: np.ndarray[Any, Any], entries: ListEntries, *, workers: int) -> np.ndarray[Any, Any]:
    """Average lists, and a few of them by gathering."""
    neuron_vectors(vectors, first_entries(entries, 1), workers=1)  # compiled before it is timed
    made, seconds = timed("neuron vectors", lambda: neuron_vectors(vectors, entries, workers=workers))
    few = range(0, len(made), max(1, len(made) // PLAIN_LISTS))

    def plain() -> list[Any]:
        return [vectors[entries.positions[entries.starts[i] : entries.starts[i + 1]]].mean(axis=0) for i in few]

    gathered, plain_seconds = timed(f"plain: {len(few)} lists gathered with NumPy", plain)
    ratio = plain_seconds / len(few) * len(made) / seconds
    same = bool(np.allclose(np.array(gathered), made[list(few)], atol=1e-4))
    print(f"  plain for all {plain_seconds / len(few) * len(made):.1f} s: {ratio:.1f} times as long; same: {same}")
    return made


def bench_clusters(points: np.ndarray[Any, Any]) -> None:
    """Group neurons into twelve."""
    ours, seconds = timed("k-means, k = 12, 10 starts", lambda: k_means(points, k=12))
    plain, theirs = timed(
        "plain: scikit-learn KMeans, the same", lambda: KMeans(12, n_init=10, random_state=0, tol=0).fit(points)
    )
    print(f"  {theirs / seconds:.2f} times as long; error ours / theirs {ours.sse / plain.inertia_:.5f}")


def bench_overlap(entries: ListEntries, *, n_sentences: int, workers: int) -> None:
    """Find the lists that share most sentences."""
    short = first_entries(entries, 1000)
    rows = SparseRows(short.starts, short.positions, np.ones(len(short.positions), dtype=np.float32))
    tiny = SparseRows(short.starts[:3], short.positions[: short.starts[2]], rows.weights[: short.starts[2]])
    nearest_rows(tiny, n_columns=n_sentences, k=2)
    found, seconds = timed(
        "nearest by shared sentences (first 1,000)",
        lambda: nearest_rows(rows, n_columns=n_sentences, k=10, workers=workers),
    )
    matrix = csr_array((rows.weights, rows.columns, rows.starts), shape=(len(rows.starts) - 1, n_sentences))
    product, theirs = timed("plain: scipy's sparse product of all with all", lambda: matrix @ matrix.T)
    product.setdiag(0)
    same = bool(np.array_equal(product.max(axis=1).toarray().ravel(), found.values[:, 0]))
    print(f"  {theirs / seconds:.2f} times as long, before any is chosen; same: {same}")


def bench_linkage(*, n: int, n_sentences: int) -> None:
    """Correlate and link responses."""
    random = np.random.default_rng(2)
    themes = random.standard_normal((n // 20 + 1, n_sentences), dtype=np.float32)
    acts = themes[random.integers(0, len(themes), n)] + random.standard_normal((n, n_sentences), dtype=np.float32)
    groups = (np.arange(n) * 12 // n).astype(np.int32)
    compare_responses(standardised(acts[:5]), groups[:5], k=2, with_distances=True)
    average_linkage(np.ones(3, dtype=np.float32), n=3)
    unit, _ = timed(f"responses of {n:,} neurons, standardised", lambda: standardised(acts))
    acts = np.empty(0)
    found, _ = timed(
        f"correlations of {n:,}, nearest 10", lambda: compare_responses(unit, groups, k=10, with_distances=True)
    )
    small = compare_responses(unit[:PLAIN_POINTS], groups[:PLAIN_POINTS], k=1, with_distances=True).distances
    timed(f"average linkage of {n:,}", lambda: average_linkage(found.distances, n=n))
    if small is None:
        return
    held = small.astype(np.float64)
    m = min(PLAIN_POINTS, n)
    ours, seconds = timed(f"average linkage of {m:,}", lambda: average_linkage(small, n=m))
    plain, theirs = timed(f"plain: scipy's linkage of {m:,} (float64)", lambda: linkage(held, "average"))
    far = float(np.abs(np.sort(plain[:, 2]) - ours.heights).max())
    print(f"  {theirs / seconds:.2f} times as long; heights differ by {far:.1e} at most")


def main() -> None:
    """Run the steps asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--neurons", type=int, default=9216)
    parser.add_argument("--list", type=int, default=10_000)
    parser.add_argument("--sentences", type=int, default=300_000)
    parser.add_argument("--dimensions", type=int, default=64)
    parser.add_argument("--responses", type=int, default=36_864, help="neurons whose responses are linked")
    parser.add_argument("--sample", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", choices=STEPS, action="append")
    given = parser.parse_args()
    steps = given.only or STEPS
    print(f"| {'step':<58} | {'seconds':>8} | {'cpu s':>8} | {'GiB':>5} |\n|---|---|---|---|")
    if {"vectors", "clusters", "overlap", "map"} & set(steps):
        random = np.random.default_rng(0)
        vectors = random.standard_normal((given.sentences, given.dimensions), dtype=np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        entries, _ = timed("(the lists, made here)", lambda: make_lists(vectors, n=given.neurons, size=given.list))
        points = neuron_vectors(vectors, entries, workers=given.workers)
        if "vectors" in steps:
            bench_vectors(vectors, entries, workers=given.workers)
        if "clusters" in steps:
            bench_clusters(points)
        if "overlap" in steps:
            bench_overlap(entries, n_sentences=given.sentences, workers=given.workers)
        if "map" in steps:
            timed("t-SNE, one thread", lambda: t_sne(points))
        del vectors, entries, points
    if "linkage" in steps:
        bench_linkage(n=given.responses, n_sentences=given.sample)


if __name__ == "__main__":
    main()
