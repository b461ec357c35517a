"""Part units into train, dev and test, drop classes that are too small, even out the others. Knows arrays only."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.corpus.sampling import sampling_order

PARTS = ("train", "dev", "test")
TRAIN, DEV, TEST = range(3)
FEW_DOCUMENTS = 10


def part_groups(
    groups: NDArray[np.int64], *, sizes: NDArray[np.int64], train: float, dev: float, seed: int
) -> NDArray[np.int8]:
    """Part sentences so that those of a group stay together.

    Groups are taken in a random order, each to the part that its middle falls into, so the parts' sizes are as
    near to their shares as groups of that order allow.

    ``groups``: int64, shape (n,), from 0. Group of each sentence.
    ``sizes``: int64, shape (n,). Units of each sentence.
    Returns: int8, shape (n,). Place in ``PARTS``.
    """
    n_groups = int(groups.max(initial=-1)) + 1
    of_group = np.bincount(groups, weights=sizes, minlength=n_groups)
    order = sampling_order(np.arange(n_groups), seed=seed)
    ends = np.cumsum(of_group[order])
    middles = (ends - of_group[order] / 2) / max(ends[-1] if n_groups else 1, 1)
    parts = np.empty(n_groups, np.int8)
    parts[order] = (middles >= train).astype(np.int8) + (middles >= train + dev)
    return parts[groups]


def enough(
    labels: NDArray[np.int64], parts: NDArray[np.int8], *, n_classes: int, min_train: int, min_test: int
) -> NDArray[np.bool_]:
    """Tell which classes have enough units to train on and to test with; bool, shape (n_classes,)."""
    counts = class_counts(labels, parts, n_classes=n_classes)
    enough: NDArray[np.bool_] = (counts[:, TRAIN] >= min_train) & (counts[:, TEST] >= min_test)
    return enough


def class_counts(labels: NDArray[np.int64], parts: NDArray[np.int8], *, n_classes: int) -> NDArray[np.int64]:
    """Count units by class and part; int64, shape (n_classes, 3)."""
    codes = labels * len(PARTS) + parts
    return np.bincount(codes, minlength=n_classes * len(PARTS)).reshape(n_classes, len(PARTS))


def undersample(
    labels: NDArray[np.int64], parts: NDArray[np.int8], *, n_classes: int, seed: int
) -> NDArray[np.int64]:
    """Choose as many units of every class as the smallest has, in each part.

    Returns: int64. Places of the kept units, ascending.
    """
    random = np.random.default_rng([seed, 2])
    kept = []
    for part in range(len(PARTS)):
        places = [np.flatnonzero((labels == each) & (parts == part)) for each in range(n_classes)]
        least = min(map(len, places))
        kept += [random.permutation(own)[:least] for own in places]
    return np.sort(np.concatenate(kept))


def class_weights(labels: NDArray[np.int64], parts: NDArray[np.int8], *, n_classes: int) -> NDArray[np.float32]:
    """Weigh units so that all classes count alike in training and the weights average 1 there."""
    n = class_counts(labels, parts, n_classes=n_classes)[:, TRAIN]
    weights = n.sum() / (n_classes * np.maximum(n, 1))
    made: NDArray[np.float32] = weights[labels].astype(np.float32)
    return made


class Coded(NamedTuple):
    """Labels as numbers."""

    classes: list[str]
    """Sorted."""
    codes: NDArray[np.int64]


def code(labels: NDArray[np.object_]) -> Coded:
    """Give labels of units numbers."""
    classes = sorted(set(labels.tolist()))
    number = {name: place for place, name in enumerate(classes)}
    return Coded(classes, np.fromiter((number[each] for each in labels.tolist()), np.int64, len(labels)))
