"""How far apart the activations of one sentence are in two models, on the mean over sentences."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.errors import RunFolderError


class Distances(NamedTuple):
    """Means over sentences."""

    n_sentences: int
    """Sentences."""

    manhattan: NDArray[np.float64]
    """Mean sum of absolute differences, layer by layer and last of all neurons: shape (n_layers + 1,)."""

    euclidean: NDArray[np.float64]
    """Mean root of the sum of squared differences, likewise."""

    norm: NDArray[np.float64]
    """Mean Euclidean length of the first model's activations, likewise: what a distance can be held against."""


class DistanceSums:
    """Sums of distances over sentences; ``bounds`` has the first neuron of every layer, and the number of neurons.

    Reference: The Japanese paper before Oba et al. (2021), table 3: distances before and after fine-tuning, on
        sentences trained on, sentences of the same kind, and sentences of another.
    """

    def __init__(self, bounds: NDArray[np.int64]) -> None:
        self.bounds = np.asarray(bounds, dtype=np.int64)
        self.n = 0
        self.sums = np.zeros((3, len(self.bounds)), dtype=np.float64)

    def update(self, first: NDArray[np.float32], second: NDArray[np.float32]) -> None:
        """Take in the activations of the next sentences in both models, shape (n_sentences, n_neurons)."""
        difference = first.astype(np.float64) - second
        for row, values in enumerate((np.abs(difference), difference**2, first.astype(np.float64) ** 2)):
            by_layer = np.add.reduceat(values, self.bounds[:-1], axis=1)
            whole = np.concatenate([by_layer, by_layer.sum(axis=1, keepdims=True)], axis=1)
            self.sums[row] += (whole if row == 0 else np.sqrt(whole)).sum(axis=0)
        self.n += len(first)

    def merge(self, other: "DistanceSums") -> None:
        """Take in what another state saw of the same layers."""
        if not np.array_equal(self.bounds, other.bounds):
            what = "Distances over different neurons cannot be merged."
            raise RunFolderError(what, expected="the same layers")
        self.n += other.n
        self.sums += other.sums

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Give the state as arrays: ``bounds``, ``n``, ``sums``."""
        return {"bounds": self.bounds, "n": np.array(self.n), "sums": self.sums}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[np.generic]]) -> "DistanceSums":
        """Make a state that continues exactly as the one whose arrays these are."""
        state = cls(arrays["bounds"].astype(np.int64))
        state.n, state.sums = int(arrays["n"].astype(np.int64)), arrays["sums"].astype(np.float64)
        return state

    def means(self) -> Distances:
        """Give the mean distances; NaN where there was no sentence."""
        with np.errstate(invalid="ignore"):
            means = self.sums / self.n if self.n else np.full_like(self.sums, np.nan)
        return Distances(self.n, means[0], means[1], means[2])
