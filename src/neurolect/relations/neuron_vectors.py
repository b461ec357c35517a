"""A neuron's vector: the mean of its list's sentence vectors.

Dims: S kept sentences, D dimensions, n neurons. The vectors of all entries of all lists (92 million for 9,216 lists
of 10,000) are never held: each list adds up rows of the S sentence vectors.
"""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from neurolect.relations.sum_kernels import sum_lists
from neurolect.results.list_entries import ListEntries


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
