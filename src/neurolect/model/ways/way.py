"""What a way to run a network is: how sentences become batches, and batches activations."""

from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from neurolect.model.batching import Batch
from neurolect.model.receive import DeviceActivations, on_device
from neurolect.model.tokens import TokenizedSentences

if TYPE_CHECKING:
    from neurolect.model.model import Model


class Way(Protocol):
    """A way to run a network. All take padded batches; what else they take is their own."""

    @property
    def backend(self) -> str:
        """What ``model.backend`` and the run folder call it: ``torch`` or a name of the registry."""

    @property
    def packed(self) -> bool:
        """Whether its batches are packed."""

    @property
    def compiled(self) -> bool:
        """Whether the network's blocks are compiled."""

    def plan(
        self, tokens: TokenizedSentences, *, token_budget: int, rows: NDArray[np.int64] | None = None
    ) -> list[NDArray[np.int64]]:
        """Cut sentences into batches: all that have a token, or the rows given, which all have one."""

    def batch(self, model: "Model", tokens: TokenizedSentences, rows: NDArray[np.integer]) -> Batch:
        """Make a batch of some sentences, on the CPU."""

    def run(self, model: "Model", batch: Batch, *, out: DeviceActivations) -> None:
        """Run a batch that is on the network's device, and fill ``out``."""


def run_by(way: Way, model: "Model", batch: Batch, *, out: DeviceActivations | None = None) -> DeviceActivations:
    """Run one batch in a way; the activations stay where the network is."""
    batch = on_device(batch, model.device)
    if out is None:
        shape = (len(batch.first), model.neurons.n_neurons)
        tokens = model.options.pooling == "max"
        out = DeviceActivations(
            torch.empty(shape, dtype=torch.float32, device=model.device),
            torch.empty(shape, dtype=torch.int16, device=model.device) if tokens else None,
        )
    way.run(model, batch, out=out)
    return out
