"""Which sentences have which labels: sparse rows, one a sentence, values of one kind or of all kinds."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from neurolect.store import Neuron, Run


class SentenceFeatures(NamedTuple):
    """Features of every sentence, ascending."""

    offsets: NDArray[np.int64]
    """Where each sentence's features start, shape (n_sentences + 1,)."""
    codes: NDArray[np.int32]
    """Feature of each entry."""
    values: NDArray[np.float32]
    """1, a share of the tokens for tags, a logarithm for length."""

    def by_feature(self, n_features: int) -> "SentencesOfFeatures":
        """Turn it round: sentences ascending within a feature."""
        order = np.argsort(self.codes, kind="stable")
        rows = np.repeat(np.arange(len(self.offsets) - 1, dtype=np.int32), np.diff(self.offsets))
        counts = np.bincount(self.codes, minlength=n_features)
        starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        return SentencesOfFeatures(starts, rows[order], self.values[order])


class SentencesOfFeatures(NamedTuple):
    """Sentences of every feature."""

    starts: NDArray[np.int64]
    """Where each feature's sentences start, shape (n_features + 1,)."""
    rows: NDArray[np.int32]
    """Sentence of each entry."""
    values: NDArray[np.float32]
    """What the sentence has of the feature."""


def present(offsets: NDArray[np.int64], codes: NDArray[np.int32]) -> SentenceFeatures:
    """Give every entry the value 1."""
    return SentenceFeatures(offsets, codes, np.ones(len(codes), dtype=np.float32))


def nothing(n_sentences: int) -> SentenceFeatures:
    """Give sentences that have none of the labels."""
    return present(np.zeros(n_sentences + 1, np.int64), np.empty(0, np.int32))


def numbers_of(labels: Sequence[str], vocabulary: Sequence[str]) -> NDArray[np.int32]:
    """Give the place of each label in a vocabulary, or -1."""
    found = pc.index_in(pa.array(labels, pa.string()), value_set=pa.array(vocabulary, pa.string()))
    return np.asarray(found.fill_null(-1).to_numpy(zero_copy_only=False), dtype=np.int32)


def of_tokens(
    labels: Sequence[str],
    vocabulary: Sequence[str],
    *,
    codes: NDArray[np.int32],
    offsets: NDArray[np.int64],
    shares: bool,
) -> SentenceFeatures:
    """Find labels among the tokens of sentences, as present or as a share of the sentence's tokens."""
    from neurolect.signatures.counting.items import items_of_tokens

    to_feature = np.full(len(vocabulary) + 1, -1, dtype=np.int32)
    places = numbers_of(labels, vocabulary)
    to_feature[places[places >= 0]] = np.flatnonzero(places >= 0)
    of_token = to_feature[codes]
    items = items_of_tokens(of_token, offsets, n_items=len(labels), keep=of_token >= 0, occurrences=shares)
    values = items.weights.astype(np.float32)
    if shares:
        values /= np.repeat(np.maximum(np.diff(offsets), 1), np.diff(items.offsets)).astype(np.float32)
    return SentenceFeatures(items.offsets, items.codes, values)


# The rows of a signature table that are of one kind, and the lists they are evidence of.
EQUALS = "="
"""Between a metadata field and its value, where both are one label."""


class Labelled(NamedTuple):
    """The list and the label of each row; strongest first within a list where the order matters."""

    lists: NDArray[np.int64]
    labels: pa.Array


class Rows(NamedTuple):
    """Where the rows of a kind are."""

    table: str
    """Its file in ``signatures/``, without ending."""
    labels: tuple[str, ...]
    """Columns that say what a row is evidence of."""
    only: tuple[str, str] | None = None
    """A column, and the value that only rows of this kind have there."""

    @property
    def name(self) -> str:
        """The table's name in the run folder."""
        return f"signatures/{self.table}"

    def exist(self, run: Run) -> bool:
        """Tell whether the run has the table."""
        return run.has(f"signatures/{self.table}")

    def read(self, run: Run, *columns: str) -> pa.Table:
        """Read list and labels of the rows, and further columns."""
        return self.of(run.table(self.name, columns=self._columns(*columns)))

    def parts(self, run: Run, *columns: str) -> Iterator[pa.Table]:
        """Read the same a part at a time."""
        yield from map(self.of, run.parts(self.name, columns=self._columns(*columns)))

    def _columns(self, *columns: str) -> list[str]:
        return ["neuron_id", "side", *self.labels, *columns, *([self.only[0]] if self.only else [])]

    def read_of(self, neuron: Neuron, side: str) -> pa.Table:
        """Read the rows of one list, with all columns."""
        return self.of(neuron.rows(self.name, side=side))

    def of(self, table: pa.Table) -> pa.Table:
        """Take the rows of this kind."""
        return table.filter(pc.equal(table.column(self.only[0]), self.only[1])) if self.only else table

    def labels_of(self, table: pa.Table) -> pa.Array:
        """Give the label of each row as one string."""
        columns = [_whole(table.column(name)) for name in self.labels]
        return columns[0] if len(columns) == 1 else pc.binary_join_element_wise(*columns, EQUALS)


def leading(lists: NDArray[np.int64], ranks: NDArray[np.generic], *, limit: int) -> NDArray[np.int64]:
    """Choose the rows of the lowest ranks of every list, by list, then rank; of equal ones the earlier row.

    Examples
    --------
    >>> leading(np.array([0, 0, 0, 1]), np.array([2, 1, 3, 1]), limit=2).tolist()
    [1, 0, 3]
    """
    order = np.lexsort((ranks, lists))
    ordered = lists[order]
    place = np.arange(len(order), dtype=np.int64) - np.searchsorted(ordered, ordered)
    kept: NDArray[np.int64] = np.compress(place < limit, order).astype(np.int64)
    return kept


def _whole(column: pa.ChunkedArray) -> pa.Array:
    joined = column.combine_chunks()
    if isinstance(joined, pa.ChunkedArray):
        return joined.chunk(0) if joined.num_chunks else pa.array([], joined.type)
    return joined
