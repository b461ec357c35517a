"""Exact counts over all sentences read: words, lengths, metadata."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from neurolect.corpus.sentences.words import split_words

# Count words in little memory: those met lately in a dictionary, all others in segments of a column each.
#
# A dictionary takes some 200 bytes a word, a column 24; a corpus brings new words as long as it lasts. Lately met
# words are looked up in one segment after the other, so that nothing of the size of the whole vocabulary is made to
# add some to it.
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
    """Add up the counts of each word, words in the order in which they first occur."""
    # without threads the order of the groups is that of the rows
    summed = table.group_by("word", use_threads=False).aggregate([("n_sentences", "sum")])
    return summed.select(["word", "n_sentences_sum"]).rename_columns(["word", "n_sentences"])


_MAX_WORDS = 2_000_000


class Background:
    """Streaming counts of sentences by word, by length and by metadata value.

    ``max_words``: Bound on the number of different words held. When it is passed, the rarest are let go, and
        ``word_floor`` says below which count a word may be missing.
    """

    def __init__(self, fields: Iterable[str], *, max_words: int = _MAX_WORDS) -> None:
        self.fields = tuple(fields)
        self._words = WordCounts(max_words)
        self._lengths: Counter[int] = Counter()
        self._metadata: Counter[tuple[str, str | None]] = Counter()

    def update(self, sentences: pa.Table, *, words: Counter[str] | None = None) -> None:
        """Take in sentences.

        ``words``: Sentences that hold each lower-case word, where they are counted already.
        """
        if words is None:
            for text in sentences.column("text").to_pylist():
                self._words.update({word.lower() for word in split_words(text)})
        else:
            self._words.update(words)
        self._lengths.update(sentences.column("n_words").to_pylist())
        for field in self.fields:
            for entry in pc.value_counts(sentences.column(field)).to_pylist():
                value = entry["values"]
                self._metadata[field, None if value is None else metadata_key(value)] += entry["counts"]
        self._words.settle()

    @property
    def max_words(self) -> int:
        """Bound on the number of different words held."""
        return self._words.max_words

    @property
    def word_floor(self) -> int:
        """Words in so many sentences or fewer may be missing; 0 while none was let go."""
        return self._words.floor

    def merge(self, other: "Background") -> None:
        """Take in counts of other sentences."""
        self._words.merge(other._words)
        self._lengths.update(other._lengths)
        self._metadata.update(other._metadata)

    def words_table(self) -> pa.Table:
        """Finish the words.

        Returns: ``word``, ``n_sentences``; most frequent first, ties alphabetical.
        """
        return self._words.table()

    def lengths_table(self) -> pa.Table:
        """Finish the lengths."""
        entries = sorted(self._lengths.items())
        return pa.table(
            {
                "n_words": pa.array([length for length, _ in entries], pa.int32()),
                "n_sentences": pa.array([n for _, n in entries], pa.int64()),
            }
        )

    def metadata_table(self) -> pa.Table:
        """Finish the metadata.

        Returns: ``field``, ``value`` (null: the field was empty), ``n_sentences``; by field, most frequent first.
        """
        order = {field: number for number, field in enumerate(self.fields)}
        entries = sorted(
            self._metadata.items(), key=lambda e: (order[e[0][0]], -e[1], e[0][1] is None, e[0][1] or "")
        )
        return pa.table(
            {
                "field": pa.array([field for (field, _), _ in entries], pa.string()),
                "value": pa.array([value for (_, value), _ in entries], pa.string()),
                "n_sentences": pa.array([n for _, n in entries], pa.int64()),
            }
        )

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Give the state as arrays.

        Returns: For :meth:`from_arrays`. The tables as Arrow streams in uint8 arrays.
        """
        held, lately = self._words.to_tables()
        tables = {
            "words": held,
            "lately": lately,
            "lengths": self.lengths_table(),
            "metadata": self.metadata_table(),
        }
        arrays: dict[str, NDArray[np.generic]] = {name: _to_bytes(table) for name, table in tables.items()}
        arrays["word_floor"] = np.array([self.word_floor, self.max_words])
        return arrays

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[np.generic]], *, fields: Iterable[str]) -> "Background":
        """Make a state from arrays."""
        floor, max_words = (int(each) for each in arrays["word_floor"].astype(np.int64))
        background = cls(fields, max_words=max_words)
        held, lately = _from_bytes(arrays["words"]), _from_bytes(arrays["lately"])
        background._words = WordCounts.from_tables(held, lately, max_words=max_words, floor=floor)
        lengths = _from_bytes(arrays["lengths"])
        background._lengths.update(dict(zip(*(column.to_pylist() for column in lengths.columns), strict=True)))
        for row in _from_bytes(arrays["metadata"]).to_pylist():
            background._metadata[row["field"], row["value"]] = row["n_sentences"]
        return background


def metadata_key(value: object) -> str:
    """Write a metadata value as text; whole numbers without a decimal point.

    Examples
    --------
    >>> metadata_key(1851.0), metadata_key(0.5), metadata_key("Jane Austen")
    ('1851', '0.5', 'Jane Austen')
    """
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _to_bytes(table: pa.Table) -> NDArray[np.uint8]:
    """Write a table as an Arrow stream into an array."""
    measured = pa.MockOutputStream()  # a stream that grows would take up to twice as much
    _write(table, measured)
    made = np.empty(measured.size(), dtype=np.uint8)
    _write(table, pa.FixedSizeBufferWriter(pa.py_buffer(made)))
    return made


def _write(table: pa.Table, sink: pa.NativeFile) -> None:
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)


def _from_bytes(array: NDArray[np.generic]) -> pa.Table:
    """Read a table from an Arrow stream in an array."""
    return pa.ipc.open_stream(pa.py_buffer(array.tobytes())).read_all()
