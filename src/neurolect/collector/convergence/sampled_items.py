"""Words and metadata values of a fixed random share of the sentences read, to watch what lists have in common.

A sentence belongs to the share if the hash of its id is small. A list's members of that share are a uniform
sample of the list that changes only as the list does, and what is counted over all sentences of the share says
how frequent an item is anywhere. Nothing else of the corpus needs to be kept.
"""

from collections.abc import Iterable
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.collector.background import metadata_key
from neurolect.collector.lists.sample import hash_ids
from neurolect.corpus.sentences.words import split_words

# Numbers of items, known by their hashes alone: twelve bytes each, where a dictionary of their names takes 160.
#
# An item need only be distinguished from others. Two of a million have the same 64 bits once in 40 million
# corpora; they would then be counted as one.
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

    Those held lie sorted by hash; those met lately lie sorted next to them, few enough to be sorted again whenever
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


_MAX_ITEMS = 1_000_000
_SEPARATOR = "\x1f"


class FoundItems(NamedTuple):
    """Items of some sentences of the share, before they have the pass's numbers.

    ``ids``: int64, shape (n_sentences,). Sentence ids.
    ``hashes``: uint64, shape (n_different,). Of each item, once, in the order of first appearance.
    ``lengths``: int64, shape (n_sentences,). Items of each sentence.
    ``items``: int32, shape (n_items,). Places in ``hashes``, sentence by sentence.
    """

    ids: NDArray[np.int64]
    hashes: NDArray[np.uint64]
    lengths: NDArray[np.int64]
    items: NDArray[np.int32]


class ItemShare(NamedTuple):
    """Which sentences are looked into.

    ``below``: uint64. Those whose hashed ids lie below.
    """

    below: np.uint64
    seed: int


def item_share(*, sampled: int, list_size: int, seed: int) -> ItemShare:
    """Choose the sentences to look into: of a full list about so many."""
    return ItemShare(np.uint64(min(round(min(1.0, sampled / list_size) * 2**64), 2**64 - 1)), seed)


def found_items(sentences: pa.Table, *, fields: tuple[str, ...], share: ItemShare) -> FoundItems:
    """Find the words and metadata values of the sentences that belong to the share."""
    ids = sentences.column("sentence_id").to_numpy()
    rows = np.flatnonzero(hash_ids(ids, seed=share.seed) < share.below)
    chosen = sentences.take(pa.array(rows))
    columns = [_field_names(field, chosen.column(field)) for field in fields]
    numbers: dict[str, int] = {}
    lengths, items = [], []
    for row, text in enumerate(chosen.column("text").to_pylist()):
        names = {word.lower() for word in split_words(text)}
        names.update(column[row] for column in columns if column[row] is not None)  # type: ignore[misc]
        own = [numbers.setdefault(name, len(numbers)) for name in sorted(names)]
        lengths.append(len(own))
        items.extend(own)
    all_lengths, all_items = np.array(lengths, dtype=np.int64), np.array(items, dtype=np.int32)
    return FoundItems(ids[rows], hash_items(numbers), all_lengths, all_items)


def _field_names(field: str, column: pa.ChunkedArray) -> list[str | None]:
    """Name the values of a field, each different one once."""
    coded = column.combine_chunks()
    if not pa.types.is_dictionary(coded.type):
        coded = coded.dictionary_encode()
    places = coded.indices.fill_null(-1).to_numpy()
    used = np.unique(places[places >= 0])
    prefix = f"{field}{_SEPARATOR}"
    # A dictionary holds the values of all sentences that were read together.
    values = coded.dictionary.take(pa.array(used)).to_pylist()
    names = {
        place: None if value is None else prefix + metadata_key(value)
        for place, value in zip(used.tolist(), values, strict=True)
    }
    return [names.get(place) for place in places.tolist()]


class SampledItems:
    """Items of the sentences of the share, as numbers."""

    def __init__(self, fields: tuple[str, ...], *, share: ItemShare) -> None:
        self.fields, self.share = fields, share
        self.n_sampled = 0
        self._numbers = ItemNumbers(_MAX_ITEMS)
        self._counts: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._ids: list[NDArray[np.int64]] = [np.empty(0, dtype=np.int64)]
        self._lengths: list[NDArray[np.int64]] = [np.empty(0, dtype=np.int64)]
        self._items: list[NDArray[np.int32]] = [np.empty(0, dtype=np.int32)]

    def update(self, sentences: pa.Table, *, found: FoundItems | None = None) -> None:
        """Take in the sentences of a chunk."""
        if found is None:
            found = found_items(sentences, fields=self.fields, share=self.share)
        items = self._numbers.number(found.hashes)[found.items]
        if len(self._numbers) > len(self._counts):
            more = max(1024, len(self._counts), len(self._numbers) - len(self._counts))
            self._counts = np.concatenate([self._counts, np.zeros(more, dtype=np.int64)])
        self._counts[: len(self._numbers)] += np.bincount(items[items >= 0], minlength=len(self._numbers))
        self.n_sampled += len(found.ids)
        self._ids.append(found.ids)
        self._lengths.append(found.lengths)
        self._items.append(items)

    @property
    def shares(self) -> NDArray[np.float64]:
        """Share of sentences that hold each item, float64, shape (n_items,)."""
        return self._counts[: len(self._numbers)].astype(np.float64) / max(self.n_sampled, 1)

    def rows(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]:
        """Give the sentences held.

        Returns: ids: int64, shape (n_sentences,), ascending.
        Returns: starts: int64, shape (n_sentences + 1,). Where each sentence's items begin.
        Returns: items: int32, shape (n_items,). -1 where an item has no number.
        """
        ids, lengths, items = np.concatenate(self._ids), np.concatenate(self._lengths), np.concatenate(self._items)
        order = np.argsort(ids, kind="stable")
        if not np.array_equal(order, np.arange(len(ids))):
            ends = np.cumsum(lengths)
            items = np.concatenate([items[ends[row] - lengths[row] : ends[row]] for row in order.tolist()])
            ids, lengths = ids[order], lengths[order]
        self._ids, self._lengths, self._items = [ids], [lengths], [items]
        return ids, np.concatenate([[0], np.cumsum(lengths)]), items

    def keep(self, wanted: NDArray[np.bool_]) -> None:
        """Forget the sentences that no list holds any more.

        ``wanted``: bool, shape (n_sentences,). In the order of :meth:`rows`.
        """
        ids, _, items = self.rows()
        lengths = self._lengths[0]
        self._items = [items[np.repeat(wanted, lengths)]]
        self._ids, self._lengths = [ids[wanted]], [lengths[wanted]]

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Give the state as arrays."""
        ids, _, items = self.rows()
        return {
            "hashes": self._numbers.hashes(),
            "counts": self._counts[: len(self._numbers)].copy(),
            "n_sampled": np.array(self.n_sampled),
            "ids": ids,
            "lengths": self._lengths[0],
            "items": items,
        }

    def load(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        """Take the place of the state that gave these arrays."""
        self._counts = arrays["counts"].astype(np.int64)
        self._numbers = ItemNumbers.from_hashes(arrays["hashes"].astype(np.uint64), most=_MAX_ITEMS)
        self.n_sampled = int(arrays["n_sampled"].astype(np.int64))
        self._ids = [arrays["ids"].astype(np.int64)]
        self._lengths = [arrays["lengths"].astype(np.int64)]
        self._items = [arrays["items"].astype(np.int32)]
