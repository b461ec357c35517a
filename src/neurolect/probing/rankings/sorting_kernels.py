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


def values_of(keys: NDArray[Any], *, n_bits: int) -> NDArray[np.float64]:
    """Give the floats that sortable integers were made of."""
    top, ones = 1 << (n_bits - 1), (1 << n_bits) - 1
    bits = np.where(keys & top, keys ^ top, ones - keys)
    if n_bits == 16:
        return bits.astype(np.uint16).view(np.float16).astype(np.float64)
    return bits.astype(np.uint32).view(np.float32).astype(np.float64)


@njit(nogil=True, cache=True)
def make_sortable(bits: NDArray[Any], n_bits: int) -> None:
    """Change a float's bits in place to integers of the floats' order; -0 and 0 are one value."""
    top = 1 << (n_bits - 1)
    ones = (1 << n_bits) - 1
    for place in range(len(bits)):
        each = np.int64(bits[place])
        bits[place] = top if each == top else (ones - each if each & top else each | top)


@njit(nogil=True, cache=True)
def sort_labels(
    keys: NDArray[Any],
    labels: NDArray[np.int32],
    sorted_keys: NDArray[Any],
    sorted_labels: NDArray[np.int32],
    spare_keys: NDArray[Any],
    spare_labels: NDArray[np.int32],
) -> None:
    """Write keys in ascending order, with the labels of their units; the spare arrays are overwritten."""
    n, wide = len(keys), keys.itemsize > 2
    counts = np.zeros(1 << 16, np.int32)
    for each in keys:
        counts[each & 0xFFFF] += 1
    _to_starts(counts)
    first_keys, first_labels = (spare_keys, spare_labels) if wide else (sorted_keys, sorted_labels)
    for unit in range(n):
        key = keys[unit]
        place = counts[key & 0xFFFF]
        counts[key & 0xFFFF] = place + 1
        first_keys[place], first_labels[place] = key, labels[unit]
    if not wide:
        return
    counts[:] = 0
    for each in keys:
        counts[np.uint32(each) >> np.uint32(16)] += 1
    _to_starts(counts)
    for unit in range(n):
        key = spare_keys[unit]
        digit = np.uint32(key) >> np.uint32(16)
        place = counts[digit]
        counts[digit] = place + 1
        sorted_keys[place], sorted_labels[place] = key, spare_labels[unit]


@njit(nogil=True, cache=True)
def _to_starts(counts: NDArray[np.int32]) -> None:
    total = 0
    for digit in range(len(counts)):
        n = counts[digit]
        counts[digit] = total
        total += n


@njit(nogil=True, cache=True)
def walk(
    keys: NDArray[Any],
    labels: NDArray[np.int32],
    counts: NDArray[np.int64],
    places: NDArray[np.int64],
    precision: NDArray[np.float64],
    keys_at: NDArray[np.int64],
) -> None:
    """Write each class's average precision with high (row 0) and low values first (row 1), and its keys at places.

    `keys` ascending, `labels` of the same units. `places`, shape (K, n), ascending: among a class's units.
    """
    n, n_classes = len(keys), len(counts)
    below, here = np.zeros(n_classes, np.int64), np.zeros(n_classes, np.int64)
    following = np.zeros(n_classes, np.int64)
    met = np.empty(n_classes, np.int64)
    precision[:] = 0.0
    first = 0
    while first < n:
        key, last, n_met = keys[first], first, 0
        while last < n and keys[last] == key:
            label = labels[last]
            if here[label] == 0:
                met[n_met] = label
                n_met += 1
            here[label] += 1
            last += 1
        above_share, below_share = 1.0 / (n - first), 1.0 / last
        for each in range(n_met):
            label = met[each]
            mine = here[label]
            precision[0, label] += mine * ((counts[label] - below[label]) * above_share)
            below[label] += mine
            precision[1, label] += mine * (below[label] * below_share)
            here[label] = 0
            while following[label] < places.shape[1] and places[label, following[label]] < below[label]:
                keys_at[label, following[label]] = key
                following[label] += 1
        first = last
    for label in range(n_classes):
        for side in range(2):
            precision[side, label] = precision[side, label] / counts[label] if counts[label] else np.nan


@njit(nogil=True, cache=True)
def overlaps(
    keys: NDArray[Any],
    labels: NDArray[np.int32],
    counts: NDArray[np.int64],
    sizes: NDArray[np.int64],
    columns: NDArray[np.int64],
    zero: int,
    found: NDArray[np.float32],
) -> None:
    """Write intersection over union of each class and the units above (row 0) or below (row 1) a threshold.

    `keys` ascending, `labels` of the same units. `sizes`, ascending: the units above are those strictly above the
    unit at this place from the top; -1: those above zero. `columns`: where in the last axis of `found` (2, K, n)
    each goes; -1 - k: of class k only, to the end.
    """
    n, n_classes = len(keys), len(counts)
    own = np.empty(n_classes, np.int64)
    for side in range(2):
        own[:] = 0
        at = 0
        for which in range(len(sizes)):
            size = min(sizes[which], n - 1)
            edge = np.int64(zero) if size < 0 else np.int64(keys[n - 1 - size if side == 0 else size])
            while at < n:
                place = n - 1 - at if side == 0 else at
                key = np.int64(keys[place])
                if (key <= edge) if side == 0 else (key >= edge):
                    break
                own[labels[place]] += 1
                at += 1
            column = columns[which]
            if column >= 0:
                for label in range(n_classes):
                    found[side, label, column] = own[label] / max(at + counts[label] - own[label], 1)
            else:
                label = -1 - column
                found[side, label, found.shape[2] - 1] = own[label] / max(at + counts[label] - own[label], 1)
