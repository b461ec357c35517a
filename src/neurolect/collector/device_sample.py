"""All activations of a fixed sample of sentences, kept where the network is."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurolect.collector.device_transfers import to_device
from neurolect.collector.sample_activations import SampleActivations


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

        Returns: As of :class:`~neurolect.collector.sample_activations.SampleActivations`.
        """
        return {"sentence_ids": self._start.sentence_ids, "activations": self._activations.cpu().numpy().copy()}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[np.generic]], *, device: torch.device) -> "DeviceSample":
        """Make a state from arrays."""
        return cls(SampleActivations.from_arrays(arrays), device=device)
