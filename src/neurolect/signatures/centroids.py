"""Sums of vectors over the words of sentences, and the distance of sentences to the middle of a list.

Dims: D dimensions, N sentences of a list. Sums are exact to float64, whatever the order and number of vectors.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray


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
