"""Which sentences have which labels: sparse rows, one a sentence, values of one kind or of all kinds."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray


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
    from neurolect.signatures.items import items_of_tokens

    to_feature = np.full(len(vocabulary) + 1, -1, dtype=np.int32)
    places = numbers_of(labels, vocabulary)
    to_feature[places[places >= 0]] = np.flatnonzero(places >= 0)
    of_token = to_feature[codes]
    items = items_of_tokens(of_token, offsets, n_items=len(labels), keep=of_token >= 0, occurrences=shares)
    values = items.weights.astype(np.float32)
    if shares:
        values /= np.repeat(np.maximum(np.diff(offsets), 1), np.diff(items.offsets)).astype(np.float32)
    return SentenceFeatures(items.offsets, items.codes, values)
