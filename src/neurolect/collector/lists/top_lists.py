"""Keep the N strongest activations of every neuron while a corpus streams by.

An entry is one 64-bit key: the activation as an order-preserving 32-bit integer above, the complement of the
sentence id below. The larger key is the better entry, and a tie in the activation goes to the smaller id, so
the lists are the same whatever the order of reading. Each neuron fills a buffer of twice its list; a full
buffer is cut to the N largest keys by selection, and the N-th activation is the threshold that later
sentences must reach. In random order a neuron accepts about N(1 + ln(T/N)) of T sentences, so the cost tends
to one comparison a neuron and sentence.
"""

from collections.abc import Callable

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurolect.collector.lists.entry_keys import SortedLists, Watched, check_sentence_ids, ids_of, sort_entries
from neurolect.errors import CollectError

_SPARE = 256
_BLOCK = 1 << 20
"""Entries looked into at once."""


class TopLists:
    """Streaming lists of all neurons, one side.

    ``side``: ``top`` keeps the highest activations, ``bottom`` the lowest.
    """

    def __init__(self, n_neurons: int, list_size: int, *, side: str = "top", with_tokens: bool = False) -> None:
        self.list_size = list_size
        self.side = side
        capacity = list_size + max(list_size, _SPARE)
        self._keys = np.zeros((n_neurons, capacity), dtype=np.uint64)
        self._tokens = np.zeros((n_neurons, capacity if with_tokens else 0), dtype=np.int16)
        self._fill = np.zeros(n_neurons, dtype=np.int64)
        self._threshold = np.full(n_neurons, -np.inf, dtype=np.float32)

    @property
    def thresholds(self) -> NDArray[np.float32]:
        """Activation a sentence must reach to enter, float32, shape (n_neurons,); infinite until N were seen."""
        return self._threshold if self.side == "top" else -self._threshold

    def look(self, activations: NDArray[np.float32]) -> None:
        """There is nothing that an update would have to wait for."""

    def update(
        self,
        activations: NDArray[np.float32],
        *,
        sentence_ids: NDArray[np.int64],
        tokens: NDArray[np.int16] | None = None,
        look: None = None,
    ) -> None:
        """Take in one batch.

        ``activations``: float32, shape (n_sentences, n_neurons). NaN entries are passed over.
        ``sentence_ids``: int64, shape (n_sentences,). Each id once in the life of the lists.
        ``tokens``: int16, shape (n_sentences, n_neurons). Needed if the lists keep tokens.
        """
        check_sentence_ids(sentence_ids)
        if self._tokens.shape[1] and tokens is None:
            what = "These lists keep model tokens, and the batch has none."
            raise CollectError(what, expected="tokens of shape (n_sentences, n_neurons)")
        _update(
            np.ascontiguousarray(activations),
            np.ascontiguousarray(tokens) if tokens is not None else np.zeros((0, 0), dtype=np.int16),
            sentence_ids.astype(np.uint64),
            np.float32(1.0 if self.side == "top" else -1.0),
            self.list_size,
            self._keys,
            self._tokens,
            self._fill,
            self._threshold,
        )

    def merge(self, other: "TopLists") -> None:
        """Take in lists collected on other sentences.

        ``other``: Same neurons, size, side and tokens.
        """
        mine = (self._keys.shape, self.side, self._tokens.shape)
        theirs = (other._keys.shape, other.side, other._tokens.shape)
        if mine != theirs:
            what = f"Lists of shape, side and tokens {theirs} cannot be merged into {mine}."
            raise CollectError(what, hint="Merge only results collected with the same model and options.")
        self.take(other._keys, other._fill, other._tokens, neurons=np.arange(len(self._fill)))

    def take(
        self,
        keys: NDArray[np.uint64],
        fill: NDArray[np.int64],
        tokens: NDArray[np.int16],
        *,
        neurons: NDArray[np.int64],
    ) -> None:
        """Take in entries of some neurons.

        ``keys``: uint64, shape (n, width). Of sentences that came by once; ``tokens`` of that shape, or (n, 0).
        ``fill``: int64, shape (n,). How many each neuron has.
        ``neurons``: int64, shape (n,). Whose they are.
        """
        own = (self._keys, self._tokens, self._fill, self._threshold)
        _take(self.list_size, neurons, keys, tokens, fill, *own)

    def watch(
        self, sentence_ids: NDArray[np.int64], *, sampled: NDArray[np.int64], neurons: NDArray[np.int64], width: int
    ) -> Callable[[], Watched]:
        """Look at some neurons' lists for the monitor.

        ``sentence_ids``: int64, shape (n,). Sentences whose entries are counted.
        ``sampled``: int64, shape (n_sampled,). Sentences whose entries are wanted; others may come along.
        ``neurons``: int64, ascending. Whose lists.
        ``width``: Of no use here.
        Returns: Gives what is seen now; good until the next update.
        """
        arrays = self.to_arrays()
        keys, fill = arrays["keys"].astype(np.uint64, copy=False), arrays["fill"].astype(np.int64, copy=False)
        thresholds = self.thresholds.copy()
        if len(neurons) < len(fill):
            keys, fill, thresholds = keys[neurons], fill[neurons], thresholds[neurons]
        n_among = new_entries(keys, fill, sentence_ids=sentence_ids)
        return lambda: Watched(n_among, fill, thresholds, keys, fill)

    def sentence_ids(self) -> NDArray[np.int64]:
        """Give the sentences that any list holds.

        Returns: int64, shape (n,), ascending. Each once.
        """
        arrays = self.to_arrays()
        keys, fill = arrays["keys"].astype(np.uint64, copy=False), arrays["fill"].astype(np.int64, copy=False)
        held = np.zeros(0, dtype=np.bool_)
        step = max(1, _BLOCK // max(keys.shape[1], 1))
        for start in range(0, len(fill), step):
            block = keys[start : start + step]
            ids = ids_of(block[np.arange(block.shape[1]) < fill[start : start + step, None]])
            longer = int(ids.max(initial=-1)) + 1 - len(held)
            if longer > 0:
                held = np.concatenate([held, np.zeros(longer, dtype=np.bool_)])
            held[ids] = True
        return np.flatnonzero(held)

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Give the state as arrays, from which :meth:`from_arrays` makes the same state.

        Returns: ``keys`` uint64 (n_neurons, at most list_size), ``fill`` int64 (n_neurons,), ``tokens`` int16.
        """
        _cut_all(self._keys, self._tokens, self._fill, self._threshold, self.list_size)
        width = int(self._fill.max(initial=0))
        return {"keys": self._keys[:, :width], "fill": self._fill, "tokens": self._tokens[:, :width]}

    @classmethod
    def from_arrays(
        cls, arrays: dict[str, NDArray[np.generic]], *, list_size: int, side: str, with_tokens: bool = False
    ) -> "TopLists":
        """Make a state from arrays."""
        keys, fill = arrays["keys"], arrays["fill"]
        lists = cls(len(fill), list_size, side=side, with_tokens=with_tokens)
        lists._keys[:, : keys.shape[1]] = keys
        lists._fill[:] = fill
        if with_tokens:
            lists._tokens[:, : keys.shape[1]] = arrays["tokens"]
        _cut_all(lists._keys, lists._tokens, lists._fill, lists._threshold, list_size)
        return lists

    def sorted(self, start: int = 0, stop: int | None = None) -> SortedLists:
        """Finish the lists of a range of neurons: cut them to N and sort them.

        ``start, stop``: Neurons ``start`` to ``stop - 1``; all by default. A block at a time keeps memory small.
        Returns: Best first; ``top`` descending, ``bottom`` ascending, ties to the smaller sentence id.
        """
        arrays = self.to_arrays()
        fill = self._fill[start:stop]
        keys = arrays["keys"][start:stop].astype(np.uint64)
        tokens = arrays["tokens"][start:stop].astype(np.int16) if self._tokens.shape[1] else None
        return sort_entries(keys, fill=fill, tokens=tokens, side=self.side)


@njit(cache=True, nogil=True)
def _update(
    activations: NDArray[np.float32],
    tokens: NDArray[np.int16],
    sentence_ids: NDArray[np.uint64],
    sign: np.float32,
    list_size: int,
    keys: NDArray[np.uint64],
    kept_tokens: NDArray[np.int16],
    fill: NDArray[np.int64],
    threshold: NDArray[np.float32],
) -> None:
    """Append what reaches the threshold; cut full buffers."""
    n_sentences, n_neurons = activations.shape
    capacity = keys.shape[1]
    bits = activations.view(np.uint32)
    flip = np.uint32(0) if sign > 0 else np.uint32(0x80000000)
    for sentence in range(n_sentences):
        low = np.uint64(0xFFFFFFFF) - sentence_ids[sentence]
        for neuron in range(n_neurons):
            if activations[sentence, neuron] * sign >= threshold[neuron]:
                code = bits[sentence, neuron] ^ flip
                if code == np.uint32(0x80000000):  # -0.0 ties with 0.0
                    code = np.uint32(0)
                code = ~code if code >> np.uint32(31) else code | np.uint32(0x80000000)
                at = fill[neuron]
                keys[neuron, at] = (np.uint64(code) << np.uint64(32)) | low
                if kept_tokens.shape[1] > 0:
                    kept_tokens[neuron, at] = tokens[sentence, neuron]
                fill[neuron] = at + 1
                if at + 1 == capacity:
                    _cut(keys, kept_tokens, fill, threshold, neuron, list_size)


@njit(cache=True, nogil=True)
def _take(
    list_size: int,
    neurons: NDArray[np.int64],
    other_keys: NDArray[np.uint64],
    other_tokens: NDArray[np.int16],
    other_fill: NDArray[np.int64],
    keys: NDArray[np.uint64],
    tokens: NDArray[np.int16],
    fill: NDArray[np.int64],
    threshold: NDArray[np.float32],
) -> None:
    """Append others' entries, and cut the buffers."""
    capacity = keys.shape[1]
    for row in range(len(neurons)):
        neuron = neurons[row]
        for entry in range(other_fill[row]):
            at = fill[neuron]
            keys[neuron, at] = other_keys[row, entry]
            if tokens.shape[1] > 0:
                tokens[neuron, at] = other_tokens[row, entry]
            fill[neuron] = at + 1
            if at + 1 == capacity:
                _cut(keys, tokens, fill, threshold, neuron, list_size)
        _cut(keys, tokens, fill, threshold, neuron, list_size)


@njit(cache=True, nogil=True)
def _cut_all(
    keys: NDArray[np.uint64],
    tokens: NDArray[np.int16],
    fill: NDArray[np.int64],
    threshold: NDArray[np.float32],
    list_size: int,
) -> None:
    """Cut every buffer."""
    for neuron in range(len(fill)):
        _cut(keys, tokens, fill, threshold, neuron, list_size)


@njit(cache=True, nogil=True)
def _cut(
    keys: NDArray[np.uint64],
    tokens: NDArray[np.int16],
    fill: NDArray[np.int64],
    threshold: NDArray[np.float32],
    neuron: int,
    list_size: int,
) -> None:
    """Move the ``list_size`` largest keys of one buffer to its front and raise the threshold."""
    n = fill[neuron]
    if n < list_size:
        return
    row = keys[neuron]
    carry = tokens[neuron]
    if n > list_size:
        _select_largest(row, carry, n, list_size)
        fill[neuron] = list_size
    least = row[0]
    for entry in range(1, list_size):
        least = min(least, row[entry])
    code = np.uint32(least >> np.uint64(32))
    bits = code ^ np.uint32(0x80000000) if code >> np.uint32(31) else ~code
    one = np.empty(1, dtype=np.uint32)
    one[0] = bits
    threshold[neuron] = one.view(np.float32)[0]


@njit(cache=True, nogil=True)
def _select_largest(row: NDArray[np.uint64], carry: NDArray[np.int16], n: int, k: int) -> None:
    """Partition ``row[:n]`` so that its k largest keys come first (quickselect, median of three)."""
    low, high = 0, n - 1
    with_carry = len(carry) > 0
    while low < high:
        middle = (low + high) // 2
        a, b, c = row[low], row[middle], row[high]
        pivot = max(min(a, b), min(max(a, b), c))
        i, j = low, high
        while i <= j:
            while row[i] > pivot:
                i += 1
            while row[j] < pivot:
                j -= 1
            if i <= j:
                row[i], row[j] = row[j], row[i]
                if with_carry:
                    carry[i], carry[j] = carry[j], carry[i]
                i += 1
                j -= 1
        if k - 1 <= j:
            high = j
        elif k - 1 >= i:
            low = i
        else:
            return


def new_entries(
    keys: NDArray[np.uint64], fill: NDArray[np.int64], *, sentence_ids: NDArray[np.integer]
) -> NDArray[np.int64]:
    """Count the entries of each list that are among some sentences.

    ``keys``: uint64, shape (n_neurons, width). Entries.
    ``fill``: int64, shape (n_neurons,). Entries of each list.
    ``sentence_ids``: int, shape (n,). The sentences.
    Returns: int64, shape (n_neurons,). Counts.
    """
    if not len(sentence_ids):
        return np.zeros(len(fill), dtype=np.int64)
    first = int(sentence_ids.min())
    bits = np.zeros((int(sentence_ids.max()) - first) // 8 + 1, dtype=np.uint8)
    counts = np.zeros(len(fill), dtype=np.int64)
    _count(keys, fill, sentence_ids.astype(np.int64), first, bits, counts)
    return counts


@njit(cache=True, nogil=True)
def _count(
    keys: NDArray[np.uint64],
    fill: NDArray[np.int64],
    sentence_ids: NDArray[np.int64],
    first: int,
    bits: NDArray[np.uint8],
    counts: NDArray[np.int64],
) -> None:
    """Mark the sentences in a bitmap, look every entry up."""
    for sentence_id in sentence_ids:
        bits[(sentence_id - first) >> 3] |= np.uint8(1 << ((sentence_id - first) & 7))
    last = first + 8 * len(bits)
    for neuron in range(len(fill)):
        for entry in range(fill[neuron]):
            sentence_id = np.int64(np.uint64(0xFFFFFFFF) - (keys[neuron, entry] & np.uint64(0xFFFFFFFF)))
            if first <= sentence_id < last and bits[(sentence_id - first) >> 3] >> ((sentence_id - first) & 7) & 1:
                counts[neuron] += 1
