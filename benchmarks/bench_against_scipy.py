"""Is what `statistics` and `clustering` compute by themselves still better than scipy and scikit-learn?

    python benchmarks/bench_against_scipy.py [--neurons 2304 9216]

Nothing is needed but the extra ``relate``; data are made here, and every result is compared. Memory is the highest
of the step. Nearest rows by shared sentences are in ``bench_relations.py``; see decision 61.
"""

import argparse
from typing import Any

import numpy as np
from bench_relations import timed
from scipy import stats
from scipy.cluster.hierarchy import linkage
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_samples

from neurolect.clustering.average_linkage import average_linkage
from neurolect.clustering.k_means import k_means
from neurolect.clustering.k_means_in_step import cluster
from neurolect.clustering.quality import silhouettes
from neurolect.statistics.significance import false_discoveries, fisher_surprise
from neurolect.statistics.sorting import mean_ranks

N_PATTERNS, N_TESTS, N_STARTS = 200_000, 2_000_000, 10


def bench_linkage(n: int) -> None:
    """Join n neurons whose responses have themes in common."""
    random = np.random.default_rng(2)
    themes = random.standard_normal((n // 20 + 1, 500), dtype=np.float32)
    acts = themes[random.integers(0, len(themes), n)] + random.standard_normal((n, 500), dtype=np.float32)
    distances = (1 - np.abs(np.corrcoef(acts, dtype=np.float32)))[np.triu_indices(n, 1)]
    plain, _ = timed(f"scipy's average linkage of {n:,}", lambda: linkage(distances, "average"))
    average_linkage(np.ones(3, dtype=np.float32), n=3)
    ours, _ = timed(f"average linkage of {n:,}", lambda: average_linkage(distances, n=n))
    print(f"  heights differ by {np.abs(plain[:, 2] - ours.heights).max():.1e} at most")


def bench_k_means(n: int, *, k: int) -> None:
    """Group n points by both of ours and by scikit-learn's."""
    random = np.random.default_rng(0)
    centres = random.standard_normal((12, 64))
    points = (centres[random.integers(0, 12, n)] * 0.3 + random.standard_normal((n, 64)) * 0.5).astype(np.float32)
    draws = random.random((N_STARTS, k))
    cluster(points[:50], numbers=(2,), draws=draws)
    ours, _ = timed(f"k_means of {n:,}, k = {k}", lambda: k_means(points, k=k, n_starts=N_STARTS))
    made, _ = timed("the same in step", lambda: cluster(points, numbers=(k,), draws=draws, max_rounds=100)[0])
    model = KMeans(k, n_init=N_STARTS, random_state=0, tol=0, max_iter=100)
    plain, _ = timed("scikit-learn's", lambda: model.fit(points))
    in_step = float(((points - made.centers[made.labels]) ** 2).sum())
    print(f"  error by scikit-learn's: {ours.sse / plain.inertia_:.5f}, in step {in_step / plain.inertia_:.5f}")
    silhouettes(points[:50], made.labels[:50], n_clusters=k)
    values, _ = timed("silhouettes", lambda: silhouettes(points, made.labels, n_clusters=k))
    theirs, _ = timed("scikit-learn's", lambda: silhouette_samples(points, made.labels, metric="sqeuclidean"))
    print(f"  differ by {np.abs(values - theirs).max():.1e} at most")


def bench_tests() -> None:
    """Test patterns, control false discoveries, rank with ties."""
    random = np.random.default_rng(0)
    size, rest = 1000, 72_000
    background = np.minimum(random.zipf(1.3, N_PATTERNS) + 4, rest - 1)
    held = np.minimum(random.binomial(background, size / rest) + random.integers(0, 12, N_PATTERNS), size)
    none: Any = np.zeros(N_PATTERNS, np.int64)
    few = slice(0, 2000)
    fisher_surprise(held[few], size, background[few], rest, n_overlap=none[few], size_overlap=0)
    ours, _ = timed(
        f"Fisher's test of {N_PATTERNS:,}",
        lambda: fisher_surprise(held, size, background, rest, n_overlap=none, size_overlap=0),
    )
    tails, _ = timed(
        f"scipy's, of {len(held[few]):,} of them",
        lambda: stats.hypergeom.logsf(held[few] - 1, size + rest, (held + background)[few], size),
    )
    more = ours[few] > 0
    print(f"  -ln p differs by {np.abs(ours[few] + tails)[more].max():.1e} at most")
    every = ours[ours > 0]
    found, _ = timed(
        f"q of {len(every):,} of {N_TESTS:,}",
        lambda: false_discoveries(every, every=every, n_tests=N_TESTS, rate=0.05),
    )
    p = np.ones(N_TESTS)
    p[: len(every)] = np.exp(-every.astype(np.float64))
    plain, _ = timed("scipy's", lambda: stats.false_discovery_control(p))
    print(f"  differ by {np.abs(found.q - plain[: len(every)]).max():.1e} at most")
    numbers = random.integers(0, 2000, N_TESTS) / 7
    ranks, _ = timed(f"ranks of {N_TESTS:,}", lambda: mean_ranks(numbers))
    others, _ = timed("scipy's", lambda: stats.rankdata(numbers))
    print(f"  same: {np.array_equal(ranks, others)}")


def main() -> None:
    """Compare all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--neurons", type=int, nargs="+", default=[2304, 9216])
    print(f"| {'step':<58} | {'seconds':>8} | {'cpu s':>8} | {'GiB':>5} |\n|---|---|---|---|")
    for n in parser.parse_args().neurons:
        bench_linkage(n)
        bench_k_means(n, k=12)
    bench_tests()


if __name__ == "__main__":
    main()
