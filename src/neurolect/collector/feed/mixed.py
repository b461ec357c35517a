"""Chunks of a pass that may end inside one: their batches in a mixed order, and what was read of the last one."""

import numpy as np
from numpy.typing import NDArray

from neurolect.collector.feed.chunks import Chunk
from neurolect.collector.lists.sample import hash_ids


def mixed(chunk: Chunk, *, seed: int) -> Chunk:
    """Put a chunk's batches, each of one length, in an order in which those fed so far are of all lengths."""
    order = np.argsort(hash_ids(np.arange(len(chunk.batches)), seed=seed + chunk.number), kind="stable")
    return chunk._replace(batches=[chunk.batches[each] for each in order.tolist()])


def read_part(chunk: Chunk, n_batches: int) -> tuple[Chunk, NDArray[np.int64]]:
    """Cut a chunk down to what was read of it.

    ``n_batches``: So many of its batches, the first ones.
    Returns: The sentences of these and those with no token, which need no network, without batches; and their ids.
    """
    rows = np.sort(np.concatenate([chunk.tokens.empty, *chunk.batches[:n_batches]]).astype(np.int64))
    lengths = np.diff(chunk.tokens.offsets)
    longest = np.flatnonzero(lengths == np.max(lengths, initial=0))  # those that were cut are among them
    share = np.isin(longest, rows).mean() if len(longest) else 0.0
    tokens = chunk.tokens._replace(n_cut=round(chunk.tokens.n_cut * float(share)))
    sentences = chunk.sentences.take(rows)
    part = chunk._replace(sentences=sentences, tokens=tokens, batches=[], background=None, items=None)
    return part, sentences.column("sentence_id").to_numpy().astype(np.int64)
