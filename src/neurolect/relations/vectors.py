"""The step that makes neuron vectors."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurolect.folders.atomic import write_npy
from neurolect.relations.inputs import RelateInputs
from neurolect.results.list_entries import ListEntries


# The loop behind neuron vectors.
@njit(cache=True, nogil=True)
def sum_lists(
    vectors: NDArray[np.float32],
    has_vector: NDArray[np.bool_],
    starts: NDArray[np.int64],
    positions: NDArray[np.int32],
    means: NDArray[np.float32],
    low: int,
    high: int,
) -> None:
    """Average the vectors of the lists from ``low`` to before ``high`` into ``means``.

    ``vectors``: float32, shape (S, D). Sentence vectors.
    ``has_vector``: bool, shape (S,). Which sentences have one.
    ``starts, positions``: int64, shape (n + 1,); int32, shape (n_entries,). The lists.
    ``means``: float32, shape (n, D). Written to; NaN for a list without any vector.
    """
    n_dimensions = vectors.shape[1]
    # sums of a few hundred in float32, the sum of those in float64: as exact as float64, and twice as fast
    part = np.empty(n_dimensions, np.float32)
    total = np.empty(n_dimensions, np.float64)
    for neuron in range(low, high):
        total[:] = 0.0
        part[:] = 0.0
        n_vectors = 0
        for entry in range(starts[neuron], starts[neuron + 1]):
            row = np.uint64(positions[entry])
            if not has_vector[row]:
                continue
            n_vectors += 1
            for d in range(n_dimensions):
                part[d] += vectors[row, d]
            if n_vectors & 255 == 0:
                for d in range(n_dimensions):
                    total[d] += part[d]
                    part[d] = np.float32(0.0)
        for d in range(n_dimensions):
            total[d] += part[d]
            means[neuron, d] = total[d] / n_vectors if n_vectors else np.nan


# A neuron's vector: the mean of its list's sentence vectors.
#
# Dims: S kept sentences, D dimensions, n neurons. The vectors of all entries of all lists (92 million for 9,216
# lists of 10,000) are never held: each list adds up rows of the S sentence vectors.
def neuron_vectors(
    sentence_vectors_SD: NDArray[np.float32], entries: ListEntries, *, workers: int = 1
) -> NDArray[np.float32]:
    """Average the sentence vectors of every list.

    ``sentence_vectors_SD``: float32, shape (S, D). Vector of each kept sentence; zeros for a sentence without one.
    ``workers``: Threads; the result is the same for any number.
    Returns: float32, shape (n, D). Mean over the list's sentences that have a vector; NaN where none has.
    """
    has_vector = np.ascontiguousarray(sentence_vectors_SD.any(axis=1))
    n = len(entries.starts) - 1
    means = np.empty((n, sentence_vectors_SD.shape[1]), dtype=np.float32)
    bounds = np.linspace(0, n, num=max(1, workers) * 4 + 1).astype(np.int64)
    vectors = np.ascontiguousarray(sentence_vectors_SD)
    with ThreadPoolExecutor(max(1, workers)) as pool:
        parts = [
            pool.submit(sum_lists, vectors, has_vector, entries.starts, entries.positions, means, low, high)
            for low, high in pairwise(bounds.tolist())
        ]
        for part in parts:
            part.result()
    return means


def make_vectors(inputs: RelateInputs) -> dict[str, Any]:
    """Write the vector of every neuron and side, one file a side and kind of sentence vector."""
    n_without = 0
    for kind in inputs.vector_kinds:
        vectors = inputs.vectors_of(kind)
        for side in inputs.sides:
            made = neuron_vectors(vectors, inputs.entries(side), workers=inputs.workers)
            n_without += int(np.isnan(made[:, 0]).sum())
            write_npy(inputs.run.folder / f"relations/vectors/{kind}_{side}.npy", made)
    if n_without:
        inputs.progress.message(f"{n_without:,} lists have no vector: none of their sentences has a known word.")
    return {"n_lists_without_vector": n_without}


def file_digest(given: str) -> str:
    """Name a file of vectors by its content."""
    if given == "none" or not Path(given).is_file():
        return given
    with Path(given).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
