"""Neurons as detectors of a class: average precision, and overlap with the class above a threshold.

Both need a neuron's units in order: one sort a neuron serves all classes, both sides and all thresholds.
Dims: T units, N neurons, K classes, S thresholds.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.errors import ProbingError
from neurolect.probing.labels import class_counts
from neurolect.probing.rankings.ranked import Ranked, best_of_classes, by_scores
from neurolect.probing.rankings.sorting_kernels import (
    bits_of,
    make_sortable,
    overlaps,
    sort_labels,
    values_of,
    walk,
)
from neurolect.probing.rows import Rows, as_rows, columns_of, row_numbers

MIN_ACTIVE = 500
"""Units above zero that a rectified neuron must have (Mu and Andreas 2020), or 1 % of fewer than 50,000."""
WIDTH = 96


class Detection(NamedTuple):
    """How well each neuron detects each class, fires-for side first."""

    average_precision: NDArray[np.float64]
    """Shape (2, K, N): of high values first, and of low values first."""
    overlap: NDArray[np.float32]
    """Intersection over union, shape (2, K, N, S + 1); the last threshold leaves as many units as the class has."""
    on_p50: NDArray[np.float64]
    """Median of the neuron over the class's units, shape (K, N)."""
    on_p90: NDArray[np.float64]
    """90th percentile of it, shape (K, N)."""
    base_rate: NDArray[np.float64]
    """Share of the units that are of the class: the average precision of a random order, shape (K,)."""
    shares: tuple[float, ...]
    """Of the first S thresholds; empty for ``zero``, whose threshold is the only one."""


def detect(
    rows: Rows | NDArray[Any],
    labels: NDArray[np.int64],
    *,
    chosen: NDArray[np.int64] | slice | None = None,
    classes: Sequence[str],
    shares: tuple[float, ...] = (0.005, 0.01, 0.05),
    zero: bool = False,
    workers: int = 1,
) -> Detection:
    """Measure how well each neuron detects each class.

    Parameters
    ----------
    rows : Rows or float array, shape (n_units, n_neurons)
        Float16 is sorted as 16 bits, all else as float32.
    labels : int array, shape (n_units,)
        Classes coded from 0.
    chosen : int array or slice, optional
        Which units; all when not given.
    classes : sequence of str
        Names of the classes.
    shares : tuple of float
        Thresholds of the overlap: at each, units strictly above the one at place ``floor(share * n_units)`` count.
    zero : bool
        For rectified neurons: units above zero count (below zero on the other side), and nothing else; neurons with
        fewer than 500 of them, or 1 % of the units, have NaN.
    workers : int
        Threads.

    Returns
    -------
    Detection

    Raises
    ------
    ProbingError
        If the labels do not fit, or activations are not finite.

    References
    ----------
    X. Suau, L. Zappella, N. Apostoloff (2020), Finding experts in transformer models, arXiv 2005.07647;
    J. Mu, J. Andreas (2020), Compositional explanations of neurons, NeurIPS.
    """
    rows = as_rows(rows)
    numbers = row_numbers(chosen, rows.n_rows)
    counts = class_counts(labels, numbers, classes=classes, n_rows=rows.n_rows)
    sizes, columns = _thresholds(counts, len(numbers), () if zero else shares, zero=zero)
    given = _Given(rows, numbers, labels[numbers].astype(np.int32), counts, sizes, columns)
    n_classes, n = len(counts), rows.n_neurons
    found = Detection(
        np.empty((2, n_classes, n)),
        np.zeros((2, n_classes, n, 1 if zero else len(shares) + 1), np.float32),
        np.empty((n_classes, n)),
        np.empty((n_classes, n)),
        counts / len(numbers),
        () if zero else shares,
    )
    chunks = [slice(first, min(first + WIDTH, n)) for first in range(0, n, WIDTH)]
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(lambda chunk: _detect_some(given, chunk, found), chunks))
    return found


class _Given(NamedTuple):
    rows: Rows
    numbers: NDArray[np.int64]
    labels: NDArray[np.int32]
    counts: NDArray[np.int64]
    sizes: NDArray[np.int64]
    columns: NDArray[np.int64]


def _thresholds(
    counts: NDArray[np.int64], n: int, shares: tuple[float, ...], *, zero: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give the sizes of all thresholds, ascending, and where each goes: shares first, then each class's own."""
    if zero:
        return np.array([-1]), np.array([0])
    sizes = np.concatenate([[int(share * n) for share in shares], counts]).astype(np.int64)
    columns = np.concatenate([np.arange(len(shares)), -1 - np.arange(len(counts))])
    order = np.argsort(sizes, kind="stable")
    return sizes[order], columns[order]


def _detect_some(given: _Given, chunk: slice, found: Detection) -> None:
    """Write the results of a few neurons."""
    values = columns_of(given.rows, given.numbers, chunk)
    if odd := int((~np.isfinite(values).all(axis=1)).sum()):
        what = f"{odd:,} of the neurons {chunk.start:,} to {chunk.stop - 1:,} have activations that are not finite."
        raise ProbingError(what, expected="finite activations", hint="Leave those neurons or units out.")
    keys = bits_of(values)
    n, n_bits = len(given.labels), 8 * keys.itemsize
    zero = 1 << (n_bits - 1)
    sorted_keys, spare_keys = np.empty(n, keys.dtype), np.empty(n, keys.dtype)
    sorted_labels, spare_labels = np.empty(n, np.int32), np.empty(n, np.int32)
    precision = np.empty((2, len(given.counts)))
    overlap = np.zeros((2, len(given.counts), found.overlap.shape[3]), np.float32)
    ends = np.stack([share * np.maximum(given.counts - 1, 0) for share in (0.5, 0.9)], axis=1)
    places = np.stack([np.floor(ends), np.ceil(ends)], axis=2).astype(np.int64).reshape(-1, 4)
    order = np.argsort(places, axis=1, kind="stable")  # of two units the last is asked for before the first again
    places, back = np.take_along_axis(places, order, 1), np.argsort(order, axis=1)
    keys_at = np.zeros(places.shape, np.int64)
    for row, neuron in enumerate(range(chunk.start, chunk.stop)):
        make_sortable(keys[row], n_bits)
        sort_labels(keys[row], given.labels, sorted_keys, sorted_labels, spare_keys, spare_labels)
        walk(sorted_keys, sorted_labels, given.counts, places, precision, keys_at)
        found.average_precision[:, :, neuron] = precision
        overlaps(sorted_keys, sorted_labels, given.counts, given.sizes, given.columns, zero, overlap)
        found.overlap[:, :, neuron] = overlap
        if given.sizes[0] < 0:
            least = min(MIN_ACTIVE, 0.01 * n)
            for side, active in enumerate((sorted_keys > zero, sorted_keys < zero)):
                if active.sum() < least:
                    found.overlap[side, :, neuron] = np.nan
        pairs = values_of(np.take_along_axis(keys_at, back, 1), n_bits=n_bits).reshape(-1, 2, 2)
        between = pairs[..., 0] + (pairs[..., 1] - pairs[..., 0]) * (ends - np.floor(ends))
        found.on_p50[:, neuron], found.on_p90[:, neuron] = between[:, 0], between[:, 1]


def average_precision(found: Detection, *, label: int | None = None) -> Ranked:
    """Rank by the average precision of the better side; overall by the class with the greatest one."""
    return _better_side(found.average_precision, label)


def overlap(found: Detection, *, label: int | None = None, share: float | None = None) -> Ranked:
    """Rank by intersection over union at a share of the units (as many as the class has when not given)."""
    which = -1 if share is None else found.shares.index(share)
    return _better_side(found.overlap[..., which].astype(np.float64), label)


def n_experts(found: Detection, thresholds: Sequence[float] = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)) -> NDArray[np.int64]:
    """Count the neurons above each average precision, on either side; shape (K, n_thresholds)."""
    best = found.average_precision.max(axis=0)
    return np.stack([(best > each).sum(axis=1) for each in thresholds], axis=1)


def _better_side(scores_2KN: NDArray[np.float64], label: int | None) -> Ranked:
    low_is_better = np.nan_to_num(scores_2KN[1], nan=-1.0) > np.nan_to_num(scores_2KN[0], nan=-1.0)
    best, signs = np.where(low_is_better, scores_2KN[1], scores_2KN[0]), np.where(low_is_better, -1, 1)
    if label is not None:
        return by_scores(best[label], signs=signs[label])
    return best_of_classes(best, signs)
