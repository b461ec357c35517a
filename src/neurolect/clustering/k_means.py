"""Lloyd's k-means from several seeded starts, in float32 products and float64 sums."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BLOCK = 8192
"""Points at a time: the distances of all points to many centres would take more memory than the points."""


class Clustering(NamedTuple):
    """Points in groups."""

    labels: NDArray[np.int32]
    """Group of each point, shape (n,)."""
    centres: NDArray[np.float32]
    """Mean of each group, shape (k, D)."""
    sse: float
    """Sum of squared distances of the points to their group's mean."""
    labels_of_starts: NDArray[np.int32]
    """Groups found from every start, shape (n_starts, n); the best start is the one above."""


def k_means(
    points: NDArray[np.float32],
    *,
    k: int,
    seed: int = 0,
    n_starts: int = 10,
    n_iterations: int = 100,
    advance: Callable[[float], None] | None = None,
) -> Clustering:
    """Group n points, finite and at least k, around k means; groups by falling size, ties by their first point.

    Of `n_starts` starts by k-means++ (D. Arthur, S. Vassilvitskii 2007, SODA) the one with the least sum of squares
    wins, the first of equals. `advance` counts starts.
    """
    if not 1 <= k <= len(points):
        msg = f"{len(points)} points cannot make {k} groups"
        raise ValueError(msg)
    random = np.random.default_rng([seed, k])
    # distances are differences of squares: they are exact near the origin
    middle = points.mean(axis=0, dtype=np.float64).astype(np.float32)
    moved = np.ascontiguousarray(points - middle)
    norms = np.einsum("nd,nd->n", moved, moved)
    best: tuple[float, NDArray[np.int32], NDArray[np.float32]] | None = None
    found = np.empty((n_starts, len(points)), dtype=np.int32)
    for start in range(n_starts):
        labels, centres = _lloyd(moved, norms, _spread_out(moved, norms, k, random), n_iterations)
        found[start] = labels
        sse = float(np.sum((moved - centres[labels]).astype(np.float64) ** 2))
        if best is None or sse < best[0]:
            best = sse, labels, centres
        if advance is not None:
            advance(1)
    sse, labels, centres = best if best is not None else (0.0, found[0], moved[:k])
    sizes = np.bincount(labels, minlength=k)
    firsts = np.full(k, len(labels))
    np.minimum.at(firsts, labels, np.arange(len(labels)))
    order = np.lexsort((firsts, -sizes))
    rank = np.empty(k, dtype=np.int32)
    rank[order] = np.arange(k)
    return Clustering(rank[labels], centres[order] + middle, sse, found)


def _spread_out(
    points: NDArray[np.float32], norms: NDArray[np.float32], k: int, random: np.random.Generator
) -> NDArray[np.float32]:
    """Choose points to start from, each with a chance in proportion to its squared distance from those chosen."""
    chosen = [int(random.integers(len(points)))]
    nearest = np.full(len(points), np.inf)
    while len(chosen) < k:
        last = points[chosen[-1]]
        nearest = np.minimum(nearest, np.maximum(norms - 2 * (points @ last) + last @ last, 0.0))
        nearest[chosen[-1]] = 0.0
        total = float(nearest.sum())
        if total <= 0:  # all points lie on those chosen
            left = np.setdiff1d(np.arange(len(points)), chosen)
            chosen.append(int(random.choice(left)))
            continue
        place = np.searchsorted(np.cumsum(nearest), random.random() * total, side="right")
        chosen.append(min(int(place), len(points) - 1))
    return points[chosen].copy()


def _lloyd(
    points: NDArray[np.float32], norms: NDArray[np.float32], centres: NDArray[np.float32], n_iterations: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Move the centres until no point changes its group."""
    labels = np.full(len(points), -1, dtype=np.int32)
    for _ in range(n_iterations):
        now, distances = _nearest(points, norms, centres)
        if np.array_equal(now, labels):
            break
        labels = now
        centres = _means(points, labels, distances, len(centres))
    return labels, centres


def _nearest(
    points: NDArray[np.float32], norms: NDArray[np.float32], centres: NDArray[np.float32]
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Find every point's nearest centre, a block of points at a time."""
    labels = np.empty(len(points), dtype=np.int32)
    distances = np.empty(len(points), dtype=np.float32)
    half = np.einsum("kd,kd->k", centres, centres) / 2
    for first in range(0, len(points), BLOCK):
        here = slice(first, first + BLOCK)
        closeness = points[here] @ centres.T
        closeness -= half
        labels[here] = np.argmax(closeness, axis=1)
        distances[here] = (
            norms[here] - 2 * np.take_along_axis(closeness, labels[here, None].astype(np.int64), 1)[:, 0]
        )
    return labels, distances


def _means(
    points: NDArray[np.float32], labels: NDArray[np.int32], distances: NDArray[np.float32], k: int
) -> NDArray[np.float32]:
    """Average every group; an empty one takes the point that lies farthest from its centre."""
    sizes = np.bincount(labels, minlength=k)
    sums = np.zeros((k, points.shape[1]), dtype=np.float64)
    for first in range(0, len(points), BLOCK):
        here = labels[first : first + BLOCK]
        # a matrix product adds up rows many times faster than a loop over labels
        is_member = np.zeros((k, len(here)), dtype=np.float32)
        is_member[here, np.arange(len(here))] = 1.0
        sums += is_member @ points[first : first + BLOCK]
    filled = sizes > 0
    sums[filled] /= sizes[filled, None]
    empty = np.flatnonzero(~filled)
    if len(empty):
        sums[empty] = points[np.argsort(-distances, kind="stable")[: len(empty)]]
    return sums.astype(np.float32)
