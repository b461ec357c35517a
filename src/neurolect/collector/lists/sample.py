"""A uniform sample that depends on the seed and the sentence ids alone, not on the order of reading.

Every sentence id is hashed with the seed; the sentences with the smallest hashes are the sample, in order of
hash, so that any prefix of it is a uniform sample too.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from neurolect.errors import CollectError


def hash_ids(ids: NDArray[np.int64], *, seed: int) -> NDArray[np.uint64]:
    """Hash ids with a seed (the finalizer of SplitMix64).

    ``ids``: int64, shape (n,). Non-negative.
    Returns: uint64, shape (n,). Different ids have different hashes.

    Examples
    --------
    >>> len(set(hash_ids(np.arange(1000), seed=1).tolist()))
    1000
    """
    with np.errstate(over="ignore"):
        start = _mix(np.array([seed % 2**64], dtype=np.uint64) + np.uint64(0x632BE59BD9B4E019))
        # the seed goes in after mixing: added before, seed 1 would give seed 0's hashes, shifted by one id
        return _mix(_mix(ids.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) + start)


def _mix(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scramble 64 bits, one to one."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def uniform_sample(ids: NDArray[np.int64], *, size: int, seed: int) -> NDArray[np.int64]:
    """Choose a uniform sample without replacement.

    ``ids``: int64, shape (n,). The population, each id once.
    Returns: int64, shape (min(n, size),). In order of hash.
    """
    hashes = hash_ids(ids, seed=seed)
    if size < len(ids):
        nearest = np.argpartition(hashes, size)[:size]
        ids, hashes = ids[nearest], hashes[nearest]
    return ids[np.argsort(hashes, kind="stable")]


def streamed_sample(parts: Iterable[NDArray[np.int64]], *, size: int, seed: int) -> NDArray[np.int64]:
    """Choose the same sample from a population that comes in parts, in memory that does not grow with it.

    ``parts``: iterable of int64 arrays. The population, each id once.
    Returns: int64, shape (min(n, size),). As :func:`uniform_sample` of all parts together.
    """
    chosen = np.empty(0, dtype=np.int64)
    for ids in parts:
        near = ids
        if len(chosen) == size:
            # Nearly all are out at the first look; no two ids have the same hash.
            near = ids[hash_ids(ids, seed=seed) < hash_ids(chosen[-1:], seed=seed)]
        if len(near):
            chosen = uniform_sample(np.concatenate([chosen, near]), size=size, seed=seed)
    return chosen


# Keep all activations of a fixed sample of sentences.
class SampleActivations:
    """Activations of the sample's sentences, filled in as they come by.

    ``sentence_ids``: int64, shape (n_sample,). The sample, in sample order.
    ``sentence_ids``: int64, shape (n_sample,). The sample.
    ``activations``: float32, shape (n_sample, n_neurons). NaN where a sentence has not come by yet.
    """

    def __init__(self, sentence_ids: NDArray[np.int64], n_neurons: int) -> None:
        self.sentence_ids = sentence_ids
        self.activations = np.full((len(sentence_ids), n_neurons), np.nan, dtype=np.float32)
        self._order = np.argsort(sentence_ids, kind="stable")
        self._sorted = sentence_ids[self._order]

    def update(self, activations: NDArray[np.float32], *, sentence_ids: NDArray[np.int64]) -> None:
        """Take in one batch.

        ``activations``: float32, shape (n_sentences, n_neurons). Of any sentences.
        ``sentence_ids``: int64, shape (n_sentences,). Those outside the sample are passed over.
        """
        rows, places = self.find(sentence_ids)
        self.activations[places] = activations[rows]

    def find(self, sentence_ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Find the sample's sentences in a batch.

        ``sentence_ids``: int64, shape (n_sentences,). Of the batch.
        Returns: rows: int64, shape (n_found,). Where they are in the batch.
        Returns: places: int64, shape (n_found,). Where they are in the sample.
        """
        if len(self._sorted) == 0:
            nothing = np.empty(0, dtype=np.int64)
            return nothing, nothing
        at = np.minimum(np.searchsorted(self._sorted, sentence_ids), len(self._sorted) - 1)
        rows = np.flatnonzero(self._sorted[at] == sentence_ids)
        return rows, self._order[at[rows]]

    def merge(self, other: "SampleActivations") -> None:
        """Take in what another state saw."""
        if not np.array_equal(self.sentence_ids, other.sentence_ids):
            what = "Activations of different samples cannot be merged."
            raise CollectError(what, hint="Merge only results collected on the same corpus with the same seed.")
        missing = np.isnan(self.activations)
        self.activations[missing] = other.activations[missing]

    def only(self, sentence_ids: NDArray[np.int64]) -> "SampleActivations":
        """Leave out sentences, such as those that were never read.

        ``sentence_ids``: int64, shape (n,). Those to keep; others than the sample's do no harm.
        """
        kept = np.isin(self.sentence_ids, sentence_ids)
        return self.from_arrays({"sentence_ids": self.sentence_ids[kept], "activations": self.activations[kept]})

    def to_host(self) -> "SampleActivations":
        """Give the state itself: it is kept on the host."""
        return self

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Give the state as arrays."""
        return {"sentence_ids": self.sentence_ids, "activations": self.activations}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[np.generic]]) -> "SampleActivations":
        """Make a state from arrays."""
        activations = arrays["activations"].astype(np.float32)
        sample = cls(arrays["sentence_ids"].astype(np.int64), activations.shape[1])
        sample.activations[:] = activations
        return sample
