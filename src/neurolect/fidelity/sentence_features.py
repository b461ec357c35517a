"""Which features each sentence has: words, patterns, tags, length from its annotation, metadata from its row."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from neurolect.fidelity.features import EQUALS, EVIDENCE, Features
from neurolect.fidelity.pattern_kernels import build_table, find_patterns
from neurolect.fidelity.subtree_features import subtrees_of_sentences
from neurolect.signatures.coding import CodedSentences
from neurolect.signatures.items import items_of_tokens
from neurolect.signatures.subtrees import LabelledForest

__all__ = ["Gaps", "SentenceFeatures", "SentencesOfFeatures", "sentence_features"]

_RANGE = re.compile(r"(-?[\d.]+(?:e[+-]?\d+)?)(?:(?: to |\u2013)(-?[\d.]+(?:e[+-]?\d+)?))?")


class Gaps(NamedTuple):
    """How far apart the items of a pattern may stand, as the patterns were mined; -1 for any distance."""

    word: int
    """Places skipped between two words."""
    tag: int
    """Places skipped between two tags."""


class SentenceFeatures(NamedTuple):
    """Features of every sentence, ascending."""

    offsets: NDArray[np.int64]
    """Where each sentence's features start, shape (n_sentences + 1,)."""
    codes: NDArray[np.int32]
    """Feature of each entry."""
    values: NDArray[np.float32]
    """1, a share of the tokens for tags, a logarithm for length."""

    def by_feature(self, n_features: int) -> "SentencesOfFeatures":
        """Turn it round.

        Parameters
        ----------
        n_features : int
            Features of the run.

        Returns
        -------
        SentencesOfFeatures
            Sentences ascending within a feature.
        """
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


def sentence_features(
    features: Features,
    *,
    coded: CodedSentences,
    sentences: pa.Table,
    gaps: Gaps,
    fields: Sequence[tuple[str, str]],
    trees: LabelledForest | None = None,
) -> SentenceFeatures:
    """Say which features sentences have.

    Parameters
    ----------
    features : Features
        Of the run.
    coded : CodedSentences
        Annotation of the sentences.
    sentences : pyarrow.Table
        Their rows, with ``n_words`` and metadata, in the same order.
    gaps : Gaps
        As patterns were mined.
    fields : sequence of (str, str)
        Name and kind of each metadata field.
    trees : LabelledForest, optional
        Of the sentences.

    Returns
    -------
    SentenceFeatures
        In the same order. A sentence without tags has no tag features, one without trees no subtrees; senses are
        not among them.
    """
    parts = [
        _items(features.of_kind("words"), coded.vocabulary, codes=coded.words, offsets=coded.offsets, shares=False),
        _patterns(
            features.of_kind("phrases"), coded.vocabulary, codes=coded.words, offsets=coded.offsets, gap=gaps.word
        ),
    ]
    tag_codes = coded.tags if coded.tag_names else np.empty(0, dtype=np.int32)
    offsets = coded.offsets if coded.tag_names else np.zeros_like(coded.offsets)
    parts.append(_items(features.of_kind("tags"), coded.tag_names, codes=tag_codes, offsets=offsets, shares=True))
    parts.append(
        _patterns(features.of_kind("tag_patterns"), coded.tag_names, codes=tag_codes, offsets=offsets, gap=gaps.tag)
    )
    parts.append(_lengths(sentences.column("n_words").to_numpy()))
    parts.append(_metadata(features.of_kind("metadata"), sentences, fields=fields))
    parts.append(_subtrees(features.of_kind("subtrees"), trees, n_sentences=coded.n_sentences))
    parts.append(_nothing(coded.n_sentences))
    return _joined(parts, features.starts)


def _joined(parts: Sequence[SentenceFeatures], starts: NDArray[np.int64]) -> SentenceFeatures:
    """Put the entries of all kinds into one row a sentence."""
    counts = np.stack([np.diff(part.offsets) for part in parts])
    offsets = np.concatenate([[0], np.cumsum(counts.sum(axis=0))]).astype(np.int64)
    before = np.cumsum(counts, axis=0) - counts
    codes = np.empty(int(offsets[-1]), dtype=np.int32)
    values = np.empty(int(offsets[-1]), dtype=np.float32)
    for number in range(len(EVIDENCE)):
        part = parts[number]
        shift = np.repeat(offsets[:-1] + before[number] - part.offsets[:-1], counts[number])
        places = np.arange(len(part.codes)) + shift
        codes[places] = part.codes + np.int32(starts[number])
        values[places] = part.values
    return SentenceFeatures(offsets, codes, values)


def _numbers(labels: Sequence[str], vocabulary: Sequence[str]) -> NDArray[np.int32]:
    """Give the place of each label in a vocabulary, or -1."""
    found = pc.index_in(pa.array(labels, pa.string()), value_set=pa.array(vocabulary, pa.string()))
    return np.asarray(found.fill_null(-1).to_numpy(zero_copy_only=False), dtype=np.int32)


def _items(
    labels: Sequence[str],
    vocabulary: Sequence[str],
    *,
    codes: NDArray[np.int32],
    offsets: NDArray[np.int64],
    shares: bool,
) -> SentenceFeatures:
    """Find single items, as present or as a share of the sentence's tokens."""
    to_feature = np.full(len(vocabulary) + 1, -1, dtype=np.int32)
    places = _numbers(labels, vocabulary)
    to_feature[places[places >= 0]] = np.flatnonzero(places >= 0)
    of_token = to_feature[codes]
    items = items_of_tokens(of_token, offsets, n_items=len(labels), keep=of_token >= 0, occurrences=shares)
    values = items.weights.astype(np.float32)
    if shares:
        values /= np.repeat(np.maximum(np.diff(offsets), 1), np.diff(items.offsets)).astype(np.float32)
    return SentenceFeatures(items.offsets, items.codes, values)


def _patterns(
    labels: Sequence[str],
    vocabulary: Sequence[str],
    *,
    codes: NDArray[np.int32],
    offsets: NDArray[np.int64],
    gap: int,
) -> SentenceFeatures:
    """Find patterns with the gaps they were mined with."""
    split = [label.split(" ") for label in labels]
    lengths = np.array([len(each) for each in split], dtype=np.int64)
    items = _numbers([item for each in split for item in each], vocabulary)
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    table = build_table(items, starts, n_items=max(len(vocabulary), 1))
    longest = int(lengths.max(initial=2))
    ends, found = find_patterns(codes, offsets, table, max_gap=gap, max_length=longest)
    return SentenceFeatures(ends, found, np.ones(len(found), dtype=np.float32))


def _lengths(n_words: NDArray[np.int32]) -> SentenceFeatures:
    """Give the logarithm of each length and its square: a neuron may like what is neither long nor short."""
    logs = np.log1p(n_words.astype(np.float64))
    values = np.stack([logs, logs**2], axis=1).astype(np.float32).ravel()
    codes = np.tile(np.array([0, 1], dtype=np.int32), len(n_words))
    return SentenceFeatures(np.arange(0, len(codes) + 1, 2, dtype=np.int64), codes, values)


def _metadata(labels: Sequence[str], sentences: pa.Table, *, fields: Sequence[tuple[str, str]]) -> SentenceFeatures:
    """Find the values of metadata fields; a field that these sentences do not have is missing in all."""
    by_field: dict[str, dict[str, int]] = {}
    names = sorted((name for name, _ in fields), key=len, reverse=True)
    for number, label in enumerate(labels):
        name = next((each for each in names if label.startswith(each + EQUALS)), None)
        if name is not None:
            by_field.setdefault(name, {})[label[len(name) + len(EQUALS) :]] = number
    columns: list[NDArray[np.int32]] = []
    for name, kind in fields:
        column = name if name in sentences.column_names else f"{name}_"
        if name in by_field and column in sentences.column_names:
            values = sentences.column(column)
            known = by_field[name]
            columns.append(_in_ranges(values, known) if kind == "number" else _equal(values, known))
    if not columns:
        return _nothing(len(sentences))
    table = np.sort(np.stack(columns, axis=1), axis=1)
    has = table >= 0
    offsets = np.concatenate([[0], np.cumsum(has.sum(axis=1))]).astype(np.int64)
    return SentenceFeatures(offsets, table[has].astype(np.int32), np.ones(int(offsets[-1]), dtype=np.float32))


def _subtrees(labels: Sequence[str], trees: LabelledForest | None, *, n_sentences: int) -> SentenceFeatures:
    """Find subtrees; none where nothing was parsed."""
    if trees is None or not labels:
        return _nothing(n_sentences)
    offsets, found = subtrees_of_sentences(labels, trees)
    return SentenceFeatures(offsets, found, np.ones(len(found), dtype=np.float32))


def _nothing(n_sentences: int) -> SentenceFeatures:
    return SentenceFeatures(np.zeros(n_sentences + 1, np.int64), np.empty(0, np.int32), np.empty(0, np.float32))


def _equal(values: pa.ChunkedArray, known: dict[str, int]) -> NDArray[np.int32]:
    found = pc.index_in(values.cast(pa.string()), value_set=pa.array(list(known), pa.string()))
    places = found.fill_null(-1).to_numpy().astype(np.int64)
    taken: NDArray[np.int32] = np.array([*known.values(), -1], dtype=np.int32)[places]
    return taken


def _in_ranges(values: pa.ChunkedArray, known: dict[str, int]) -> NDArray[np.int32]:
    """Find the range of each number; ranges do not overlap."""
    bounds = sorted((*_bounds(label), number) for label, number in known.items())
    low, high = (np.array([each[place] for each in bounds], dtype=np.float64) for place in (0, 1))
    numbers = np.array([each[2] for each in bounds], dtype=np.int32)
    column = pc.cast(values, pa.float64(), safe=False) if pa.types.is_floating(values.type) else _as_numbers(values)
    wanted = column.fill_null(float("nan")).to_numpy().astype(np.float64)
    place = np.maximum(np.searchsorted(low, wanted, side="right") - 1, 0)
    inside = (wanted >= low[place]) & (wanted <= high[place])
    return np.where(inside, numbers[place], -1).astype(np.int32)


def _as_numbers(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Read what another corpus keeps as text or whole numbers; what is no number is missing."""
    if not pa.types.is_string(values.type) and not pa.types.is_dictionary(values.type):
        return values.cast(pa.float64())
    texts = values.cast(pa.string())
    is_number = pc.match_substring_regex(texts, r"^-?\d+(\.\d+)?$")
    return pc.if_else(is_number, texts, None).cast(pa.float64())


def _bounds(label: str) -> tuple[float, float]:
    """Read the bounds of a range as signatures write it.

    Examples
    --------
    >>> _bounds("3"), _bounds("-2 to 1.5")
    ((3.0, 3.0), (-2.0, 1.5))
    """
    found = _RANGE.fullmatch(label)
    if found is None:
        return float("inf"), float("-inf")
    return float(found[1]), float(found[2] or found[1])
