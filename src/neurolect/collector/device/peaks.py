"""Keep the values about the firing tokens of each list's first entries while a corpus streams by.

The states of all tokens are there for a moment only, so that is when the strongest sentences of each batch are
looked at; a key orders them as the lists do, so that both have the same first entries in any order of reading.

Dims: B sentences and R tokens of a batch, W neurons of a layer, K entries. Knows tensors only.
"""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurolect.collector.device.lists import EMPTY, decode_signed, encode_keys
from neurolect.collector.device.transfers import to_device
from neurolect.model.pooling.packed import Segments, triton_here
from neurolect.model.pooling.receive import Seen, Watch
from neurolect.store.sides import PEAK_AFTER, PEAK_BEFORE

_LOW = 0xFFFFFFFF
_GROUP = 16
"""Sentences whose strongest one alone is compared first; the strongest K are in the K best groups."""
_OFFSETS = range(-PEAK_BEFORE, PEAK_AFTER + 1)


class Peaks:
    """The first entries of all neurons' lists of one side, with the values about their firing tokens.

    ``side``: ``top`` keeps the highest activations, ``bottom`` the lowest.
    ``floor``: What these entries will be merged into: weaker ones need not be kept. It may grow meanwhile.
    """

    def __init__(
        self, n_neurons: int, n_entries: int, *, side: str, device: torch.device, floor: "Peaks | None" = None
    ) -> None:
        self.side = side
        self._keys: Tensor = torch.full((n_neurons, n_entries), EMPTY, dtype=torch.int64, device=device)
        self._floor = floor._keys if floor is not None and floor.device == device else None
        shape = (n_neurons, n_entries, len(_OFFSETS))
        self._values = torch.full(shape, torch.nan, dtype=torch.float16, device=device)

    @property
    def device(self) -> torch.device:
        """Where it is kept."""
        return self._keys.device

    def update(self, seen: Seen, *, order: Tensor, low: Tensor, sound: Tensor | None) -> None:
        """Take in one site and layer of a batch.

        ``order``: int64, shape (B,). The batch's rows by sentence id.
        ``low``: int64, shape (B,). Complements of the sentence ids.
        ``sound``: bool, shape (B,). Which rows are finite at all neurons; all where None.
        """
        top = self.side == "top" or seen.lows is None
        values, tokens = (seen.values, seen.tokens) if top else (seen.lows, seen.low_tokens)
        if values is None or tokens is None or not len(order):
            return
        floor = self._keys[seen.columns, -1]  # the least, as the best are first
        if self._floor is not None:
            floor = torch.maximum(floor, self._floor[seen.columns, -1])
        if values.is_cuda and triton_here():
            from neurolect.collector.device import peak_kernels

            kept, top = (self._keys[seen.columns], self._values[seen.columns]), self.side == "top"
            found = peak_kernels.strongest(values, low, sound, floor, n=self._keys.shape[1], top=top)
            peak_kernels.take_in_states(kept, found, seen.states, seen.segments, tokens, before=PEAK_BEFORE)
            return
        worst = -torch.inf if self.side == "top" else torch.inf
        values = (values if sound is None else torch.where(sound[:, None], values, worst)).index_select(0, order)
        chosen = _strongest(values, self._keys.shape[1], side=self.side)
        best = values.gather(0, chosen)
        keys = encode_keys(best, torch.zeros_like(chosen[:, 0]), side=self.side) | low[order][chosen]
        keys = torch.where(torch.isfinite(best), keys, EMPTY)
        about = torch.full((*keys.shape, len(_OFFSETS)), torch.nan, dtype=torch.float16, device=keys.device)
        place, column = torch.nonzero(keys > floor, as_tuple=True)
        if not len(place):
            return
        rows = order[chosen[place, column]]
        token = tokens[rows, column]
        token = torch.where(token < 0, ~token, token)  # where the gate is negative
        about[place, column] = _about(seen.states, seen.segments, rows, token, column)
        self._take_in(seen.columns, keys.T, about.transpose(0, 1))

    def merge(self, other: "Peaks") -> None:
        """Take in what was kept of other sentences."""
        if self._keys.is_cuda and other.device == self.device and triton_here():
            from neurolect.collector.device import peak_kernels

            peak_kernels.take_in_kept((self._keys, self._values), (other._keys, other._values))
            return
        self._take_in(slice(None), other._keys, other._values)

    def _take_in(self, columns: slice, keys: Tensor, values: Tensor) -> None:
        keys, values = keys.to(self.device), values.to(self.device)
        both = torch.cat([self._keys[columns], keys], dim=1)
        best, order = torch.topk(both, self._keys.shape[1], dim=1)
        own = torch.cat([self._values[columns], values], dim=1)
        self._keys[columns] = best
        self._values[columns] = own.gather(1, order[:, :, None].expand(-1, -1, own.shape[2]))

    def sorted(self) -> tuple[NDArray[np.int64], NDArray[np.float16]]:
        """Finish.

        Returns: sentence_ids: int64, shape (n_neurons, K). Best first, as the lists; -1 where there are fewer.
        Returns: values: float16, shape (n_neurons, K, tokens). NaN where there is no pooled token.
        """
        keys, order = torch.sort(self._keys, dim=1, descending=True)
        values = self._values.gather(1, order[:, :, None].expand_as(self._values))
        _, ids = decode_signed(keys, side=self.side)
        return ids.masked_fill(keys == EMPTY, -1).cpu().numpy(), values.cpu().numpy()

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Give the state as arrays."""
        return {"keys": self._keys.cpu().numpy(), "values": self._values.cpu().numpy()}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[np.generic]], *, side: str, device: torch.device) -> "Peaks":
        """Make a state from arrays."""
        keys = torch.from_numpy(arrays["keys"].astype(np.int64)).to(device)
        made = cls(*keys.shape, side=side, device=device)
        made._keys, made._values = keys, torch.from_numpy(arrays["values"].astype(np.float16)).to(device)
        return made


def watch_for(
    peaks: Mapping[str, Peaks], sentence_ids: NDArray[np.int64], *, device: torch.device, careful: bool = True
) -> Watch | None:
    """Make what looks at the states of a batch of these sentences.

    ``careful``: Whether a sentence that is not finite at one neuron is left out of all the layer's entries.
    """
    if not peaks:
        return None
    rows = np.argsort(sentence_ids, kind="stable")
    order, low = to_device(rows, device), to_device(_LOW - sentence_ids, device)

    def watch(seen: Seen) -> None:
        sound = _sound(seen) if careful else None
        for each in peaks.values():
            each.update(seen, order=order, low=low, sound=sound)

    return watch


def _sound(seen: Seen) -> Tensor:
    """Say which rows are finite at all neurons: bool, shape (B,)."""
    sound = torch.isfinite(seen.values).all(1)
    return sound if seen.lows is None else sound & torch.isfinite(seen.lows).all(1)


def _strongest(values: Tensor, n: int, *, side: str) -> Tensor:
    """Find the n strongest rows of every column, the earlier first on ties; int64, shape (at most n, W)."""
    n_rows, width = values.shape
    if n_rows <= 2 * _GROUP * n:
        return _ranked(values, torch.arange(n_rows, device=values.device)[:, None].expand_as(values), n, side=side)
    n_groups = -(-n_rows // _GROUP)
    worst = -torch.inf if side == "top" else torch.inf
    padded = torch.nn.functional.pad(values, (0, 0, 0, n_groups * _GROUP - n_rows), value=worst)
    grouped = padded.view(n_groups, _GROUP, width)
    extremes = grouped.amax(1) if side == "top" else grouped.amin(1)
    numbers = torch.arange(n_groups, device=values.device)[:, None].expand_as(extremes)
    groups = _ranked(extremes, numbers, n, side=side)
    within = torch.arange(_GROUP, device=values.device)[None, :, None]
    rows = (groups[:, None, :] * _GROUP + within).reshape(-1, width)
    return _ranked(padded.gather(0, rows), rows, n, side=side)


def _ranked(values: Tensor, numbers: Tensor, n: int, *, side: str) -> Tensor:
    """Give the numbers of the n strongest values of every column, the smaller first on ties."""
    keys = encode_keys(values, torch.zeros_like(numbers[:, 0]), side=side) | (_LOW - numbers)
    _, places = torch.topk(keys, min(n, len(keys)), dim=0)
    return numbers.gather(0, places)


def _about(states: Tensor, segments: Segments, rows: Tensor, tokens: Tensor, columns: Tensor) -> Tensor:
    """Read the values about some tokens, NaN outside of what is pooled; float16, shape (n, tokens).

    ``rows``: int64, shape (n,). Sentences of the batch.
    ``tokens``: int16, shape (n,). Tokens of these.
    ``columns``: int64, shape (n,). Neurons of the layer.
    """
    origin, start, stop = (each.to(torch.int64)[rows][:, None] for each in segments)
    at = origin + tokens[:, None] + torch.arange(_OFFSETS.start, _OFFSETS.stop, device=states.device)
    inside = (at >= start) & (at < stop)
    found = states[at.clamp(0, len(states) - 1), columns[:, None]]
    limit = torch.finfo(torch.float16).max
    return found.clamp(-limit, limit).to(torch.float16).masked_fill(~inside, torch.nan)
