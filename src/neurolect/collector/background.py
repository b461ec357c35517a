"""Exact counts over all sentences read: words, lengths, metadata."""

from collections import Counter
from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from neurolect.collector.word_counts import WordCounts
from neurolect.corpus.words import split_words

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
