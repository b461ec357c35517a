"""Senses as evidence: how near a sentence's vector is to the middle of each sense of a list.

Every sentence has some of every list's senses, so these features are not stored: they are products of the
sentence's vector and the list's centroids, made where they are needed.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from neurolect.fidelity.fit import spread_ranks
from neurolect.fidelity.options import FidelityOptions
from neurolect.signatures.coding import CodedSentences
from neurolect.signatures.lists import Lists
from neurolect.signatures.vectors import sentence_vectors, unit_rows, vector_of_all
from neurolect.store import Run
from neurolect.store.sides import lists_of
from neurolect.store.tables import table_path


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
    file = pq.ParquetFile(table_path(run.folder, "signatures/sense_members"), memory_map=True)
    for batch in file.iter_batches(columns=["neuron_id", "side", "rank", "sense"], batch_size=1 << 20):
        part = pa.Table.from_batches([batch])
        places = column[part.column("rank").to_numpy()]
        keep = (places >= 0) & (places < lists.rows.shape[1])
        numbers = lists_of(part, lists.sides)
        labels[numbers[keep], places[keep]] = part.column("sense").to_numpy()[keep] - 1
    return labels, n_senses
