"""Count words in little memory: those met lately in a dictionary, all others in an Arrow table.

A dictionary takes some 200 bytes a word, a table 20; a corpus brings new words as long as it lasts.
"""

from collections import Counter
from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["WordCounts"]

_LATELY = 32_768
_SCHEMA = pa.schema([("word", pa.large_string()), ("n_sentences", pa.int64())])


class WordCounts:
    """Streaming counts of words.

    Parameters
    ----------
    max_words : int
        Bound on the number of different words. When it is passed, the rarest are let go.

    Attributes
    ----------
    floor : int
        Words counted so often or more rarely may be missing; 0 while none was let go.
    """

    def __init__(self, max_words: int) -> None:
        self.max_words, self.floor = max_words, 0
        self._n_lately = min(_LATELY, max(1, max_words // 4))
        self._lately: Counter[str] = Counter()
        self._held = _SCHEMA.empty_table()

    def update(self, words: Iterable[str]) -> None:
        """Count some words once each.

        Parameters
        ----------
        words : iterable of str
            None twice.
        """
        self._lately.update(words)

    def settle(self) -> None:
        """Put lately met words away if there are many; to be called at moments that do not depend on stops."""
        if len(self._lately) >= self._n_lately:
            self._hold(_as_table(self._lately))
            self._lately = Counter()

    def merge(self, other: "WordCounts") -> None:
        """Take in counts of other sentences.

        Parameters
        ----------
        other : WordCounts
            Theirs.
        """
        self._lately.update(other._lately)
        self.floor += other.floor
        if other._held.num_rows:
            self._hold(other._held)
        self.settle()

    def _hold(self, table: pa.Table) -> None:
        """Add a table; let the rarest go until half the bound is free."""
        self._held = _added(self._held, table)
        if self._held.num_rows <= self.max_words - self._n_lately:
            return
        while self._held.num_rows > self.max_words // 2:
            self.floor += 1
            self._held = self._held.filter(pc.greater(self._held.column("n_sentences"), self.floor))

    def table(self) -> pa.Table:
        """Give all counts; nothing changes.

        Returns
        -------
        pyarrow.Table
            ``word``, ``n_sentences``; most frequent first, ties alphabetical.
        """
        whole = _added(self._held, _as_table(self._lately))
        whole = whole.sort_by([("n_sentences", "descending"), ("word", "ascending")])
        return whole.set_column(0, "word", whole.column("word").cast(pa.string()))

    def to_tables(self) -> tuple[pa.Table, pa.Table]:
        """Give the state: the words put away and those met lately, which stay apart.

        Returns
        -------
        tuple of pyarrow.Table
            For :meth:`from_tables`.
        """
        return self._held, _as_table(self._lately)

    @classmethod
    def from_tables(cls, held: pa.Table, lately: pa.Table, *, max_words: int, floor: int) -> "WordCounts":
        """Make a state from tables.

        Parameters
        ----------
        held, lately : pyarrow.Table
            From :meth:`to_tables`.
        max_words, floor : int
            As they were.

        Returns
        -------
        WordCounts
            Goes on exactly as the one it was taken from.
        """
        counts = cls(max_words)
        counts.floor, counts._held = floor, held.combine_chunks()
        counts._lately.update(dict(zip(*(column.to_pylist() for column in lately.columns), strict=True)))
        return counts


def _as_table(counts: Counter[str]) -> pa.Table:
    return pa.table([pa.array(counts.keys(), pa.large_string()), list(counts.values())], schema=_SCHEMA)


def _added(one: pa.Table, other: pa.Table) -> pa.Table:
    """Add up two tables, words in the order in which they first stand in them."""
    both = pa.concat_tables([one, other])
    # without threads the order of the groups is that of the rows
    summed = both.group_by("word", use_threads=False).aggregate([("n_sentences", "sum")])
    named = summed.select(["word", "n_sentences_sum"]).rename_columns(["word", "n_sentences"])
    return named.combine_chunks()
