"""How many sentences two neurons' lists have in common."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from neurolect.store import Run

__all__ = ["list_rows", "shared_shares"]


def list_rows(run: Run, side: str, *, size: int) -> list[NDArray[np.int64]]:
    """Read the leading entries of every neuron's list.

    Parameters
    ----------
    run : Run
        The run.
    side : str
        ``top`` or ``bottom``.
    size : int
        Entries of each list at most.

    Returns
    -------
    list of int64 arrays
        Sentence ids of each neuron, ascending.
    """
    table = run.table(f"lists/{side}", columns=["neuron_id", "rank", "sentence_id"])
    neurons = table.column("neuron_id").to_numpy()
    leading = table.column("rank").to_numpy() < size
    ids = table.column("sentence_id").to_numpy()[leading]
    bounds = np.searchsorted(neurons[leading], np.arange(run.n_neurons + 1))
    return [np.sort(ids[start:end]) for start, end in pairwise(bounds.tolist())]


def shared_shares(
    first: list[NDArray[np.int64]], second: list[NDArray[np.int64]], *, partners: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Give the share of each list that the partner's list also holds.

    Parameters
    ----------
    first, second : list of int64 arrays
        From :func:`list_rows`.
    partners : int64, shape (len(first),)
        Neuron of ``second``; -1: none.

    Returns
    -------
    float32, shape (len(first),)
        Of the shorter list; NaN where there is no partner or an empty list.

    Examples
    --------
    >>> lists = [np.array([1, 2, 3, 4])], [np.array([2, 4, 6, 8])]
    >>> shared_shares(*lists, partners=np.array([0])).tolist()
    [0.5]
    """
    found = np.full(len(first), np.nan, dtype=np.float32)
    for neuron, partner in enumerate(partners.tolist()):
        if partner < 0:
            continue
        own, other = first[neuron], second[partner]
        size = min(len(own), len(other))
        if size:
            found[neuron] = len(np.intersect1d(own, other, assume_unique=True)) / size
    return found
