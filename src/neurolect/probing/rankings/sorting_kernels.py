"""Sort a neuron's values by their bits, and walk over the classes of the sorted units.

Floats become integers of the same order: of 16 bits for halves, one counting sort; of 32 bits two of them.
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray


def bits_of(values: NDArray[Any]) -> NDArray[Any]:
    """View floats as unsigned integers: float32 that are all halves as 16 bits, other float32 as 32."""
    if values.dtype != np.float16:
        import torch

        wide = torch.from_numpy(np.asarray(values, np.float32))
        halves = wide.half()
        values = halves.numpy() if torch.equal(halves.float(), wide) else wide.numpy()
    return values.view(np.uint16 if values.dtype == np.float16 else np.uint32)


@njit(nogil=True, cache=True)
def make_sortable(bits: NDArray[Any], n_bits: int) -> None:
    """Change a float's bits in place to integers of the floats' order; -0 and 0 are one value."""
    top = 1 << (n_bits - 1)
    ones = (1 << n_bits) - 1
    for place in range(len(bits)):
        each = np.int64(bits[place])
        bits[place] = top if each == top else (ones - each if each & top else each | top)


@njit(nogil=True, cache=True)
def sort_units(keys: NDArray[Any], order: NDArray[np.int32], spare: NDArray[np.int32]) -> None:
    """Write the units in ascending order of their keys, ties by unit; `spare` is overwritten."""
    counts = np.zeros(1 << 16, np.int32)
    for each in keys:
        counts[each & 0xFFFF] += 1
    _to_starts(counts)
    wide = keys.itemsize > 2
    first = spare if wide else order
    for unit in range(len(keys)):
        digit = keys[unit] & 0xFFFF
        first[counts[digit]] = unit
        counts[digit] += 1
    if not wide:
        return
    counts[:] = 0
    for each in keys:
        counts[np.uint32(each) >> np.uint32(16)] += 1
    _to_starts(counts)
    for place in range(len(keys)):
        unit = spare[place]
        digit = np.uint32(keys[unit]) >> np.uint32(16)
        order[counts[digit]] = unit
        counts[digit] += 1


@njit(nogil=True, cache=True)
def _to_starts(counts: NDArray[np.int32]) -> None:
    total = 0
    for digit in range(len(counts)):
        n = counts[digit]
        counts[digit] = total
        total += n


@njit(nogil=True, cache=True)
def average_precisions(
    keys: NDArray[Any],
    order: NDArray[np.int32],
    labels: NDArray[np.int32],
    counts: NDArray[np.int64],
    found: NDArray[np.float64],
) -> None:
    """Write each class's average precision with high values first (row 0) and with low values first (row 1)."""
    n, n_classes = len(order), len(counts)
    own, here = np.empty(n_classes, np.int64), np.zeros(n_classes, np.int64)
    met = np.empty(n_classes, np.int64)
    for side in range(2):
        own[:] = 0
        found[side] = 0.0
        at = 0
        while at < n:
            key = keys[order[n - 1 - at if side == 0 else at]]
            n_met = 0
            while at < n:
                unit = order[n - 1 - at if side == 0 else at]
                if keys[unit] != key:
                    break
                label = labels[unit]
                if here[label] == 0:
                    met[n_met] = label
                    n_met += 1
                here[label] += 1
                at += 1
            share = 1.0 / at
            for place in range(n_met):
                label = met[place]
                own[label] += here[label]
                found[side, label] += here[label] * (own[label] * share)
                here[label] = 0
        for label in range(n_classes):
            found[side, label] = found[side, label] / counts[label] if counts[label] else np.nan


@njit(nogil=True, cache=True)
def quantiles_of_classes(
    order: NDArray[np.int32], labels: NDArray[np.int32], places: NDArray[np.int64], found: NDArray[np.int32]
) -> None:
    """Write the unit at some places in each class's ascending order: `places` and `found` have the shape (K, n)."""
    seen = np.zeros(len(places), np.int64)
    for unit in order:
        label = labels[unit]
        for which in range(places.shape[1]):
            if places[label, which] == seen[label]:
                found[label, which] = unit
        seen[label] += 1


@njit(nogil=True, cache=True)
def overlaps(
    keys: NDArray[Any],
    order: NDArray[np.int32],
    labels: NDArray[np.int32],
    counts: NDArray[np.int64],
    sizes: NDArray[np.int64],
    columns: NDArray[np.int64],
    zero: int,
    found: NDArray[np.float32],
) -> None:
    """Write intersection over union of each class and the units above (row 0) or below (row 1) a threshold.

    `sizes`, ascending: the units above are those strictly above the unit at this place; -1: those above zero.
    `columns`: where in the last axis of `found`, shape (2, K, n), each goes; -1 - k: of class k only, to the end.
    """
    n, n_classes = len(order), len(counts)
    own = np.empty(n_classes, np.int64)
    for side in range(2):
        own[:] = 0
        at = 0
        for which in range(len(sizes)):
            size = min(sizes[which], n - 1)
            edge = zero if size < 0 else keys[order[n - 1 - size if side == 0 else size]]
            while at < n:
                unit = order[n - 1 - at if side == 0 else at]
                if (keys[unit] <= edge) if side == 0 else (keys[unit] >= edge):
                    break
                own[labels[unit]] += 1
                at += 1
            column = columns[which]
            if column >= 0:
                for label in range(n_classes):
                    found[side, label, column] = own[label] / max(at + counts[label] - own[label], 1)
            else:
                label = -1 - column
                found[side, label, found.shape[2] - 1] = own[label] / max(at + counts[label] - own[label], 1)
