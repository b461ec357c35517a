"""Moments and histograms of every neuron's activations, in one pass.

Powers are summed around a fixed shift (the pilot's mean) in float64, so that merging is adding. Bins are a
power of two wide and start at a multiple of their width, so that two machines choose the same ones.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurolect.errors import CollectError

_SPREAD = 5.0


class Bins(NamedTuple):
    """Where the histograms' bins lie.

    ``low``: float64, shape (n_neurons,). Lower edge of the first bin.
    ``width``: float64, shape (n_neurons,). Width of every bin.
    ``n``: Number of bins; the first and the last also count what lies beyond.
    """

    low: NDArray[np.float64]
    width: NDArray[np.float64]
    n: int


class MomentTable(NamedTuple):
    """Finished moments, each float64 (n_neurons,) but ``n``, which is int64.

    ``mean, std, skewness, kurtosis``: Of the population; kurtosis is excess; NaN where they are not defined.
    ``minimum, maximum``: Smallest and largest activation; NaN where none was counted.
    """

    n: NDArray[np.int64]
    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    skewness: NDArray[np.float64]
    kurtosis: NDArray[np.float64]
    minimum: NDArray[np.float64]
    maximum: NDArray[np.float64]


def choose_bins(pilot: NDArray[np.float32], *, n_bins: int, from_zero: Sequence[tuple[int, int]] = ()) -> Bins:
    """Choose every neuron's bins from a pilot's activations.

    ``pilot``: float32, shape (n_sentences, n_neurons). Activations of a fixed sample; NaN entries are passed over.
    ``from_zero``: Ranges of neurons that are 0 nearly always: bins go from 0 to twice the largest of the neuron, or
        of those of its range in the middle where it is 0 in all of the pilot.
    Returns: They span at least the pilot's mean plus and minus five standard deviations.
    """
    with np.errstate(invalid="ignore"):
        valid = np.isfinite(pilot)
        n = np.maximum(valid.sum(axis=0), 1)
        mean = np.where(valid, pilot, 0).sum(axis=0, dtype=np.float64) / n
        variance = np.where(valid, (pilot - mean) ** 2, 0).sum(axis=0, dtype=np.float64) / n
    spread = np.maximum(np.sqrt(variance) * _SPREAD, np.maximum(np.abs(mean), 1.0) * 1e-6)
    # one bin is lost to rounding the lower edge down
    width = np.exp2(np.ceil(np.log2(2 * spread / (n_bins - 1))))
    low = np.floor((mean - spread) / width) * width
    # centre the range: rounding up the width left room above
    low += np.floor((n_bins - (mean + spread - low) / width) / 2) * -width
    for start, stop in from_zero:
        largest = np.where(valid, pilot, 0)[:, start:stop].max(axis=0, initial=0.0).astype(np.float64)
        usual = np.median(largest[largest > 0]) if (largest > 0).any() else 1.0
        low[start:stop] = 0.0
        width[start:stop] = np.exp2(np.ceil(np.log2(2 * np.where(largest > 0, largest, usual) / n_bins)))
    return Bins(low, width, n_bins)


def in_widths(bins: Bins) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Give where bins lie for counting in float32.

    Widths are powers of two, so that dividing by them rounds nothing, and lower edges are multiples of them.

    Returns: first: float32, shape (n_neurons,). Lower edge of the first bin, in widths.
    Returns: inverse_width: float32, shape (n_neurons,). What activations are to be multiplied by.
    """
    return (bins.low / bins.width).astype(np.float32), (1.0 / bins.width).astype(np.float32)


class Moments:
    """Streaming moments, extremes and histograms of all neurons.

    ``shift``: float64, shape (n_neurons,). What powers are taken around; near the mean.
    """

    def __init__(self, shift: NDArray[np.float64], *, bins: Bins) -> None:
        n_neurons = len(shift)
        self.shift = shift.astype(np.float64)
        self.bins = bins
        self._n = np.zeros(n_neurons, dtype=np.int64)
        self._powers = np.zeros((4, n_neurons), dtype=np.float64)
        self._extremes = np.empty((2, n_neurons), dtype=np.float32)
        self._extremes[0], self._extremes[1] = np.inf, -np.inf
        self.histograms = np.zeros((n_neurons, bins.n), dtype=np.int64)

    def update(self, activations: NDArray[np.float32]) -> None:
        """Take in one batch.

        ``activations``: float32, shape (n_sentences, n_neurons). NaN entries are passed over.
        """
        _update(
            np.ascontiguousarray(activations),
            self.shift,
            *in_widths(self.bins),
            self._n,
            self._powers,
            self._extremes,
            self.histograms,
        )

    def merge(self, other: "Moments") -> None:
        """Take in moments of other sentences."""
        same = np.array_equal(self.shift, other.shift) and np.array_equal(self.bins.low, other.bins.low)
        if not (same and np.array_equal(self.bins.width, other.bins.width) and self.bins.n == other.bins.n):
            what = "Moments with different shifts or bins cannot be merged."
            raise CollectError(what, hint="Merge only results collected with the same model, corpus and options.")
        self._n += other._n
        self._powers += other._powers
        self._extremes[0] = np.minimum(self._extremes[0], other._extremes[0])
        self._extremes[1] = np.maximum(self._extremes[1], other._extremes[1])
        self.histograms += other.histograms

    def take_powers(self) -> NDArray[np.float64]:
        """Hand the sums of powers out and start them again from 0, so that they can be added up chunk by chunk.

        Returns: float64, shape (4, n_neurons). For :meth:`add_powers`.
        """
        powers = self._powers.copy()
        self._powers[:] = 0
        return powers

    def add_powers(self, powers: NDArray[np.float64] | float) -> None:
        """Take sums of powers back.

        ``powers``: float64, shape (4, n_neurons). Sums of what :meth:`take_powers` gave.
        """
        self._powers += powers

    def to_host(self) -> "Moments":
        """Give the state itself: it is kept on the host."""
        return self

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Give the state as arrays."""
        return {
            "shift": self.shift,
            "low": self.bins.low,
            "width": self.bins.width,
            "n": self._n,
            "powers": self._powers,
            "extremes": self._extremes,
            "histograms": self.histograms,
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[np.generic]]) -> "Moments":
        """Make a state from arrays."""
        bins = Bins(
            arrays["low"].astype(np.float64),
            arrays["width"].astype(np.float64),
            arrays["histograms"].shape[1],
        )
        moments = cls(arrays["shift"].astype(np.float64), bins=bins)
        moments._n[:] = arrays["n"]
        moments._powers[:] = arrays["powers"]
        moments._extremes[:] = arrays["extremes"]
        moments.histograms[:] = arrays["histograms"]
        return moments

    def table(self) -> MomentTable:
        """Finish."""
        with np.errstate(invalid="ignore", divide="ignore"):
            s1, s2, s3, s4 = self._powers / self._n
            variance = np.maximum(s2 - s1**2, 0.0)
            third = s3 - 3 * s1 * s2 + 2 * s1**3
            fourth = s4 - 4 * s1 * s3 + 6 * s1**2 * s2 - 3 * s1**4
            # below this the variance is rounding noise of the activations themselves
            flat = variance <= (np.abs(self.shift + s1) * 1e-6) ** 2
            skewness = np.where(flat, np.nan, third / variance**1.5)
            kurtosis = np.where(flat, np.nan, fourth / variance**2 - 3.0)
        empty = self._n == 0
        low = np.where(empty, np.nan, self._extremes[0].astype(np.float64))
        high = np.where(empty, np.nan, self._extremes[1].astype(np.float64))
        return MomentTable(self._n.copy(), self.shift + s1, np.sqrt(variance), skewness, kurtosis, low, high)


@njit(cache=True, nogil=True)
def _update(
    activations: NDArray[np.float32],
    shift: NDArray[np.float64],
    first: NDArray[np.float32],
    inverse_width: NDArray[np.float32],
    n: NDArray[np.int64],
    powers: NDArray[np.float64],
    extremes: NDArray[np.float32],
    histograms: NDArray[np.int64],
) -> None:
    """Add a batch, sentence by sentence, so that the sums do not depend on where batches end."""
    n_sentences, n_neurons = activations.shape
    last = np.float32(histograms.shape[1] - 1)
    for sentence in range(n_sentences):
        for neuron in range(n_neurons):
            value = activations[sentence, neuron]
            if not np.isfinite(value):
                continue
            d = np.float64(value) - shift[neuron]
            d2 = d * d
            n[neuron] += 1
            powers[0, neuron] += d
            powers[1, neuron] += d2
            powers[2, neuron] += d2 * d
            powers[3, neuron] += d2 * d2
            extremes[0, neuron] = min(extremes[0, neuron], value)
            extremes[1, neuron] = max(extremes[1, neuron], value)
            at = np.floor(value * inverse_width[neuron]) - first[neuron]
            histograms[neuron, int(min(max(at, np.float32(0.0)), last))] += 1


# Sums over chunks that come out the same to the last bit however the chunks are shared out.
#
# Adding floating-point numbers in another order gives other last bits. Here chunk 2i is always added to chunk
# 2i + 1, that pair to the neighbouring pair, and so on: which numbers meet is settled by the chunks' numbers alone.
# A share of consecutive chunks leaves a handful of sums that still wait for their neighbours.
class ChunkSums:
    """Sums of one array a chunk."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[int, int], NDArray[np.float64]] = {}

    def add(self, chunk: int, values: NDArray[np.float64]) -> None:
        """Take in a chunk.

        ``values``: float64, any shape. The same shape for all chunks.
        """
        self._add(0, chunk, values)

    def _add(self, level: int, number: int, values: NDArray[np.float64]) -> None:
        """Put a sum of 2 ** level chunks in its place, or add it to its neighbour."""
        neighbour = self._waiting.pop((level, number ^ 1), None)
        if neighbour is None:
            self._waiting[level, number] = values
        else:
            self._add(level + 1, number >> 1, values + neighbour)

    def merge(self, other: "ChunkSums") -> None:
        """Take in other chunks."""
        for (level, number), values in sorted(other._waiting.items(), key=lambda entry: entry[0]):
            self._add(level, number, values)

    def total(self) -> NDArray[np.float64] | float:
        """Add up what waits, in the order of the chunks.

        Returns: float64 array, or 0.0 if there was no chunk. The sum over all chunks.
        """
        order = sorted(self._waiting, key=lambda key: key[1] << key[0])
        return sum((self._waiting[key] for key in order), 0.0)

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Give the state as arrays."""
        return {f"{level}-{number}": values for (level, number), values in self._waiting.items()}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[np.generic]]) -> "ChunkSums":
        """Make a state from arrays."""
        sums = cls()
        for name, values in arrays.items():
            level, number = name.split("-")
            sums._waiting[int(level), int(number)] = values.astype(np.float64)
        return sums
