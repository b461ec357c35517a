"""Count words in little memory: those met lately in a dictionary, all others in segments of a column each.

A dictionary takes some 200 bytes a word, a column 24; a corpus brings new words as long as it lasts. Lately met
words are looked up in one segment after the other, so that nothing of the size of the whole vocabulary is made to
add some to it.
"""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

_LATELY = 32_768
_SEGMENT = 65_536
_SCHEMA = pa.schema([("word", pa.large_string()), ("n_sentences", pa.int64())])


class _Segment(NamedTuple):
    """Some words and how often they were counted, which is added to in place."""

    words: pa.LargeStringArray
    counts: NDArray[np.int64]


class WordCounts:
    """Streaming counts of words.

    ``max_words``: Bound on the number of different words. When it is passed, the rarest are let go.
    ``floor``: Words counted so often or more rarely may be missing; 0 while none was let go.
    """

    def __init__(self, max_words: int) -> None:
        self.max_words, self.floor = max_words, 0
        self._n_lately = min(_LATELY, max(1, max_words // 4))
        self._lately: Counter[str] = Counter()
        self._segments: list[_Segment] = []

    def update(self, words: Iterable[str]) -> None:
        """Count some words once each."""
        self._lately.update(words)

    def settle(self) -> None:
        """Put lately met words away if there are many; to be called at moments that do not depend on stops."""
        if len(self._lately) >= self._n_lately:
            words, counts = _as_columns(self._lately)
            self._lately = Counter()
            self._hold(words, counts)
            self._let_go()

    def merge(self, other: "WordCounts") -> None:
        """Take in counts of other sentences."""
        self._lately.update(other._lately)
        self.floor += other.floor
        # of two large ones, neither is looked up in the other piece by piece
        if other.n_held > _SEGMENT and self.n_held > _SEGMENT:
            self._segments = _segments_of(_summed(pa.concat_tables([self._held(), other._held()])))
        else:
            for words, counts in other._segments:
                self._hold(words, counts.copy())
        self._let_go()
        self.settle()

    @property
    def n_held(self) -> int:
        """Words put away."""
        return sum(len(each.counts) for each in self._segments)

    def _hold(self, words: pa.LargeStringArray, counts: NDArray[np.int64]) -> None:
        """Add different words, new ones behind all others in their order."""
        for segment in self._segments:
            places = pc.index_in(words, value_set=segment.words)
            known = places.is_valid()
            here = known.to_numpy(zero_copy_only=False)
            segment.counts[places.drop_null().to_numpy()] += counts[here]
            words, counts = words.filter(pc.invert(known)), counts[~here]
        last = self._segments[-1] if self._segments else None
        if last is not None and len(last.counts) + len(counts) <= _SEGMENT:
            self._segments.pop()
            words, counts = pa.concat_arrays([last.words, words]), np.concatenate([last.counts, counts])
        if len(counts):
            self._segments.append(_Segment(words, counts))

    def _let_go(self) -> None:
        """Where there are too many words, let the rarest go until half the bound is free."""
        if self.n_held <= self.max_words - self._n_lately:
            return
        while self.n_held > self.max_words // 2:
            self.floor += 1
            for at, (words, counts) in enumerate(self._segments):
                left = counts > self.floor
                self._segments[at] = _Segment(words.filter(pa.array(left)), counts[left])
        self._segments = _segments_of(self._held())

    def _held(self) -> pa.Table:
        """Give the words put away, without copying any."""
        columns: list[list[pa.Array]] = [[each.words for each in self._segments]]
        columns.append([pa.array(each.counts) for each in self._segments])
        chunked = [pa.chunked_array(own, type=of.type) for own, of in zip(columns, _SCHEMA, strict=True)]
        return pa.table(chunked, schema=_SCHEMA)

    def table(self) -> pa.Table:
        """Give all counts; nothing changes.

        Returns: ``word``, ``n_sentences``; most frequent first, ties alphabetical.
        """
        whole = _summed(pa.concat_tables([self._held(), _as_table(self._lately)]))
        whole = whole.sort_by([("n_sentences", "descending"), ("word", "ascending")])
        return whole.set_column(0, "word", whole.column("word").cast(pa.string()))

    def to_tables(self) -> tuple[pa.Table, pa.Table]:
        """Give the state: the words put away and those met lately, which stay apart.

        Returns: For :meth:`from_tables`; to be used before anything else is counted.
        """
        return self._held(), _as_table(self._lately)

    @classmethod
    def from_tables(cls, held: pa.Table, lately: pa.Table, *, max_words: int, floor: int) -> "WordCounts":
        """Make a state from tables."""
        counts = cls(max_words)
        counts.floor, counts._segments = floor, _segments_of(held)
        counts._lately.update(dict(zip(*(column.to_pylist() for column in lately.columns), strict=True)))
        return counts


def _as_columns(counts: Counter[str]) -> tuple[pa.LargeStringArray, NDArray[np.int64]]:
    return pa.array(counts.keys(), pa.large_string()), np.fromiter(counts.values(), np.int64, count=len(counts))


def _as_table(counts: Counter[str]) -> pa.Table:
    return pa.table(_as_columns(counts), schema=_SCHEMA)


def _segments_of(table: pa.Table) -> list[_Segment]:
    """Cut a table into segments, each in memory of its own."""
    parts = (table.slice(start, _SEGMENT) for start in range(0, table.num_rows, _SEGMENT))
    return [_Segment(pa.concat_arrays(part.column(0).chunks), part.column(1).to_numpy().copy()) for part in parts]


def _summed(table: pa.Table) -> pa.Table:
    """Add up the counts of each word, words in the order in which they first stand."""
    # without threads the order of the groups is that of the rows
    summed = table.group_by("word", use_threads=False).aggregate([("n_sentences", "sum")])
    return summed.select(["word", "n_sentences_sum"]).rename_columns(["word", "n_sentences"])
