"""Labels of a control task: every word type has one label, assigned at random, wherever it occurs."""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from neurolect.errors import ProbingError


def control_labels(
    types: Sequence[str],
    labels: NDArray[np.int64],
    *,
    train: NDArray[np.int64],
    n_classes: int,
    seed: int,
    uniform: bool = False,
) -> NDArray[np.int64]:
    """Assign every word type a label, of the distribution that labels have in the training part (or uniformly).

    Which label depends on type, seed and distribution only: units in another order, and types first met in the test
    part, have theirs too. `types`, one a unit: words as written, or what else the control is over.
    Returns: int64 array, shape (T,). In the order of the units.

    References: J. Hewitt, P. Liang (2019), Designing and interpreting probes with control tasks, EMNLP.
    """
    if len(types) != len(labels):
        what = f"There are {len(types):,} word types for {len(labels):,} labels."
        raise ProbingError(what, expected="one a unit")
    counts = np.ones(n_classes) if uniform else np.bincount(labels[train], minlength=n_classes)
    edges = np.cumsum(counts) / counts.sum()
    known = {each: _share(each, seed) for each in set(types)}
    drawn = np.searchsorted(edges, [known[each] for each in types], side="right").astype(np.int64)
    last = int(np.flatnonzero(counts)[-1])  # where the last edge is rounded to less than 1
    return np.minimum(drawn, last)


def _share(word: str, seed: int) -> float:
    """Give a number in [0, 1) that only a word and a seed decide, the same on every computer."""
    digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8, key=str(seed).encode())
    return (int.from_bytes(digest.digest(), "big") >> 11) / (1 << 53)
