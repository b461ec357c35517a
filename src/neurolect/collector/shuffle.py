"""Read the corpus in a random order that the seed alone decides, in bounded memory.

Blocks of consecutive sentences are put in random order; some blocks at a time are held, and their sentences are
put in random order among themselves. A chunk is found again by its number, so a run goes on where it stopped.
"""

from collections.abc import Iterator
from itertools import islice

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.collector.sample import hash_ids
from neurolect.corpus import Corpus

WINDOW_CHUNKS = 16
_BLOCKS_PER_CHUNK = 4


def shuffled_chunks(
    corpus: Corpus, *, size: int, n_sentences: int, seed: int, start: int = 0
) -> Iterator[pa.Table]:
    """Go through the first sentences of the mining part in a random order.

    ``n_sentences``: Only so many of the mining part are read, at most all.
    Yields: Chunks of ``size`` sentences, ascending ids within one; the last of a window may be shorter.
    """
    block, windows = _windows(n_sentences, size, seed)
    number = 0
    for blocks in windows:
        n_rows = int(np.minimum(block, n_sentences - blocks * block).sum())
        n_chunks = -(-n_rows // size)
        if number + n_chunks > start:
            yield from _window(corpus, blocks.tolist(), block, n_sentences, size, seed, max(0, start - number))
        number += n_chunks


def n_shuffled_chunks(n_sentences: int, *, size: int, seed: int) -> int:
    """Count the chunks of a random order."""
    block, windows = _windows(n_sentences, size, seed)
    rows = (int(np.minimum(block, n_sentences - blocks * block).sum()) for blocks in windows)
    return sum(-(-n // size) for n in rows)


def shuffled_ids(ids: NDArray[np.int64], *, size: int, seed: int) -> NDArray[np.int64]:
    """Put sentence ids in the order in which :func:`shuffled_chunks` reads the sentences.

    ``ids``: int64, shape (n_sentences,), ascending. Ids of the sentences to be read.
    Returns: int64, shape (n_sentences,). In order of chunks; the order within a chunk is not meant.
    """
    block, windows = _windows(len(ids), size, seed)
    parts = []
    for blocks in windows:
        held = np.concatenate([ids[each * block : (each + 1) * block] for each in blocks.tolist()])
        parts.append(held[_mixed(held, seed)])
    return np.concatenate(parts)


def _windows(n_sentences: int, size: int, seed: int) -> tuple[int, list[NDArray[np.int64]]]:
    """Give the sentences of a block, and the blocks that are held together, window by window."""
    block = -(-size // _BLOCKS_PER_CHUNK)
    order = np.argsort(hash_ids(np.arange(-(-n_sentences // block)), seed=seed), kind="stable")
    per_window = WINDOW_CHUNKS * _BLOCKS_PER_CHUNK
    return block, [np.sort(order[first : first + per_window]) for first in range(0, len(order), per_window)]


def _mixed(ids: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Put a window's sentences in random order."""
    # not the seed itself: the uniform sample, which has the smallest hashes, would come first in every window
    return np.argsort(hash_ids(ids, seed=~seed), kind="stable")


def _window(
    corpus: Corpus, blocks: list[int], block: int, n_sentences: int, size: int, seed: int, skip: int
) -> Iterator[pa.Table]:
    """Read some blocks, mix their sentences, cut them into chunks."""
    tables = []
    for number in blocks:
        first = number * block
        table = next(islice(corpus.batches(part="mining", batch_size=block, skip=first), 1))
        tables.append(table.slice(0, n_sentences - first))
    whole = pa.concat_tables(tables).unify_dictionaries().combine_chunks()
    rows = _mixed(whole.column("sentence_id").to_numpy(), seed)
    for start in range(skip * size, len(rows), size):
        yield whole.take(pa.array(np.sort(rows[start : start + size])))
