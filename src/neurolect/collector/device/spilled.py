"""Lists that do not fit where the network is: new entries are gathered there, the lists are on the host.

A full buffer goes to the host, which keeps the best of it and tells the activation that later sentences must reach.
The entries are those of lists kept in one place: what is passed over on the device is below a list's last entry.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurolect.collector.device.lists import EMPTY, DeviceTopLists, room_for
from neurolect.collector.device.transfers import in_stream_of_here, to_device
from neurolect.collector.lists.entry_keys import SortedLists, Watched
from neurolect.collector.lists.top_lists import TopLists
from neurolect.collector.process import n_own_cores

_BLOCK = 1 << 12
"""Neurons whose buffers are moved at once."""


class SpilledTopLists(DeviceTopLists):
    """Streaming lists of all neurons, one side: gathered on a device, kept on the host.

    ``room``: Entries gathered of each neuron.
    """

    def __init__(
        self,
        n_neurons: int,
        list_size: int,
        *,
        side: str = "top",
        with_tokens: bool = False,
        device: torch.device,
        room: int | None = None,
    ) -> None:
        super().__init__(0, list_size, side=side, with_tokens=with_tokens, device=device)
        self._room = room or room_for(n_neurons, list_size)
        self._keys = torch.full((n_neurons, self._room), EMPTY, dtype=torch.int64, device=device)
        self._tokens = torch.zeros((n_neurons, self._room if with_tokens else 0), dtype=torch.int16, device=device)
        self._fill = torch.zeros(n_neurons, dtype=torch.int32, device=device)
        self._threshold = torch.full((n_neurons,), -torch.inf, dtype=torch.float32, device=device)
        self._host = TopLists(n_neurons, list_size, side=side, with_tokens=with_tokens)

    @property
    def thresholds(self) -> NDArray[np.float32]:
        """As of lists kept in one place."""
        self._cut_all()
        return self._host.thresholds

    def _cut(self, neurons: Tensor) -> None:
        """Move buffers to the host; waits for the device."""
        here = in_stream_of_here(self.device)

        def move(some: Tensor) -> None:
            with here():
                self._move(some)

        with ThreadPoolExecutor(max(1, n_own_cores() // 2)) as pool:
            moved = [pool.submit(move, each) for each in torch.split(neurons, _BLOCK)]
            for each in moved:
                each.result()
        chosen = neurons.cpu().numpy()
        signed = self._host._threshold[chosen]
        self._threshold.index_copy_(0, neurons, to_device(signed, self.device))
        self._fill.index_fill_(0, neurons, 0)

    def _move(self, neurons: Tensor) -> None:
        """Put some neurons' buffers into the lists of the host."""
        fill = self._fill.index_select(0, neurons).cpu().numpy().astype(np.int64)
        width = int(fill.max(initial=0))
        if not width:
            return
        keys = self._keys.index_select(0, neurons)[:, :width].cpu().numpy().view(np.uint64) ^ np.uint64(1 << 63)
        tokens = self._tokens.index_select(0, neurons)[:, :width].cpu().numpy()
        self._host.take(keys, fill, tokens, neurons=neurons.cpu().numpy())

    def _cut_all(self) -> None:
        if not self._is_cut:
            self._cut(torch.arange(len(self._keys), device=self.device))
            self._is_cut = True

    def merge(self, other: "DeviceTopLists | TopLists") -> None:
        """Take in lists collected on other sentences."""
        self._cut_all()
        self._host.merge(other if isinstance(other, TopLists) else self._as_host(other))
        every = torch.arange(len(self._keys), device=self.device)
        self._host.to_arrays()  # cuts them, which raises thresholds
        self._threshold.index_copy_(0, every, to_device(self._host._threshold, self.device))

    def _as_host(self, other: DeviceTopLists) -> TopLists:
        arrays, tokens = other.to_arrays(), self._tokens.shape[1] > 0
        return TopLists.from_arrays(arrays, list_size=other.list_size, side=other.side, with_tokens=tokens)

    def watch(
        self, sentence_ids: NDArray[np.int64], *, sampled: NDArray[np.int64], neurons: NDArray[np.int64], width: int
    ) -> Callable[[], Watched]:
        """Look at some neurons' lists for the monitor."""
        self._cut_all()
        seen = self._host.watch(sentence_ids, sampled=sampled, neurons=neurons, width=width)()
        # the pass goes on before this is looked into
        kept = seen._replace(keys=seen.keys.copy(), n_keys=seen.n_keys.copy(), fill=seen.fill.copy())
        return lambda: kept

    def sentence_ids(self) -> NDArray[np.int64]:
        """Give the sentences that any list holds."""
        self._cut_all()
        return self._host.sentence_ids()

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Give the state as arrays; copies, for a checkpoint is written while the pass goes on."""
        self._cut_all()
        return {name: array.copy() for name, array in self._host.to_arrays().items()}

    @classmethod
    def from_arrays(
        cls,
        arrays: dict[str, NDArray[np.generic]],
        *,
        list_size: int,
        side: str,
        with_tokens: bool = False,
        device: torch.device,
    ) -> "SpilledTopLists":
        """Make a state from arrays."""
        made = cls(len(arrays["fill"]), list_size, side=side, with_tokens=with_tokens, device=device)
        made.merge(TopLists.from_arrays(arrays, list_size=list_size, side=side, with_tokens=with_tokens))
        return made

    def sorted(self, start: int = 0, stop: int | None = None) -> SortedLists:
        """Finish the lists of a range of neurons."""
        self._cut_all()
        return self._host.sorted(start, stop)
