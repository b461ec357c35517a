"""What the parts of a pass's state do, wherever they are kept: on the host (arrays) or on a device (tensors)."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from neurolect.collector.lists.entry_keys import SortedLists, Watched
from neurolect.collector.lists.moments import Moments
from neurolect.collector.lists.sample import SampleActivations

if TYPE_CHECKING:
    from neurolect.collector.device.transfers import OnItsWay


class Lists(Protocol):
    """The strongest activations of every neuron on one side: ``TopLists``, ``DeviceTopLists``."""

    list_size: int
    side: str

    @property
    def thresholds(self) -> NDArray[np.float32]:
        """Activation a sentence must reach to enter, shape (n_neurons,)."""

    def look(self, activations: Any) -> "OnItsWay | None":  # noqa: ANN401 - array or tensor
        """Ask what the next update must know of a batch; None where there is nothing to wait for."""

    def update(
        self,
        activations: Any,  # noqa: ANN401
        *,
        sentence_ids: NDArray[np.int64],
        tokens: Any = None,  # noqa: ANN401
        look: Any = None,  # noqa: ANN401
    ) -> None:
        """Take in one batch, of shape (n_sentences, n_neurons)."""

    def merge(self, other: Any) -> None:  # noqa: ANN401 - of the same kind
        """Take in lists of other sentences."""

    def watch(
        self, sentence_ids: NDArray[np.int64], *, sampled: NDArray[np.int64], neurons: NDArray[np.int64], width: int
    ) -> Callable[[], Watched]:
        """Look at some neurons' lists for the monitor; what it gives is waited for when it is called."""

    def sentence_ids(self) -> NDArray[np.int64]:
        """Give the sentences that any list holds, ascending."""

    def sorted(self, start: int = 0, stop: int | None = None) -> SortedLists:
        """Finish the lists of a range of neurons."""

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Give the state as arrays, the same from host and device."""


class MomentSums(Protocol):
    """Sums of powers, extremes and histograms: ``Moments``, ``DeviceMoments``."""

    def update(self, activations: Any) -> None:  # noqa: ANN401
        """Take in one batch."""

    def merge(self, other: Any) -> None:  # noqa: ANN401
        """Take in moments of other sentences."""

    def take_powers(self) -> "NDArray[np.float64] | OnItsWay":
        """Hand the sums of powers out and start them again from 0."""

    def to_host(self) -> Moments:
        """Give the state as it is kept on the host."""

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Give the state as arrays."""


class SampleRows(Protocol):
    """Activations of the sample's sentences: ``SampleActivations``, ``DeviceSample``."""

    def update(self, activations: Any, *, sentence_ids: NDArray[np.int64]) -> None:  # noqa: ANN401
        """Take in one batch; sentences outside the sample are passed over."""

    def merge(self, other: Any) -> None:  # noqa: ANN401
        """Take in what another state saw."""

    def to_host(self) -> SampleActivations:
        """Give the state as it is kept on the host."""

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Give the state as arrays."""
