"""Words and metadata values of a fixed random share of the sentences read, to watch what lists have in common.

A sentence belongs to the share if the hash of its id is small. A list's members of that share are a uniform
sample of the list that changes only as the list does, and what is counted over all sentences of the share says
how frequent an item is anywhere. Nothing else of the corpus needs to be kept.
"""

import json

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.collector.background import metadata_key
from neurolect.collector.sample import hash_ids
from neurolect.corpus.words import split_words

__all__ = ["SampledItems"]

_MAX_ITEMS = 1_000_000
_SEPARATOR = "\x1f"


class SampledItems:
    """Items of the sentences of the share, as numbers.

    Parameters
    ----------
    fields : tuple of str
        Metadata fields whose values are items beside the words.
    share : float
        Share of all sentences, above 0 and at most 1.
    seed : int
        Chooses them.
    """

    def __init__(self, fields: tuple[str, ...], *, share: float, seed: int) -> None:
        self.fields, self.seed = fields, seed
        self.below = np.uint64(min(round(share * 2**64), 2**64 - 1))
        self.n_sampled = 0
        self._numbers: dict[str, int] = {}
        self._counts: list[int] = []
        self._ids: list[NDArray[np.int64]] = [np.empty(0, dtype=np.int64)]
        self._lengths: list[NDArray[np.int64]] = [np.empty(0, dtype=np.int64)]
        self._items: list[NDArray[np.int32]] = [np.empty(0, dtype=np.int32)]

    def update(self, sentences: pa.Table) -> None:
        """Take in the sentences of a chunk.

        Parameters
        ----------
        sentences : pyarrow.Table
            With ``sentence_id``, ``text`` and the fields.
        """
        ids = sentences.column("sentence_id").to_numpy()
        rows = np.flatnonzero(hash_ids(ids, seed=self.seed) < self.below)
        chosen = sentences.take(pa.array(rows))
        columns = [chosen.column(field).to_pylist() for field in self.fields]
        lengths, items = [], []
        for row, text in enumerate(chosen.column("text").to_pylist()):
            names = {word.lower() for word in split_words(text)}
            for field, column in zip(self.fields, columns, strict=True):
                if column[row] is not None:
                    names.add(f"{field}{_SEPARATOR}{metadata_key(column[row])}")
            numbers = [self._number(name) for name in sorted(names)]
            lengths.append(len(numbers))
            items.extend(numbers)
        self.n_sampled += len(rows)
        self._ids.append(ids[rows])
        self._lengths.append(np.array(lengths, dtype=np.int64))
        self._items.append(np.array(items, dtype=np.int32))

    def _number(self, name: str) -> int:
        """Give an item's number and count it; -1 for new ones once there are too many."""
        number = self._numbers.get(name)
        if number is None:
            if len(self._numbers) >= _MAX_ITEMS:
                return -1
            number = self._numbers[name] = len(self._numbers)
            self._counts.append(0)
        self._counts[number] += 1
        return number

    @property
    def shares(self) -> NDArray[np.float64]:
        """Share of sentences that hold each item, float64, shape (n_items,)."""
        return np.array(self._counts, dtype=np.float64) / max(self.n_sampled, 1)

    def rows(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int32]]:
        """Give the sentences held.

        Returns
        -------
        ids : int64, shape (n_sentences,), ascending
        starts : int64, shape (n_sentences + 1,)
            Where each sentence's items begin.
        items : int32, shape (n_items,)
            -1 where an item has no number.
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

        Parameters
        ----------
        wanted : bool, shape (n_sentences,)
            In the order of :meth:`rows`.
        """
        ids, _, items = self.rows()
        lengths = self._lengths[0]
        self._items = [items[np.repeat(wanted, lengths)]]
        self._ids, self._lengths = [ids[wanted]], [lengths[wanted]]

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Give the state as arrays.

        Returns
        -------
        dict of str to ndarray
            For :meth:`load`.
        """
        ids, _, items = self.rows()
        return {
            "names": np.frombuffer(json.dumps(list(self._numbers)).encode(), dtype=np.uint8),
            "counts": np.array(self._counts, dtype=np.int64),
            "n_sampled": np.array(self.n_sampled),
            "ids": ids,
            "lengths": self._lengths[0],
            "items": items,
        }

    def load(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        """Take the place of the state that gave these arrays.

        Parameters
        ----------
        arrays : dict of str to ndarray
            From :meth:`to_arrays`.
        """
        self._counts = arrays["counts"].astype(np.int64).tolist()
        names = json.loads(arrays["names"].astype(np.uint8).tobytes())
        self._numbers = {name: number for number, name in enumerate(names)}
        self.n_sampled = int(arrays["n_sampled"].astype(np.int64))
        self._ids = [arrays["ids"].astype(np.int64)]
        self._lengths = [arrays["lengths"].astype(np.int64)]
        self._items = [arrays["items"].astype(np.int32)]
