"""What compiling and scoring read from a run folder, as arrays."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from neurolect.fidelity.options import FidelityOptions
from neurolect.signatures.annotation.coding import CodedSentences
from neurolect.signatures.evidence.collected import Annotated, kept_sentences
from neurolect.signatures.evidence.features import SentenceFeatures
from neurolect.signatures.evidence.registry import kind_names, kinds
from neurolect.signatures.inputs import Lists, interleave, list_rows
from neurolect.signatures.vectors.typical_sentences import unit_rows
from neurolect.signatures.vectors.word_vectors import sentence_vectors, vector_of_all
from neurolect.store import Run
from neurolect.store.sides import lists_of
from neurolect.store.tables import checked_neurons, rows_of_sentences


class Mining(NamedTuple):
    """The part of a run that weights are fitted on."""

    sentences: Annotated
    """The kept sentences."""
    lists: Lists
    """Of each list the sentences that are fitted on, as places among the kept ones."""
    background: NDArray[np.int32]
    """The uniform sample in its order, as places among the kept ones."""


def read_mining(run: Run, *, options: FidelityOptions) -> Mining:
    """Read lists, sample and annotated sentences."""
    sentences = kept_sentences(run)
    kept = sentences.table.column("sentence_id").to_numpy()
    sides = {side: _read_side(run, side, kept=kept, limit=options.fit_list) for side in run.sides}
    sample = run.table("sample/sentences").column("sentence_id").to_numpy()
    background = rows_of_sentences(run.files, "sample/sentences", sample, kept=kept).astype(np.int32)
    return Mining(sentences, interleave(sides), background)


def _read_side(run: Run, side: str, *, kept: NDArray[np.int64], limit: int) -> NDArray[np.int32]:
    """Read the chosen ranks of one side's lists, a row group at a time."""
    file = run.files.parquet(f"lists/{side}")
    size = int(run.manifest["options"]["collect"]["list_size"])
    wanted = np.zeros(size, dtype=np.bool_)
    wanted[spread_ranks(size, limit=limit)] = True
    neurons: list[NDArray[np.int32]] = []
    places: list[NDArray[np.int32]] = []
    for batch in file.iter_batches(columns=["neuron_id", "rank", "sentence_id"], batch_size=1 << 20):
        chosen = wanted[np.minimum(batch.column("rank").to_numpy(), size - 1)]
        numbers, ids = (batch.column(name).to_numpy()[chosen] for name in ("neuron_id", "sentence_id"))
        neurons.append(checked_neurons(run.files, f"lists/{side}", numbers, n_neurons=run.n_neurons))
        places.append(rows_of_sentences(run.files, f"lists/{side}", ids, kept=kept).astype(np.int32))
    if not neurons:
        return np.full((run.n_neurons, 0), -1, dtype=np.int32)
    return list_rows(np.concatenate(neurons), np.concatenate(places), n_neurons=run.n_neurons)


def top_share_of(run: Run, *, options: FidelityOptions, n_sentences: int) -> float:
    """Say which share of the held-out sentences counts as a neuron's.

    ``n_sentences``: So many are scored on.
    Returns: The share that the lists hold of the sentences read, or the option where that is more, or what gives as
        many positives as are asked for; at most a half.
    """
    n_read = max(1, int(run.manifest["stages"]["collect"]["n_sentences"]))
    listed = int(run.manifest["options"]["collect"]["list_size"]) / n_read
    return min(0.5, max(options.top_share, listed, options.min_positives / max(1, n_sentences)))


# Senses as evidence: how near a sentence's vector is to the middle of each sense of a list.
#
# Every sentence has some of every list's senses, so these features are not stored: they are products of the
# sentence's vector and the list's centroids, made where they are needed.
class SenseVectors(NamedTuple):
    """Vectors of sentences, and the senses they are compared with."""

    vectors: NDArray[np.float32]
    """Unit vector of each sentence, zeros for none, shape (n_sentences, D)."""
    centroids: NDArray[np.float32]
    """Unit vector of each sense of each list, by list and sense, shape (n_senses, D)."""
    starts: NDArray[np.int64]
    """Where each list's senses start, shape (n_lists + 1,)."""


def no_senses(n_sentences: int, *, n_lists: int) -> SenseVectors:
    """Give sentences and lists without any."""
    empty = np.empty((0, 0), np.float32)
    return SenseVectors(np.empty((n_sentences, 0), np.float32), empty, np.zeros(n_lists + 1, np.int64))


def senses_of_mining(
    run: Run, coded: CodedSentences, lists: Lists, *, options: FidelityOptions
) -> tuple[SenseVectors, NDArray[np.float32]]:
    """Place the senses of every list among the vectors of the mining part.

    Returns: senses: SenseVectors. Of the kept sentences; centroids are means of those of a sense's sentences that
        are fitted on.
    Returns: middle: float32, shape (D,). What all their vectors share, taken off each.
    """
    word_vectors: NDArray[np.float32] = run.array("signatures/word_vectors")
    middle = vector_of_all(coded, word_vectors)
    vectors = sentence_vectors(coded, word_vectors, middle=middle)
    labels, n_senses = _labels(run, lists, limit=options.fit_list)
    starts = np.concatenate([[0], np.cumsum(n_senses)]).astype(np.int64)
    centroids = np.zeros((int(starts[-1]), vectors.shape[1]), np.float32)
    for each in np.flatnonzero(n_senses).tolist():
        rows, own = lists.rows[each], labels[each]
        for place in range(int(n_senses[each])):
            members = rows[(rows >= 0) & (own == place)]
            if len(members):
                centroids[starts[each] + place] = vectors[members].mean(axis=0, dtype=np.float64)
    return SenseVectors(vectors, unit_rows(centroids), starts), middle


def vectors_for(run: Run, coded: CodedSentences, *, middle: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give sentences that the run has not kept their vectors.

    ``middle``: float32, shape (D,). Of the mining part: these sentences have no say in what is taken off.
    Returns: float32, shape (n_sentences, D). Unit vectors; a word that no kept sentence has counts as none.
    """
    word_vectors: NDArray[np.float32] = run.array("signatures/word_vectors")
    known = run.table("index/words", columns=["word"]).column("word")
    places = pc.index_in(pa.array(coded.vocabulary, pa.string()), value_set=known.combine_chunks())
    found = places.fill_null(-1).to_numpy(zero_copy_only=False)
    own = np.where((found >= 0)[:, None], word_vectors[found], np.float32(0.0))
    return sentence_vectors(coded, np.ascontiguousarray(own, dtype=np.float32), middle=middle)


def _labels(run: Run, lists: Lists, *, limit: int) -> tuple[NDArray[np.int8], NDArray[np.int64]]:
    """Give the sense of every fitted sentence of every list, from 0; and how many senses each list has."""
    table = run.table("signatures/senses", columns=["neuron_id", "side"])
    n_senses = np.bincount(lists_of(table, lists.sides), minlength=len(lists.rows)).astype(np.int64)
    labels = np.where((n_senses == 1)[:, None], 0, -1).astype(np.int8) * np.ones_like(lists.rows, dtype=np.int8)
    size = int(run.manifest["options"]["collect"]["list_size"])
    column = np.full(size, -1, np.int64)  # of each rank
    chosen = spread_ranks(size, limit=limit)
    column[chosen] = np.arange(len(chosen))
    file = run.files.parquet("signatures/sense_members")
    for batch in file.iter_batches(columns=["neuron_id", "side", "rank", "sense"], batch_size=1 << 20):
        part = pa.Table.from_batches([batch])
        places = column[part.column("rank").to_numpy()]
        keep = (places >= 0) & (places < lists.rows.shape[1])
        numbers = lists_of(part, lists.sides)
        labels[numbers[keep], places[keep]] = part.column("sense").to_numpy()[keep] - 1
    return labels, n_senses


# The features that signatures are compiled from: every piece of evidence of every list, numbered once.
#
# Universe: words, then word patterns, tags and the other kinds in their order. A list's features are its own
# evidence; what a sentence has of a sense differs from list to list (see ``sense_vectors.py``).
ALL = "all"
"""All kinds together."""


class Features(NamedTuple):
    """Features of the whole run, and which of them each list has."""

    labels: list[str]
    """What each feature is; a pattern's items are joined by a space, a field and its value by an equals sign."""
    kinds: NDArray[np.int8]
    """Place of its kind among all, ascending, shape (n_features,)."""
    codes: NDArray[np.int32]
    """Features of each list, ascending within it, shape (n_entries,)."""
    offsets: NDArray[np.int64]
    """Where each list's features start, shape (n_lists + 1,)."""

    @property
    def starts(self) -> NDArray[np.int64]:
        """First feature of each kind, and the end, shape (n_kinds + 1,)."""
        return np.asarray(np.searchsorted(self.kinds, np.arange(len(kinds()) + 1)), dtype=np.int64)

    def of_kind(self, name: str) -> list[str]:
        """Give the labels of one kind, in order."""
        first, last = self.starts[kind_names().index(name) :][:2]
        return self.labels[first:last]


def read_features(run: Run, *, sides: Sequence[str], n_evidence: int) -> Features:
    """Give the evidence of a described run numbers.

    ``n_evidence``: Rows of a kind taken of each list at most, strongest first; of tags all.
    """
    n_lists = run.n_neurons * len(sides)
    labels: list[str] = []
    of_kind, codes, lists = [], [], []
    for number, kind in enumerate(kinds()):
        rows = kind.strongest(run, sides, limit=n_evidence)
        encoded = rows.labels.dictionary_encode()
        names = encoded.dictionary.to_pylist()
        order = sorted(range(len(names)), key=names.__getitem__)
        place = np.empty(len(names), dtype=np.int64)
        place[order] = np.arange(len(names))
        codes.append(place[encoded.indices.to_numpy(zero_copy_only=False)] + len(labels))
        lists.append(rows.lists)
        labels += [names[each] for each in order]
        of_kind.append(np.full(len(names), number, dtype=np.int8))
    every_list, every_code = np.concatenate(lists), np.concatenate(codes)
    order_of_rows = np.lexsort((every_code, every_list))
    counts = np.bincount(every_list, minlength=n_lists)
    return Features(
        labels,
        np.concatenate(of_kind),
        every_code[order_of_rows].astype(np.int32),
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
    )


def sentence_features(features: Features, sentences: Annotated) -> SentenceFeatures:
    """Say which features sentences have, in their order.

    A sentence without tags has no tag features, one without trees no subtrees; senses are not among them.
    """
    parts = [kind.features(features.of_kind(kind.name), sentences) for kind in kinds()]
    return _joined(parts, features.starts)


def _joined(parts: Sequence[SentenceFeatures], starts: NDArray[np.int64]) -> SentenceFeatures:
    """Put the entries of all kinds into one row a sentence."""
    counts = np.stack([np.diff(part.offsets) for part in parts])
    offsets = np.concatenate([[0], np.cumsum(counts.sum(axis=0))]).astype(np.int64)
    before = np.cumsum(counts, axis=0) - counts
    codes = np.empty(int(offsets[-1]), dtype=np.int32)
    values = np.empty(int(offsets[-1]), dtype=np.float32)
    for number, part in enumerate(parts):
        shift = np.repeat(offsets[:-1] + before[number] - part.offsets[:-1], counts[number])
        places = np.arange(len(part.codes)) + shift
        codes[places] = part.codes + np.int32(starts[number])
        values[places] = part.values
    return SentenceFeatures(offsets, codes, values)


def spread_ranks(n: int, *, limit: int) -> NDArray[np.int64]:
    """Choose ranks of a list, from all of it alike.

    Returns: int64, shape (min(n, limit),), ascending. Ranks from 0.

    Examples
    --------
    >>> spread_ranks(10, limit=4).tolist()
    [0, 2, 5, 7]
    """
    return np.arange(min(n, limit), dtype=np.int64) * n // max(1, min(n, limit))
