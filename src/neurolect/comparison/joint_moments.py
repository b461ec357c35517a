"""First and second moments of the neurons of several models together, in one pass and without the activations.

Sentences fall by turns into two halves, so that what is fitted on one can be tried on the other.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from neurolect.errors import RunFolderError

HALVES = 2


class JointMoments:
    """Sums and sums of products of every two neurons, of one model or of two.

    Values are shifted and scaled before they are multiplied, so that float32 is enough.

    ``shifts``: sequence of float arrays, shape (n_neurons,) each. About the mean of each neuron, model by model.
    ``scales``: sequence of float arrays, same shapes. About the standard deviation; 1 where that is 0.
    ``device``: Where products are added up and kept: that of the models, since they are more work than anything
        else here.
    ``keep_values``: Whether the values themselves are kept too: where sentences are fewer than neurons, less work
        follows from them than from the moments.
    ``n``: int64, shape (2,). Sentences in each half.
    """

    def __init__(
        self,
        shifts: Sequence[NDArray[np.floating]],
        scales: Sequence[NDArray[np.floating]],
        *,
        device: str | torch.device = "cpu",
        keep_values: bool = False,
    ) -> None:
        self.device = torch.device(device)
        self._kept: list[list[list[NDArray[np.float32]]]] | None = None
        self.shifts = [np.asarray(each, dtype=np.float32) for each in shifts]
        self.scales = [np.where(each > 0, each, 1).astype(np.float32) for each in scales]
        self.widths = [len(each) for each in self.shifts]
        if keep_values:
            self._kept = [[[] for _ in range(HALVES)] for _ in self.widths]
        self.n = np.zeros(HALVES, dtype=np.int64)
        self.sums = [np.zeros((HALVES, width), dtype=np.float64) for width in self.widths]
        self.products = {
            (first, second): torch.zeros((HALVES, self.widths[first], self.widths[second]), device=self.device)
            for first in range(len(self.widths))
            for second in range(first, len(self.widths))
        }

    @property
    def n_sentences(self) -> int:
        """Sentences in both halves."""
        return int(self.n.sum())

    def update(self, values: Sequence[NDArray[np.float32]]) -> None:
        """Take in the next sentences.

        ``values``: sequence of float32 arrays, shape (n_sentences, n_neurons) each. Finite activations of the same
            sentences, model by model.
        """
        start = self.n_sentences % HALVES
        standard = [
            (own - shift) / scale for own, shift, scale in zip(values, self.shifts, self.scales, strict=True)
        ]
        for offset in range(HALVES):
            half = (start + offset) % HALVES
            own = [each[offset::HALVES] for each in standard]
            self.n[half] += len(own[0])
            for sums, each in zip(self.sums, own, strict=True):
                sums[half] += each.sum(axis=0, dtype=np.float64)
            if self._kept is not None:
                for model, each in enumerate(own):
                    self._kept[model][half].append(each)
            there = [torch.from_numpy(np.ascontiguousarray(each)).to(self.device) for each in own]
            for (first, second), products in self.products.items():
                products[half].addmm_(there[first].T, there[second])

    def merge(self, other: "JointMoments") -> None:
        """Take in what another state saw."""
        mine, theirs = self.shifts + self.scales, other.shifts + other.scales
        if len(mine) != len(theirs) or not all(map(np.array_equal, mine, theirs)):
            what = "Moments of different neurons cannot be merged."
            raise RunFolderError(what, expected="the same shifts and scales")
        self._kept = None
        self.n += other.n
        for own, more in zip(self.sums, other.sums, strict=True):
            own += more
        for pair, products in self.products.items():
            products += other.products[pair].to(self.device)

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Give the state as arrays."""
        arrays: dict[str, NDArray[np.generic]] = {"n": self.n}
        for number in range(len(self.widths)):
            arrays[f"shift.{number}"], arrays[f"scale.{number}"] = self.shifts[number], self.scales[number]
            arrays[f"sum.{number}"] = self.sums[number]
        for (first, second), products in self.products.items():
            arrays[f"products.{first}.{second}"] = products.cpu().numpy()
        return arrays

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, NDArray[np.generic]], *, device: str | torch.device = "cpu"
    ) -> "JointMoments":
        """Make a state from arrays.

        Returns: Goes on exactly as the one it was taken from, but that values are not kept.
        """
        count = sum(name.startswith("shift.") for name in arrays)
        shifts, scales = (
            [arrays[f"{name}.{number}"].astype(np.float32) for number in range(count)]
            for name in ("shift", "scale")
        )
        state = cls(shifts, scales, device=device)
        state.n = arrays["n"].astype(np.int64)
        state.sums = [arrays[f"sum.{number}"].astype(np.float64) for number in range(count)]
        state.products = {
            (first, second): torch.from_numpy(arrays[f"products.{first}.{second}"].astype(np.float32)).to(
                state.device
            )
            for first, second in state.products
        }
        return state

    def values(self, model: int, *, half: int) -> NDArray[np.float32] | None:
        """Give the values of every neuron, shifted and scaled.

        Returns: float32, shape (n_sentences of the half, n_neurons), or None. None where they are not kept; so
            after a merge.
        """
        if self._kept is None:
            return None
        nothing = np.empty((0, self.widths[model]), dtype=np.float32)
        return np.concatenate([nothing, *self._kept[model][half]])

    def mean(self, model: int, *, half: int | None = None) -> NDArray[np.float64]:
        """Give the mean of every neuron, shifted and scaled.

        Returns: float64, shape (n_neurons,). Means.
        """
        halves = self._halves(half)
        mean: NDArray[np.float64] = self.sums[model][halves].sum(axis=0) / max(1, int(self.n[halves].sum()))
        return mean

    def scatter(
        self,
        first: int,
        second: int,
        *,
        half: int | None = None,
        centre: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None,
        rows: slice = slice(None),
        columns: slice = slice(None),
    ) -> NDArray[np.float64]:
        """Sum the products of deviations.

        ``centre``: pair of float64 arrays. What values deviate from, ``first``'s and ``second``'s neurons; the
            means when not given.
        ``rows, columns``: Only these neurons of ``first`` and of ``second``.
        Returns: float64, shape (n_rows, n_columns). Divided by the number of sentences it would be the covariance.
        """
        there = self.scatter_there(first, second, half=half, centre=centre, rows=rows, columns=columns)
        made: NDArray[np.float64] = there.cpu().numpy()
        return made

    def scatter_there(
        self,
        first: int,
        second: int,
        *,
        half: int | None = None,
        centre: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None,
        rows: slice = slice(None),
        columns: slice = slice(None),
    ) -> torch.Tensor:
        """Sum the products of deviations, and leave them where the products are.

        Returns: torch.Tensor, float64, shape (n_rows, n_columns). The same numbers as :meth:`scatter` gives.
        """
        swap = first > second
        stored = self.products[(second, first) if swap else (first, second)]
        block = stored[:, columns, rows].transpose(1, 2) if swap else stored[:, rows, columns]
        halves = self._halves(half)
        total = block[halves].sum(dim=0, dtype=torch.float64)
        centre = centre or (self.mean(first, half=half), self.mean(second, half=half))
        left, right = centre[0][rows], centre[1][columns]
        n = float(self.n[halves].sum())
        sums_left = self.sums[first][halves].sum(axis=0)[rows]
        sums_right = self.sums[second][halves].sum(axis=0)[columns]
        total.addr_(self._there(sums_left), self._there(right), alpha=-1)
        total.addr_(self._there(left), self._there(sums_right - n * right), alpha=-1)
        return total

    def squares(self, model: int) -> NDArray[np.float64]:
        """Give the sum of squares of every neuron, shifted and scaled, half by half.

        Returns: float64, shape (2, n_neurons). Sums.
        """
        diagonals = torch.diagonal(self.products[model, model], dim1=1, dim2=2)
        made: NDArray[np.float64] = diagonals.to(torch.float64).cpu().numpy()
        return made

    def scatter_of_pairs(self, first: int, second: int, *, partners: NDArray[np.int64]) -> NDArray[np.float64]:
        """Sum the products of deviations of given pairs of neurons, over both halves.

        ``partners``: int64, shape (n_neurons of first,). A neuron of ``second`` for each.
        Returns: float64, shape (n_neurons of first,). The entries of :meth:`scatter` at those places.
        """
        own = torch.arange(self.widths[first], device=self.device)
        other = torch.from_numpy(partners).to(self.device)
        places = (other, own) if first > second else (own, other)
        stored = self.products[(second, first) if first > second else (first, second)]
        total: NDArray[np.float64] = stored[:, places[0], places[1]].sum(dim=0, dtype=torch.float64).cpu().numpy()
        left, right = self.mean(first), self.mean(second)[partners]
        return total - self.n_sentences * left * right

    def _there(self, values: NDArray[np.float64]) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(self.device)

    def _halves(self, half: int | None) -> list[int]:
        return list(range(HALVES)) if half is None else [half]
