"""What a way to run a network is: how sentences become batches, and batches activations."""

import importlib
from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from neurolect.model.architecture.network import Network
from neurolect.model.batching import Batch
from neurolect.model.options import BACKENDS
from neurolect.model.pooling.receive import DeviceActivations, on_device, room_for
from neurolect.model.tokens import TokenizedSentences


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

    def batch(self, model: Network, tokens: TokenizedSentences, rows: NDArray[np.integer]) -> Batch:
        """Make a batch of some sentences, on the CPU."""

    def run(self, model: Network, batch: Batch, *, out: DeviceActivations) -> None:
        """Run a batch that is on the network's device, and fill ``out``."""


def run_by(way: Way, model: Network, batch: Batch, *, out: DeviceActivations | None = None) -> DeviceActivations:
    """Run one batch in a way; the activations stay where the network is."""
    batch = on_device(batch, model.device)
    if out is None:
        shape = (len(batch.first), model.neurons.n_neurons)
        out = room_for(shape, device=model.device, tokens=model.options.pooling == "max")
    way.run(model, batch, out=out)
    return out


class Backend(NamedTuple):
    """How to get a way to run networks that PyTorch does not run."""

    title: str
    """What people call it."""
    install: str
    """The command that installs it."""
    there: Callable[[], bool]
    """Whether it is installed, without importing it."""
    worth: Callable[[Network, int], bool]
    """Whether setting it up pays for so many sentences; then ``auto`` takes it."""
    attempt: Callable[[Network], Way | str]
    """Set it up and try it; else why it cannot be, as the end of "... and ..."."""


def backend(name: str) -> Backend:
    """Give one of the backends."""
    made: Backend = importlib.import_module(BACKENDS[name]).BACKEND
    return made
