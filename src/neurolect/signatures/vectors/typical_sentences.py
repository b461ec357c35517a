"""The sentences of a list that are nearest to its middle."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from neurolect.signatures.inputs import Lists


# Sums of vectors over the words of sentences, and the distance of sentences to the middle of a list.
#
# Dims: D dimensions, N sentences of a list. Sums are exact to float64, whatever the order and number of vectors.
def sums_of_rows(
    vectors: NDArray[np.float32], codes: NDArray[np.int32], offsets: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Add up the vectors of every sentence's words.

    ``vectors``: float32, shape (n_words, D). Vector of each code.
    ``codes``: int32, shape (n_tokens,). Code of each token.
    ``offsets``: int64, shape (n_sentences + 1,). Where each sentence's tokens start.
    Returns: float32, shape (n_sentences, D). Zeros for a sentence without tokens.
    """
    sums = np.empty((len(offsets) - 1, vectors.shape[1]), np.float32)
    _sum_sentences(vectors, codes, offsets, sums)
    return sums


def unit_rows(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bring every row to unit length.

    ``vectors``: float32, shape (n, dimensions). Any vectors.
    Returns: float32, shape (n, dimensions). Zeros where the row is (nearly) zero.
    """
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: NDArray[np.float32] = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 1e-6)
    return unit


def cosines_to_centroid(vectors: NDArray[np.float32], rows: NDArray[np.int32]) -> NDArray[np.float64]:
    """Compare the sentences of a list with their mean.

    ``vectors``: float32, shape (n_sentences, D). Unit vectors; zeros for a sentence without one.
    ``rows``: int32, shape (N,). The list.
    Returns: float64, shape (N,). Cosines of each sentence and the mean of all; empty where the mean is (nearly)
        zero.
    """
    centroid = np.zeros(vectors.shape[1])
    cosines = np.empty(len(rows))
    is_far = _compare(vectors, rows, centroid, cosines)
    return cosines if is_far else np.empty(0)


@njit(cache=True, nogil=True)
def _sum_sentences(
    vectors: NDArray[np.float32], codes: NDArray[np.int32], offsets: NDArray[np.int64], sums: NDArray[np.float32]
) -> None:
    total = np.zeros(vectors.shape[1])
    for row in range(len(offsets) - 1):
        total[:] = 0.0
        for j in range(offsets[row], offsets[row + 1]):
            for d in range(len(total)):
                total[d] += vectors[codes[j], d]
        for d in range(len(total)):
            sums[row, d] = total[d]


@njit(cache=True, nogil=True, fastmath={"reassoc"})
def _compare(
    vectors: NDArray[np.float32],
    rows: NDArray[np.int32],
    centroid: NDArray[np.float64],
    cosines: NDArray[np.float64],
) -> bool:
    for row in rows:
        for d in range(len(centroid)):
            centroid[d] += vectors[row, d]
    length = np.sqrt((centroid * centroid).sum())
    if length < 1e-6 * len(rows) or len(rows) == 0:
        return False
    for k in range(len(rows)):
        product = 0.0
        for d in range(len(centroid)):
            product += vectors[rows[k], d] * centroid[d]
        cosines[k] = product / length
    return True


def distances_to_centroid(
    vectors: NDArray[np.float32], rows: NDArray[np.int32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Measure how far the sentences of a list are from their mean ([E] table 2).

    ``vectors``: float32, shape (n_sentences, D). Of any length; zeros for a sentence without one.
    ``rows``: int32, shape (N,). The list, of sentences that have one.
    Returns: distances, cosines: float64, shape (N,). Euclidean distance from the mean of all, and cosine with it.
    """
    own = vectors[rows].astype(np.float64)
    centroid = own.mean(axis=0)
    lengths = np.linalg.norm(own, axis=1) * np.linalg.norm(centroid)
    return np.linalg.norm(own - centroid, axis=1), np.einsum("nd,d->n", own, centroid) / np.maximum(lengths, 1e-12)


SAME_SENTENCE = 0.98
"""Sentences whose vectors are nearer than this, or whose texts start alike, are near-duplicates."""
SAME_START = 40
CANDIDATES = 50
"""Only the nearest so many are looked through for different ones."""


class TypicalSentences(NamedTuple):
    """Typical sentences of all lists, as parallel columns sorted by list, then rank."""

    lists: NDArray[np.int32]
    ranks: NDArray[np.int32]
    """From 0."""
    rows: NDArray[np.int64]
    """Position among the kept sentences."""
    cosines: NDArray[np.float64]
    """To the list's centroid."""


def find_typical(
    vectors: NDArray[np.float32],
    lists: Lists,
    *,
    texts: Sequence[str],
    n_typical: int,
    euclidean: bool = False,
    workers: int = 1,
) -> TypicalSentences:
    """Find the sentences nearest to the centroid of their list, by cosine or by Euclidean distance.

    ``vectors``: float32, shape (n_sentences, dimensions). Unit vectors, of any length if ``euclidean``; zeros for a
        sentence without one.
    ``texts``: The sentences: near-duplicates of one already chosen are passed over.
    Returns: Up to `n_typical` for each list; none for a list without vectors.
    """
    has_vector = np.asarray(vectors.any(axis=1))

    def typical(rows: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        rows = rows[rows >= 0]
        if euclidean:
            rows = rows[has_vector[rows]]
            distances, cosines = distances_to_centroid(vectors, rows) if len(rows) else (np.empty(0), np.empty(0))
            nearness = -distances
        else:
            nearness = cosines = cosines_to_centroid(vectors, rows)
        if not len(cosines):
            return np.empty(0, np.int64), np.empty(0)
        first = _first(np.round(nearness, 5), n=CANDIDATES)
        held = rows[first]
        chosen = first[
            _distinct(
                unit_rows(vectors[held]) if euclidean else vectors[held],
                texts=[texts[row] for row in held.tolist()],
                n=n_typical,
            )
        ]
        return rows[chosen].astype(np.int64), cosines[chosen]

    with ThreadPoolExecutor(max(1, workers)) as pool:
        found = list(pool.map(typical, lists.rows))
    sizes = [len(rows) for rows, _ in found]
    return TypicalSentences(
        lists=np.repeat(np.arange(len(found), dtype=np.int32), sizes),
        ranks=np.concatenate([np.arange(size, dtype=np.int32) for size in sizes] or [np.empty(0, np.int32)]),
        rows=np.concatenate([rows for rows, _ in found] or [np.empty(0, np.int64)]),
        cosines=np.concatenate([cosines for _, cosines in found] or [np.empty(0)]),
    )


def _first(scores: NDArray[np.float64], *, n: int) -> NDArray[np.intp]:
    """Give the places of the `n` highest; equal ones in the order given.

    Scores are rounded, so that the order of equally near sentences does not depend on the machine.
    """
    places = np.arange(len(scores))
    if n < len(scores):
        places = np.flatnonzero(scores >= -np.partition(-scores, n - 1)[n - 1])
    return places[np.argsort(-scores[places], kind="stable")][:n]


def _distinct(vectors: NDArray[np.float32], *, texts: Sequence[str], n: int) -> NDArray[np.intp]:
    """Take the first `n` that are not near-duplicates of one taken before."""
    chosen: list[int] = []
    starts: set[str] = set()
    for place, text in enumerate(texts):
        start = text.casefold()[:SAME_START]
        if start in starts or any(float(vectors[place] @ vectors[other]) > SAME_SENTENCE for other in chosen):
            continue
        chosen.append(place)
        starts.add(start)
        if len(chosen) == n:
            break
    return np.array(chosen, dtype=np.intp)


def typical_sentences_table(
    typical: TypicalSentences, *, sentence_ids: NDArray[np.int64], lists: Lists
) -> pa.Table:
    """Write typical sentences as a table.

    ``sentence_ids``: int64, shape (n_sentences,). Ids of the kept sentences.
    Returns: ``signatures/typical_sentences`` of ``docs/run_folder.md``.
    """
    columns = {
        "rank": pa.array(typical.ranks.astype(np.int16)),
        "sentence_id": pa.array(sentence_ids[typical.rows].astype(np.int64)),
        "cosine": pa.array(typical.cosines.astype(np.float32)),
    }
    return pa.table(lists.identify(typical.lists) | columns)
