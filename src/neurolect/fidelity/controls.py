"""What a score is compared with: the signature of another neuron, and of the most similar one."""

import numpy as np
from numpy.typing import NDArray

COLUMNS = 1_024
"""Sentences that likeness is measured on at most."""


def derangement(groups: NDArray[np.int64], *, seed: int) -> NDArray[np.int64]:
    """Give every member of a group another member, each once.

    ``groups``: int64, shape (n,). Group of each.
    Returns: int64, shape (n,). Nobody gets itself; -1 in a group of one.

    Examples
    --------
    >>> derangement(np.array([0, 0, 1]), seed=0).tolist()
    [1, 0, -1]
    """
    other = np.full(len(groups), -1, dtype=np.int64)
    random = np.random.default_rng(seed)
    for group in np.unique(groups).tolist():
        members = random.permutation(np.flatnonzero(groups == group))
        if len(members) > 1:
            other[members] = np.roll(members, 1)
    return other


def sisters(scores: NDArray[np.float32], groups: NDArray[np.int64]) -> NDArray[np.int32]:
    """Find for every list the one of its group whose signature scores sentences most alike.

    ``scores``: float32, shape (n_lists, n_sentences). What each signature gives each sentence.
    ``groups``: int64, shape (n_lists,). Only lists of one group are compared.
    Returns: int32, shape (n_lists,). -1 where there is none: alone in its group, or the same score for every
        sentence.
    """
    found = np.full(len(scores), -1, dtype=np.int32)
    step = max(1, scores.shape[1] // COLUMNS)
    for group in np.unique(groups).tolist():
        members = np.flatnonzero(groups == group)
        part = scores[members, ::step]
        part = part - part.mean(axis=1, keepdims=True)
        lengths = np.sqrt(np.square(part).sum(axis=1, keepdims=True))
        part = np.divide(part, lengths, out=np.zeros_like(part), where=lengths > 0)
        alike = part @ part.T
        np.fill_diagonal(alike, -2.0)
        alike[:, lengths[:, 0] == 0] = -2.0
        best = np.argmax(alike, axis=1)
        valid = (alike[np.arange(len(members)), best] > -2.0) & (lengths[:, 0] > 0)
        found[members[valid]] = members[best[valid]]
    return found
