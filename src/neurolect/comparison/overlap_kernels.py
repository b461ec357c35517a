"""The loop that finds the list of another model with most sentences in common."""

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True)
def most_shared(
    starts: NDArray[np.int64],
    sentences: NDArray[np.int64],
    sizes: NDArray[np.int64],
    holder_starts: NDArray[np.int64],
    holders: NDArray[np.int64],
    other_sizes: NDArray[np.int64],
    best: NDArray[np.int64],
    shares: NDArray[np.float32],
    other_best: NDArray[np.int64],
    other_shares: NDArray[np.float32],
) -> None:
    """Fill the best partner of every list of either model, and its share.

    ``starts, sentences``: int64, shape (n + 1,); int64, shape (n_entries,). One model's lists; sentences that no
        list of the other model holds are left out.
    ``sizes``: int64, shape (n,). Sentences of each list, those left out too.
    ``holder_starts, holders``: int64, shape (n_sentences + 1,); int64, shape (n_other_entries,). The other model's
        lists that hold each sentence.
    ``other_sizes``: int64, shape (n_other,). Sentences of the other model's lists.
    ``best, shares``: int64, float32, shape (n,). Written to; -1 and NaN before, and where nothing is shared. Of
        equal partners the first.
    ``other_best, other_shares``: int64, float32, shape (n_other,). The same for the other model's lists.
    """
    other_greatest = np.zeros(len(other_sizes), np.float64)
    counts = np.zeros(len(other_sizes), np.int64)
    for row in range(len(starts) - 1):
        counts[:] = 0
        for entry in range(starts[row], starts[row + 1]):
            sentence = np.uint64(sentences[entry])
            for holder in range(holder_starts[sentence], holder_starts[sentence + np.uint64(1)]):
                counts[np.uint64(holders[holder])] += 1
        greatest = 0.0
        for other in range(len(counts)):
            if counts[other] == 0:
                continue
            share = counts[other] / min(sizes[row], other_sizes[other])
            if share > greatest:
                greatest = share
                best[row] = other
                shares[row] = share
            if share > other_greatest[other]:
                other_greatest[other] = share
                other_best[other] = row
                other_shares[other] = share
