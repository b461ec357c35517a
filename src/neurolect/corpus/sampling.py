"""Choose documents by seeded hashes of their numbers: what is set aside, and what a fair sample holds."""

import numpy as np
from numpy.typing import NDArray

_SAMPLE_SALT = np.uint64(0xD1B54A32D192ED03)


# Choose the documents that are set aside, by a seeded hash of their numbers.
def is_held_out(document_ids: NDArray[np.int64], *, share: float, seed: int) -> NDArray[np.bool_]:
    """Tell which documents are set aside.

    The choice depends on the document's number and the seed only (SplitMix64), not on what else is in the corpus.

    ``document_ids``: int64, shape (n,). Running numbers of documents.
    Returns: bool, shape (n,). True where set aside.
    """
    z = document_ids.astype(np.uint64) + np.uint64(1)
    z = _mix(z * np.uint64(0x9E3779B97F4A7C15) + _mix(np.array([seed], dtype=np.uint64) + np.uint64(1)))
    return _as_shares(z) < share


def _mix(z: NDArray[np.uint64]) -> NDArray[np.uint64]:
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def _as_shares(hashes: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Make numbers from 0 to below 1; 53 bits make an exact float."""
    return (hashes >> np.uint64(11)).astype(np.float64) * 2.0**-53


# Put documents in the order in which a sample takes them.
def sampling_order(
    numbers: NDArray[np.int64],
    *,
    seed: int,
    sizes: NDArray[np.int64] | None = None,
    groups: NDArray[np.int64] | None = None,
) -> NDArray[np.int64]:
    """Put documents (or sentences) in a random order that the seed and their numbers alone decide.

    With groups the first so many hold each group by its share of the whole, give or take one of each: within its
    group a document is put at a random point of the stretch that its size takes up, as a share of the group.

    ``numbers``: int64, shape (n,). Each once.
    ``sizes``: int64, shape (n,), each at least 1. What counts as much as one; all the same when not given.
    ``groups``: int64, shape (n,), from 0. Each one's group; all of one when not given.
    Returns: int64, shape (n,). Places in ``numbers``.

    Examples
    --------
    >>> groups = np.arange(100) // 50
    >>> int(groups[sampling_order(np.arange(100), seed=1, groups=groups)[:20]].sum())
    10
    """
    start = _mix(np.array([seed % 2**64], dtype=np.uint64) + _SAMPLE_SALT)
    hashes = _mix(_mix(numbers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) + start)
    if groups is None:
        return np.argsort(hashes, kind="stable")
    sizes = np.ones(len(numbers), dtype=np.int64) if sizes is None else sizes
    order = np.lexsort((hashes, groups))
    totals = np.bincount(groups, weights=sizes)[groups[order]]
    ends = np.cumsum(sizes[order])
    first = np.concatenate([[True], np.diff(groups[order]) > 0]) if len(order) else np.empty(0, dtype=np.bool_)
    before = np.maximum.accumulate(np.where(first, ends - sizes[order], 0))
    points = ends - sizes[order] - before + _as_shares(_mix(hashes[order])) * sizes[order]
    return order[np.lexsort((hashes[order], points / totals))]
