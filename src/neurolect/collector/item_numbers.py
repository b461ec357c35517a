"""Numbers of items, known by their hashes alone: twelve bytes each, where a dictionary of their names takes 160.

An item needs to be told from others and nothing more. Two of a million have the same 64 bits once in 40 million
corpora; they would then be counted as one.
"""

from collections.abc import Iterable
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

_LEAST_LATELY = 4096
_HELD_PER_LATELY = 8


def hash_items(names: Iterable[str]) -> NDArray[np.uint64]:
    """Hash names: the same in every process and on every machine.

    Returns: uint64, shape (n_names,). The first 64 bits of BLAKE2b.

    Examples
    --------
    >>> hash_items(["whale", "sea"])
    array([ 9810230503022157388, 17716460510745679345], dtype=uint64)
    """
    digests = b"".join(blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest() for name in names)
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64, copy=False)


class ItemNumbers:
    """Numbers given to items in the order of their first appearance.

    Those held lie sorted by hash; those met lately lie sorted beside them, few enough to be sorted anew whenever
    some are added.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._held = _Sorted.of(np.empty(0, dtype=np.uint64), first=0)
        self._lately = self._held

    def __len__(self) -> int:
        """Items that have a number."""
        return len(self._held.hashes) + len(self._lately.hashes)

    def number(self, hashes: NDArray[np.uint64]) -> NDArray[np.int32]:
        """Give the numbers of some items, new ones to those that have none.

        ``hashes``: uint64, shape (n,). Of the items; any of them may be there more than once.
        Returns: int32, shape (n,). From 0, in order of first appearance; -1 for new ones once there are too many.
        """
        found = self._held.find(hashes)
        found = np.where(found < 0, self._lately.find(hashes), found)
        missing = np.flatnonzero(found < 0)
        if not len(missing):
            return found
        _, first, which = np.unique(hashes[missing], return_index=True, return_inverse=True)
        order = np.argsort(first)
        rank = np.empty(len(first), dtype=np.int64)
        rank[order] = np.arange(len(first))
        numbers = len(self) + rank
        found[missing] = np.where(numbers < self.most, numbers, -1)[which]
        self._add(hashes[missing[first[order]]][: max(0, self.most - len(self))])
        return found

    def _add(self, hashes: NDArray[np.uint64]) -> None:
        """Take in new items, in the order of their numbers."""
        self._lately = self._lately.with_others(_Sorted.of(hashes, first=len(self)))
        if len(self._lately.hashes) >= max(_LEAST_LATELY, len(self._held.hashes) // _HELD_PER_LATELY):
            self._held = self._held.with_others(self._lately)
            self._lately = _Sorted.of(np.empty(0, dtype=np.uint64), first=0)

    def hashes(self) -> NDArray[np.uint64]:
        """Give all items.

        Returns: uint64, shape (n_items,). Their hashes in the order of their numbers.
        """
        made = np.empty(len(self), dtype=np.uint64)
        for each in (self._held, self._lately):
            made[each.numbers] = each.hashes
        return made

    @classmethod
    def from_hashes(cls, hashes: NDArray[np.uint64], *, most: int) -> "ItemNumbers":
        """Give items the numbers that they had.

        ``hashes``: uint64, shape (n_items,). From :meth:`hashes`.
        """
        made = cls(most)
        made._held = _Sorted.of(hashes, first=0)
        return made


class _Sorted:
    """Items sorted by hash, and their numbers."""

    def __init__(self, hashes: NDArray[np.uint64], numbers: NDArray[np.int32]) -> None:
        self.hashes, self.numbers = hashes, numbers

    @classmethod
    def of(cls, hashes: NDArray[np.uint64], *, first: int) -> "_Sorted":
        """Sort items that are numbered one after the other."""
        order = np.argsort(hashes)
        return cls(hashes[order], (order + first).astype(np.int32))

    def find(self, hashes: NDArray[np.uint64]) -> NDArray[np.int32]:
        """Give the numbers of some items; -1 of those that are not here."""
        if not len(self.hashes):
            return np.full(len(hashes), -1, dtype=np.int32)
        at = np.minimum(np.searchsorted(self.hashes, hashes), len(self.hashes) - 1)
        return np.where(self.hashes[at] == hashes, self.numbers[at], np.int32(-1))

    def with_others(self, others: "_Sorted") -> "_Sorted":
        """Merge two of these that have no item in common."""
        at = np.searchsorted(self.hashes, others.hashes)
        return _Sorted(np.insert(self.hashes, at, others.hashes), np.insert(self.numbers, at, others.numbers))
