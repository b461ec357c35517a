"""Moments and histograms kept where the network is: the same arrays as on the host."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurolect.collector.device.transfers import OnItsWay, to_device
from neurolect.collector.lists.moments import Moments, in_widths
from neurolect.collector.lists.sample import SampleActivations
from neurolect.model.pooling.packed import triton_here

_BLOCK = 1 << 22


class DeviceMoments:
    """Streaming moments, extremes and histograms of all neurons, on a device.

    Sums are the host's up to float64 rounding; counts, extremes and histograms are the same.
    """

    def __init__(self, start: Moments, *, device: torch.device) -> None:
        self.device = device
        arrays = start.to_arrays()
        self._state = {name: torch.from_numpy(np.array(array)).to(device) for name, array in arrays.items()}
        self._first, self._inverse_width = (torch.from_numpy(each).to(device) for each in in_widths(start.bins))

    def update(self, activations: Tensor) -> None:
        """Take in one batch.

        ``activations``: float32 Tensor, shape (n_sentences, n_neurons). On the device; entries that are not finite
            are passed over.
        """
        state = self._state
        if activations.is_cuda and triton_here():
            from neurolect.collector.device import kernels as device_kernels

            n, powers, extremes = device_kernels.sum_moments(
                activations, state["shift"], self._first, self._inverse_width, state["histograms"]
            )
            self._add(n, powers, extremes)
            return
        step = max(1, _BLOCK // max(activations.shape[1], 1))
        for start in range(0, len(activations), step):
            self._add(*self._sums(activations[start : start + step]))

    def _sums(self, activations: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Sum a few sentences and count them into the histograms."""
        state = self._state
        finite = torch.isfinite(activations)
        values = activations.to(torch.float64)
        d = torch.where(finite, values - state["shift"], 0.0)
        powers = torch.stack([(d**power).sum(dim=0) for power in (1, 2, 3, 4)])
        low = torch.where(finite, activations, torch.inf).amin(dim=0)
        high = torch.where(finite, activations, -torch.inf).amax(dim=0)
        last = state["histograms"].shape[1] - 1
        at = (torch.floor(activations * self._inverse_width) - self._first).clamp(0.0, float(last))
        at = torch.where(finite, at, 0.0).to(torch.int64)
        state["histograms"].scatter_add_(1, at.T, finite.T.to(torch.int64))
        return finite.sum(dim=0), powers, torch.stack([low, high])

    def _add(self, n: Tensor, powers: Tensor, extremes: Tensor) -> None:
        state = self._state
        state["n"] += n
        state["powers"] += powers
        state["extremes"][0] = torch.minimum(state["extremes"][0], extremes[0])
        state["extremes"][1] = torch.maximum(state["extremes"][1], extremes[1])

    def take_powers(self) -> OnItsWay:
        """Hand the sums of powers out and start them again from 0, without waiting for the device.

        Returns: Float64, shape (4, n_neurons).
        """
        powers = OnItsWay(self._state["powers"])
        self._state["powers"].zero_()
        return powers

    def to_host(self) -> Moments:
        """Give the state as it is kept on the host."""
        return Moments.from_arrays(self.to_arrays())

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Give the state as arrays."""
        return {name: tensor.cpu().numpy().copy() for name, tensor in self._state.items()}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[np.generic]], *, device: torch.device) -> "DeviceMoments":
        """Make a state from arrays."""
        return cls(Moments.from_arrays(arrays), device=device)

    def merge(self, other: "DeviceMoments") -> None:
        """Take in moments of other sentences."""
        both = self.to_host()
        both.merge(other.to_host())
        self._state = DeviceMoments(both, device=self.device)._state


# All activations of a fixed sample of sentences, kept where the network is.
class DeviceSample:
    """Activations of the sample's sentences, filled in as they come by."""

    def __init__(self, start: SampleActivations, *, device: torch.device) -> None:
        self._start, self.device = start, device
        self._activations = torch.from_numpy(start.activations.copy()).to(device)

    def update(self, activations: Tensor, *, sentence_ids: NDArray[np.int64]) -> None:
        """Take in one batch.

        ``activations``: float32 Tensor, shape (n_sentences, n_neurons). Of any sentences, on the device.
        ``sentence_ids``: int64, shape (n_sentences,). Those outside the sample are passed over; on the host.
        """
        rows, places = self._start.find(sentence_ids)
        if len(rows):
            chosen = activations.index_select(0, to_device(rows, self.device))
            self._activations.index_copy_(0, to_device(places, self.device), chosen)

    def merge(self, other: "DeviceSample") -> None:
        """Take in what another state saw."""
        both = self.to_host()
        both.merge(other.to_host())
        self._activations = torch.from_numpy(both.activations).to(self.device)

    def to_host(self) -> SampleActivations:
        """Give the state as it is kept on the host."""
        return SampleActivations.from_arrays(self.to_arrays())

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Give the state as arrays.

        Returns: As of :class:`~neurolect.collector.lists.sample.SampleActivations`.
        """
        return {"sentence_ids": self._start.sentence_ids, "activations": self._activations.cpu().numpy().copy()}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[np.generic]], *, device: torch.device) -> "DeviceSample":
        """Make a state from arrays."""
        return cls(SampleActivations.from_arrays(arrays), device=device)
