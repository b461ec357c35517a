"""Keep all activations of a fixed sample of sentences."""

import numpy as np
from numpy.typing import NDArray

from neurolect.errors import CollectError


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
        Returns: rows: int64, shape (n_found,). Where they stand in the batch.
        Returns: places: int64, shape (n_found,). Where they stand in the sample.
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
