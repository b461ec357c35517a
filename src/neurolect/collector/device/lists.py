"""The streaming lists kept where the network is: the same entries, order and ties as on the host.

Keys are signed here, for torch sorts no unsigned numbers: the host's key with its highest bit turned over. A
neuron's row is a buffer; what reaches its threshold is appended, and a full buffer is cut to the N largest keys.
Behind a row's entries is the smallest key, which means nothing.
"""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurolect.collector.device.transfers import OnItsWay, to_device
from neurolect.collector.lists.entry_keys import SortedLists, Watched, check_sentence_ids
from neurolect.collector.lists.top_lists import TopLists
from neurolect.errors import CollectError
from neurolect.model.pooling.packed import triton_here

# Keys of list entries where the network is: signed, for torch sorts no unsigned numbers.
#
# A key is the host's with its highest bit turned over: the activation's code, then the sentence id's complement.
EMPTY = -(2**63)
"""The key of no entry."""

_LOW = 0xFFFFFFFF
_SIGN = 0x80000000


def complements(sentence_ids: NDArray[np.int64], *, device: torch.device) -> Tensor:
    """Give the lower halves of keys: int64, shape (n_sentences,), on the device; smaller ids are larger."""
    return to_device(_LOW - sentence_ids, device)


def encode_keys(activations: Tensor, low: Tensor, *, side: str) -> Tensor:
    """Make the signed keys of a batch.

    ``activations``: float32 Tensor, shape (n_sentences, n_neurons). Any but NaN.
    ``low``: int64 Tensor, shape (n_sentences,). Complements of the sentence ids.
    Returns: int64 Tensor, shape (n_sentences, n_neurons). Larger is better.
    """
    bits = activations.contiguous().view(torch.int32).to(torch.int64) & _LOW
    if side == "bottom":
        bits = bits ^ _SIGN
    bits = torch.where(bits == _SIGN, 0, bits)  # -0.0 ties with 0.0
    codes = torch.where(bits >= _SIGN, ~bits & _LOW, bits | _SIGN)
    return ((codes << 32) | low[:, None]) ^ EMPTY


def signed_activations(keys: Tensor) -> Tensor:
    """Give the activations in keys, with the opposite sign in lists of the lowest: float32, same shape."""
    codes = ((keys ^ EMPTY) >> 32) & _LOW
    bits = torch.where(codes >= _SIGN, codes ^ _SIGN, ~codes & _LOW)
    return ((bits ^ _SIGN) - _SIGN).to(torch.int32).view(torch.float32)


def decode_signed(keys: Tensor, *, side: str) -> tuple[Tensor, Tensor]:
    """Take keys apart: activations float32 (-0.0 comes back as 0.0) and sentence ids int64, of the keys' shape."""
    signed = signed_activations(keys)
    return (signed if side == "top" else 0.0 - signed), _LOW - (keys & _LOW)


def held_ids(keys: Tensor) -> Tensor:
    """Give the sentence ids of the entries among some keys: int64, shape (n_entries,)."""
    return _LOW - (keys[keys != EMPTY] & _LOW)


def mark(sentence_ids: NDArray[np.int64], *, device: torch.device) -> Tensor:
    """Mark the places of some sentences: bool, as long as the largest id and one more, which is not marked."""
    marked = torch.zeros(int(sentence_ids.max(initial=-1)) + 2, dtype=torch.bool, device=device)
    marked.index_fill_(0, to_device(sentence_ids.astype(np.int64), device), True)  # assignment would wait
    return marked


def marked_entries(keys: Tensor, marked: Tensor) -> Tensor:
    """Say which entries are of marked sentences: bool, the keys' shape."""
    ids = (_LOW - (keys & _LOW)).clamp(max=len(marked) - 1)
    return marked[ids] & (keys != EMPTY)


_ROOM = 16_384
_LEAST_ROOM = 256
_ROOM_BYTES = 5 << 30
ENTRY_BYTES = 10
_BLOCK = 1 << 24
"""Entries sorted or selected from at once; bounds the temporary memory."""


def room_for(n_neurons: int, list_size: int) -> int:
    """Say how many entries a buffer holds beyond its list: many cuts at once cost little, and memory is bounded.

    Examples
    --------
    >>> room_for(9216, 10_000), room_for(131_072, 1000)
    (16384, 4096)
    """
    return min(max(list_size, _ROOM), max(_LEAST_ROOM, _ROOM_BYTES // (ENTRY_BYTES * max(1, n_neurons))))


def _thresholds(kept: Tensor) -> Tensor:
    """Give the activations that full lists are entered by; ``kept``: their keys."""
    return signed_activations(kept.amin(dim=1))


class DeviceTopLists:
    """Streaming lists of all neurons, one side, on a device.

    ``side``: ``top`` keeps the highest activations, ``bottom`` the lowest.
    """

    def __init__(
        self, n_neurons: int, list_size: int, *, side: str = "top", with_tokens: bool = False, device: torch.device
    ) -> None:
        self.list_size, self.side, self.device = list_size, side, device
        self._room = room_for(n_neurons, list_size)
        capacity = list_size + self._room
        self._keys = torch.full((n_neurons, capacity), EMPTY, dtype=torch.int64, device=device)
        self._tokens = torch.zeros((n_neurons, capacity if with_tokens else 0), dtype=torch.int16, device=device)
        self._fill = torch.zeros(n_neurons, dtype=torch.int32, device=device)
        self._threshold = torch.full((n_neurons,), -torch.inf, dtype=torch.float32, device=device)
        self._is_cut = True
        self._most = 0
        """Entries of the fullest buffer at most, as the host knows it without asking."""

    @property
    def reach(self) -> Tensor:
        """What an activation, with the opposite sign in lists of the lowest, must reach: float32, (n_neurons,).

        It is raised in place while others read it.
        """
        return self._threshold

    @property
    def thresholds(self) -> NDArray[np.float32]:
        """Activation a sentence must reach to enter, float32, shape (n_neurons,); infinite until N were seen."""
        threshold: NDArray[np.float32] = self._threshold.cpu().numpy()
        return threshold if self.side == "top" else -threshold

    def look(self, activations: Tensor) -> OnItsWay:
        """Ask, without waiting for the answer, how many entries a batch may leave in each buffer.

        ``activations``: float32 Tensor, shape (n_sentences, n_neurons). The batch that the next update takes in.
        Returns: For :meth:`update`; integers, shape (n_neurons,).
        """
        kernels = activations.is_cuda and triton_here()
        return OnItsWay(self._fill + self._n_reaching(activations, kernels=kernels))

    def update(
        self,
        activations: Tensor,
        *,
        sentence_ids: NDArray[np.int64],
        tokens: Tensor | None = None,
        look: OnItsWay | None = None,
    ) -> None:
        """Take in one batch.

        ``activations``: float32 Tensor, shape (n_sentences, n_neurons). On the device; NaN entries are passed over.
        ``sentence_ids``: int64, shape (n_sentences,). Each id once in the life of the lists; on the host.
        ``tokens``: int16 Tensor, shape (n_sentences, n_neurons). Needed if the lists keep tokens.
        ``look``: From :meth:`look`, with the same activations and no update since; spares waiting for the device.
        """
        check_sentence_ids(sentence_ids)
        if self._tokens.shape[1] and tokens is None:
            what = "These lists keep model tokens, and the batch has none."
            raise CollectError(what, expected="tokens of shape (n_sentences, n_neurons)")
        low = complements(sentence_ids, device=self.device)
        room = self._room
        for start in range(0, len(sentence_ids), room):
            rows = slice(start, start + room)
            own = tokens[rows] if tokens is not None and self._tokens.shape[1] else None
            looked = look if look is not None and len(sentence_ids) <= room else self.look(activations[rows])
            self._append(activations[rows], low[rows], own, wanted=looked.array())

    def _append(
        self, activations: Tensor, low: Tensor, tokens: Tensor | None, *, wanted: NDArray[np.integer]
    ) -> None:
        """Cut the buffers that may be too small, then append what reaches the thresholds."""
        self._is_cut = False
        full = wanted > self._keys.shape[1]
        if full.any():
            self._cut(to_device(np.flatnonzero(full), self.device))
        most = np.where(full, np.minimum(wanted, self.list_size + len(activations)), wanted)
        self._most = int(most.max(initial=0))
        if activations.is_cuda and triton_here():
            from neurolect.collector.device import kernels as device_kernels

            top = self.side == "top"
            device_kernels.append_entries(
                activations, low, tokens, self._threshold, top, self._keys, self._tokens, self._fill
            )
            return
        neurons, rows = torch.nonzero(self._reaching(activations).T, as_tuple=True)
        n_new = torch.bincount(neurons, minlength=len(self._fill))
        before = torch.cumsum(n_new, 0) - n_new
        columns = self._fill[neurons] + torch.arange(len(neurons), device=self.device) - before[neurons]
        self._keys[neurons, columns] = encode_keys(activations, low, side=self.side)[rows, neurons]
        if tokens is not None:
            self._tokens[neurons, columns] = tokens[rows, neurons]
        self._fill += n_new.to(torch.int32)

    def _n_reaching(self, activations: Tensor, *, kernels: bool) -> Tensor:
        """Count for every neuron the sentences that reach its threshold."""
        if kernels:
            from neurolect.collector.device import kernels as device_kernels

            return device_kernels.count_reaching(activations, self._threshold, self.side == "top")
        return self._reaching(activations).sum(dim=0)

    def _reaching(self, activations: Tensor) -> Tensor:
        return (activations if self.side == "top" else -activations) >= self._threshold

    def _cut(self, neurons: Tensor) -> None:
        """Keep the largest keys of some buffers, raise the thresholds of full ones; nothing is waited for."""
        whole = self._keys[:, : self._width_cut], self._tokens[:, : self._width_cut], self._fill, self._threshold
        # Indexing by assignment would have the host wait for the device.
        for chosen in torch.split(neurons, max(1, _BLOCK // self._width_cut)):
            keys, tokens, fill, threshold = (each.index_select(0, chosen) for each in whole)
            self._cut_rows(keys, tokens, fill, threshold)
            for each, cut in zip(whole, (keys, tokens, fill, threshold), strict=True):
                each.index_copy_(0, chosen, cut)

    @property
    def _width_cut(self) -> int:
        """Columns that any entry is in, or a list's first ones."""
        return min(self._keys.shape[1], max(self.list_size, self._most))

    def _cut_rows(self, keys: Tensor, tokens: Tensor, fill: Tensor, threshold: Tensor) -> None:
        """Cut some rows of the buffers in place."""
        size, width = self.list_size, self._width_cut
        full = (fill >= size)[:, None]
        kept, order = torch.topk(keys[:, :width], size, dim=1, sorted=False)
        # a list that is not full stays as it is: the next entry goes behind its last
        keys[:, :size].copy_(torch.where(full, kept, keys[:, :size]))
        keys[:, size:width].fill_(EMPTY)
        if tokens.shape[1]:
            tokens[:, :size].copy_(torch.where(full, tokens.gather(1, order), tokens[:, :size]))
        threshold.copy_(torch.where(full[:, 0], _thresholds(kept), threshold))
        fill.clamp_(max=size)

    def _cut_all(self) -> None:
        """Keep the largest keys of all buffers, raise the thresholds of full ones; nothing is waited for."""
        if self._is_cut:
            return
        step = max(1, _BLOCK // self._width_cut)
        for start in range(0, len(self._keys), step):
            rows = slice(start, start + step)
            self._cut_rows(self._keys[rows], self._tokens[rows], self._fill[rows], self._threshold[rows])
        self._is_cut, self._most = True, min(self._most, self.list_size)

    def merge(self, other: "DeviceTopLists | TopLists") -> None:
        """Take in lists collected on other sentences.

        ``other``: Same neurons, size, side and tokens.
        """
        theirs = other if isinstance(other, DeviceTopLists) else self._like(other)
        mine = (len(self._keys), self.list_size, self.side, self._tokens.shape[1] > 0)
        if mine != (len(theirs._keys), theirs.list_size, theirs.side, theirs._tokens.shape[1] > 0):
            what = "Lists of other neurons, size, side or tokens cannot be merged."
            raise CollectError(what, hint="Merge only results collected with the same model and options.")
        self._cut_all()
        theirs._cut_all()
        size = self.list_size
        both = torch.cat([self._keys[:, :size], theirs._keys[:, :size].to(self.device)], dim=1)
        best, order = torch.sort(both, dim=1, descending=True)
        self._keys[:, :size] = best[:, :size]
        if self._tokens.shape[1]:
            tokens = (each._tokens[:, :size].to(self.device) for each in (self, theirs))
            self._tokens[:, :size] = torch.cat(list(tokens), dim=1).gather(1, order)[:, :size]
        self._fill = (best[:, :size] != EMPTY).sum(dim=1).to(torch.int32)
        self._is_cut, self._most = False, size
        self._cut_all()

    def _like(self, other: TopLists) -> "DeviceTopLists":
        arrays = other.to_arrays()
        return DeviceTopLists.from_arrays(
            arrays,
            list_size=other.list_size,
            side=other.side,
            with_tokens=arrays["tokens"].shape[1] > 0,
            device=self.device,
        )

    def watch(
        self, sentence_ids: NDArray[np.int64], *, sampled: NDArray[np.int64], neurons: NDArray[np.int64], width: int
    ) -> Callable[[], Watched]:
        """Ask for what the monitor looks at, as :meth:`TopLists.watch`; the host waits when it calls what it gets.

        ``width``: More entries of sampled sentences than this are not in any list, or are left out.
        """
        width = min(self.list_size, width)
        marks = [mark(each, device=self.device) for each in (sentence_ids, sampled)]
        chosen = to_device(neurons, self.device)
        if len(neurons) == len(self._keys):
            self._cut_all()
        elif not self._is_cut:
            self._cut(chosen)
        if self._keys.is_cuda and triton_here():
            from neurolect.collector.device import kernels as device_kernels

            counts, keys = device_kernels.watched_entries(
                self._keys, chosen, *marks, size=self.list_size, width=width, empty=EMPTY
            )
        else:
            counts, keys = self._watched(chosen, *marks, width=width)
        fill, threshold = self._fill.index_select(0, chosen), self._threshold.index_select(0, chosen)
        coming = [OnItsWay(each) for each in (counts, fill, threshold, keys)]

        def seen() -> Watched:
            n_among, filled, thresholds, signed = (each.array() for each in coming)
            held = np.count_nonzero(signed != EMPTY, axis=1).astype(np.int64)
            unsigned = signed.view(np.uint64) ^ np.uint64(1 << 63)
            sign = np.float32(1.0 if self.side == "top" else -1.0)
            return Watched(n_among, filled.astype(np.int64), thresholds * sign, unsigned, held)

        return seen

    def _watched(self, chosen: Tensor, read: Tensor, sampled: Tensor, *, width: int) -> tuple[Tensor, Tensor]:
        """Count entries of sentences read and gather those of sampled ones, as the kernel does."""
        counts, found = [], []
        for own in torch.split(chosen, max(1, _BLOCK // self.list_size)):
            block = self._keys.index_select(0, own)[:, : self.list_size]
            counts.append(marked_entries(block, read).sum(dim=1))
            among = marked_entries(block, sampled)
            # entries of others, and those beyond the width, go into a column that is left out
            place = torch.where(among, torch.cumsum(among, dim=1) - 1, width).clamp_(max=width)
            kept = torch.full((len(own), width + 1), EMPTY, dtype=torch.int64, device=self.device)
            found.append(kept.scatter_(1, place, block)[:, :width])
        return torch.cat(counts), torch.cat(found)

    def sentence_ids(self) -> NDArray[np.int64]:
        """Give the sentences that any list holds; as :meth:`TopLists.sentence_ids`.

        Returns: int64, shape (n,), ascending. Each once.
        """
        self._cut_all()
        width = self._width()
        step = max(1, _BLOCK // max(width, 1))
        held = torch.zeros(0, dtype=torch.bool, device=self.device)
        for start in range(0, len(self._keys), step):
            ids = held_ids(self._keys[start : start + step, :width])
            longer = (int(ids.max()) + 1 if len(ids) else 0) - len(held)
            if longer > 0:
                held = torch.cat([held, held.new_zeros(longer)])
            held[ids] = True
        found: NDArray[np.int64] = torch.nonzero(held)[:, 0].cpu().numpy()
        return found

    def _width(self) -> int:
        """Give the entries of the fullest buffer."""
        return int(self._fill.max()) if len(self._fill) else 0

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Give the state as arrays, in the form of the lists on the host.

        Returns: ``keys`` uint64 (n_neurons, at most list_size), ``fill`` int64 (n_neurons,), ``tokens`` int16.
        """
        self._cut_all()
        width = self._width()
        keys = np.zeros((len(self._keys), width), dtype=np.uint64)
        tokens = np.zeros((len(self._keys), width if self._tokens.shape[1] else 0), dtype=np.int16)
        fill = np.zeros(len(self._keys), dtype=np.int64)
        for rows, signed, own in self._sorted_blocks(0, len(self._keys)):
            torch.from_numpy(keys[rows].view(np.int64)).copy_(signed ^ EMPTY)
            tokens[rows] = own.cpu().numpy()
            fill[rows] = (signed != EMPTY).sum(dim=1).cpu().numpy()
        width = int(fill.max(initial=0))
        return {"keys": keys[:, :width], "fill": fill, "tokens": tokens[:, :width]}

    @classmethod
    def from_arrays(
        cls,
        arrays: dict[str, NDArray[np.generic]],
        *,
        list_size: int,
        side: str,
        with_tokens: bool = False,
        device: torch.device,
    ) -> "DeviceTopLists":
        """Make a state from arrays, of lists kept here or on the host."""
        keys, fill = arrays["keys"].astype(np.uint64), arrays["fill"].astype(np.int64)
        lists = cls(len(fill), list_size, side=side, with_tokens=with_tokens, device=device)
        width = keys.shape[1]
        keys[np.arange(keys.shape[1])[None, :] >= fill[:, None]] = 0
        signed = (keys ^ np.uint64(1 << 63)).view(np.int64)
        lists._keys[:, :width] = torch.from_numpy(signed).to(device)
        if with_tokens:
            lists._tokens[:, :width] = torch.from_numpy(arrays["tokens"].astype(np.int16)).to(device)
        lists._fill = torch.from_numpy(fill.astype(np.int32)).to(device)
        lists._is_cut, lists._most = False, width
        lists._cut_all()
        return lists

    def sorted(self, start: int = 0, stop: int | None = None) -> SortedLists:
        """Finish the lists of a range of neurons: cut them to N and sort them.

        ``start, stop``: Neurons ``start`` to ``stop - 1``; all by default. A block at a time keeps memory small.
        Returns: Best first; ``top`` descending, ``bottom`` ascending, ties to the smaller sentence id.
        """
        self._cut_all()
        first, last, width = start, len(self._keys) if stop is None else stop, self._width()
        activations = np.empty((last - first, width), dtype=np.float32)
        ids = np.empty((last - first, width), dtype=np.int64)
        tokens = np.empty((last - first, width), dtype=np.int16) if self._tokens.shape[1] else None
        for rows, keys, own in self._sorted_blocks(first, last):
            empty = keys == EMPTY
            found, numbers = decode_signed(keys, side=self.side)
            activations[rows] = found.masked_fill(empty, torch.nan).cpu().numpy()
            ids[rows] = numbers.masked_fill(empty, -1).cpu().numpy()
            if tokens is not None:
                tokens[rows] = own.masked_fill(empty, -1).cpu().numpy()
        return SortedLists(activations, ids, tokens)

    def _sorted_blocks(self, first: int, last: int) -> Iterator[tuple[slice, Tensor, Tensor]]:
        """Give the keys of some neurons, largest first, and their tokens, a few neurons at a time."""
        # as wide as the fullest list of all, like those of the host
        width = self._width()
        step = max(1, _BLOCK // max(width, 1))
        for start in range(first, last, step):
            stop = min(start + step, last)
            own, order = torch.sort(self._keys[start:stop, :width], dim=1, descending=True)
            tokens = self._tokens[start:stop, :width]
            yield slice(start - first, stop - first), own, tokens.gather(1, order) if tokens.shape[1] else tokens
