"""The 64-bit key of a list entry: how it is decoded and sorted, wherever the lists are kept. Knows arrays only."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.errors import CollectError

MAX_SENTENCE_ID = 2**32 - 2
"""Largest sentence id a key can hold."""

_LOW = np.uint64(0xFFFFFFFF)


class SortedLists(NamedTuple):
    """Finished lists.

    ``activations``: float32, shape (n_neurons, n_kept). Best first; NaN where a neuron has fewer entries.
    ``sentence_ids``: int64, shape (n_neurons, n_kept). -1 where a neuron has fewer entries.
    ``tokens``: int16, shape (n_neurons, n_kept), or None. The model token that gave each activation, with max
        pooling.
    """

    activations: NDArray[np.float32]
    sentence_ids: NDArray[np.int64]
    tokens: NDArray[np.int16] | None


class Watched(NamedTuple):
    """What the monitor looks at of some neurons' lists, a row each."""

    n_among: NDArray[np.int64]
    """Entries of the sentences asked for."""
    fill: NDArray[np.int64]
    """Entries."""
    thresholds: NDArray[np.float32]
    """Activation a sentence must reach to enter; infinite until the list is full."""
    keys: NDArray[np.uint64]
    """Entries, those of the sampled sentences among them, in any order; shape (n_neurons, width)."""
    n_keys: NDArray[np.int64]
    """How many of these each has; they come first."""


def check_sentence_ids(sentence_ids: NDArray[np.int64]) -> None:
    """Refuse ids that a key cannot hold.

    ``sentence_ids``: int64, shape (n_sentences,). Ids of a batch.
    """
    if len(sentence_ids) and (sentence_ids.max() > MAX_SENTENCE_ID or sentence_ids.min() < 0):
        what = f"Sentence ids up to {int(sentence_ids.max()):,} cannot be listed."
        raise CollectError(what, expected=f"0 to {MAX_SENTENCE_ID:,}", hint="Collect in several runs.")


def decode_keys(keys: NDArray[np.uint64], *, side: str) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Take keys apart.

    ``keys``: uint64, any shape. Of entries.
    Returns: activations: float32, same shape. -0.0 comes back as 0.0.
    Returns: sentence_ids: int64, same shape. Of the entries.
    """
    codes = (keys >> np.uint64(32)).astype(np.uint32)
    positive = codes >> np.uint32(31) == 1
    bits = np.where(positive, codes ^ np.uint32(0x80000000), ~codes).astype(np.uint32)
    activations = bits.view(np.float32)
    if side == "bottom":
        activations = -activations + np.float32(0.0)
    return activations, ids_of(keys)


def ids_of(keys: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Give the sentence ids in the keys of entries, in their shape."""
    return (_LOW - (keys & _LOW)).astype(np.int64)


def sort_entries(
    keys: NDArray[np.uint64], *, fill: NDArray[np.int64], tokens: NDArray[np.int16] | None, side: str
) -> SortedLists:
    """Sort some neurons' entries, best first.

    ``keys``: uint64, shape (n_neurons, n_kept). Changed in place.
    ``fill``: int64, shape (n_neurons,). Entries of each neuron; they come first.
    ``tokens``: int16, shape (n_neurons, n_kept), or None. Travel with the keys.
    Returns: ``top`` descending, ``bottom`` ascending, ties to the smaller sentence id.
    """
    empty = np.arange(keys.shape[1])[None, :] >= fill[:, None]
    keys[empty] = 0
    order = np.argsort(~keys, axis=1, kind="stable")
    activations, ids = decode_keys(np.take_along_axis(keys, order, axis=1), side=side)
    ids[empty] = -1
    activations[empty] = np.nan
    if tokens is not None:
        tokens = np.take_along_axis(tokens, order, axis=1)
        tokens[empty] = -1
    return SortedLists(activations, ids, tokens)
