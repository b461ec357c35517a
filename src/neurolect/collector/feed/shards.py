"""Which sentences a pass reads, in which order, and which of them are the sample; shards are consecutive chunks."""

import re
from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.collector.lists.sample import hash_ids, streamed_sample
from neurolect.collector.options import CollectOptions
from neurolect.corpus import Corpus
from neurolect.errors import OptionError

# Read the corpus in a random order that the seed alone decides, in bounded memory.
#
# Blocks of consecutive sentences are put in random order; some blocks at a time are held, and their sentences are
# put in random order among themselves. A chunk is found again by its number, so a run resumes where it stopped.
WINDOW_CHUNKS = 16
_BLOCKS_PER_CHUNK = 4


def shuffled_chunks(
    corpus: Corpus,
    *,
    size: int,
    n_sentences: int,
    seed: int,
    start: int = 0,
    chosen: NDArray[np.int64] | None = None,
) -> Iterator[pa.Table]:
    """Go through sentences of the mining part in a random order.

    ``n_sentences``: Only so many are read, at most all.
    ``chosen``: int64, shape (n_sentences,), ascending. Which; the first ones when not given.
    Yields: Chunks of ``size`` sentences, ascending ids within one; the last of a window may be shorter.
    """
    block, windows = _windows(n_sentences, size, seed)
    number = 0
    for blocks in windows:
        n_rows = int(np.minimum(block, n_sentences - blocks * block).sum())
        n_chunks = -(-n_rows // size)
        if number + n_chunks > start:
            read = partial(_read, corpus, block=block, n_sentences=n_sentences, chosen=chosen)
            yield from _window([read(each) for each in blocks.tolist()], size, seed, max(0, start - number))
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


def _read(
    corpus: Corpus, number: int, *, block: int, n_sentences: int, chosen: NDArray[np.int64] | None
) -> pa.Table:
    """Read a block of sentences."""
    first = number * block
    if chosen is not None:
        return corpus.take(chosen[first : first + block])
    table = next(islice(corpus.batches(part="mining", batch_size=block, skip=first), 1))
    return table.slice(0, n_sentences - first)


def _window(tables: list[pa.Table], size: int, seed: int, skip: int) -> Iterator[pa.Table]:
    """Mix the sentences of some blocks, cut them into chunks."""
    whole = pa.concat_tables(tables).unify_dictionaries().combine_chunks()
    rows = _mixed(whole.column("sentence_id").to_numpy(), seed)
    for start in range(skip * size, len(rows), size):
        yield whole.take(pa.array(np.sort(rows[start : start + size])))


PARTIAL = "partial/state.npz"
"""Where a shard's run folder keeps its state until it is merged."""


class Shard(NamedTuple):
    """One of several shares."""

    number: int
    n: int

    def chunks(self, n_chunks: int) -> range:
        """Say which chunks belong to it.

        Examples
        --------
        >>> [Shard(number, 3).chunks(8) for number in range(3)]
        [range(0, 2), range(2, 5), range(5, 8)]
        """
        return range(self.number * n_chunks // self.n, (self.number + 1) * n_chunks // self.n)


def parse_shard(text: str) -> Shard:
    """Read ``i/n``.

    Examples
    --------
    >>> parse_shard("0/4")
    Shard(number=0, n=4)
    """
    match = re.fullmatch(r"(\d+)/(\d+)", text.strip())
    if match is None or int(match[1]) >= int(match[2]):
        what = f"--shard is {text!r}."
        raise OptionError(what, expected="i/n with i from 0 to n - 1, e.g. 0/4, 1/4, 2/4, 3/4")
    return Shard(int(match[1]), int(match[2]))


class Share(NamedTuple):
    """The chunks one process reads.

    ``n_sentences``: Their sentences (in random order, about).
    """

    first: int
    end: int
    n_sentences: int


def share_of(shard: Shard | None, n_sentences: int, options: CollectOptions) -> Share:
    """Work out the chunks of a shard."""
    size = options.chunk_sentences or 1
    n_chunks = _n_chunks(n_sentences, options)
    mine = (shard or Shard(0, 1)).chunks(n_chunks)
    last = min(mine.stop * size, n_sentences) if mine.stop < n_chunks else n_sentences
    return Share(mine.start, mine.stop, last - mine.start * size)


def mining_of(
    shard: Shard | None, n_sentences: int, options: CollectOptions, *, chosen: NDArray[np.int64] | None = None
) -> range | None:
    """Say which sentences of the mining part a shard reads, where they follow each other."""
    if shard is None or options.shuffle or chosen is not None:
        return None
    share = share_of(shard, n_sentences, options)
    first = share.first * (options.chunk_sentences or 1)
    return range(first, first + share.n_sentences)


def _n_chunks(n_sentences: int, options: CollectOptions) -> int:
    size = options.chunk_sentences or 1
    if options.shuffle:
        return n_shuffled_chunks(n_sentences, size=size, seed=options.seed)
    return -(-n_sentences // size)


def check_shard(shard: Shard | None, options: CollectOptions, *, n_sentences: int) -> None:
    """Refuse what is no shard, what a shard cannot do alone, and shards with nothing to read."""
    if shard is None:
        return
    if not 0 <= shard.number < shard.n:
        what = f"There is no shard {shard.number} of {shard.n}."
        raise OptionError(what, expected="a number from 0 to n - 1, and at least one shard")
    if options.stop_when is not None or options.max_seconds is not None:
        what = "A shard cannot end early: collect.stop_when or collect.max_seconds is set."
        raise OptionError(what, hint="Leave them out, or read less with collect.limit.")
    n_chunks = _n_chunks(n_sentences, options)
    if shard.n > n_chunks:
        size = options.chunk_sentences or 1
        what = (
            f"{n_sentences:,} sentences, {n_chunks} chunks of {size:,}, cannot be shared out to {shard.n} shards."
        )
        smaller = f", or --set collect.chunk_sentences={n_sentences // shard.n}" if n_sentences >= shard.n else ""
        hint = f"Use at most {n_chunks} shards or workers{smaller}."
        raise OptionError(what, expected="a chunk or more for every shard", hint=hint)


def sample_of(
    corpus: Corpus, n_sentences: int, options: CollectOptions, *, chosen: NDArray[np.int64] | None
) -> NDArray[np.int64]:
    """Choose the uniform sample of the sentences to be read.

    ``n_sentences``: So many of its mining part will be read.
    ``chosen``: int64, shape (n_sentences,), ascending. Which; the first ones when None.
    Returns: int64, shape (n_sample,). In sample order.
    """

    def parts() -> Iterator[NDArray[np.int64]]:
        left = n_sentences
        for ids in corpus.id_blocks("mining"):
            yield ids[:left]
            left -= len(ids)
            if left <= 0:
                return

    return streamed_sample(parts() if chosen is None else [chosen], size=options.sample_size, seed=options.seed)


def read_of(
    sample_ids: NDArray[np.int64],
    corpus: Corpus,
    n_sentences: int,
    *,
    n_read: int,
    part: NDArray[np.int64],
    options: CollectOptions,
    chosen: NDArray[np.int64] | None,
) -> NDArray[np.int64]:
    """Leave out the sentences of the sample that a pass ended early has not read.

    ``sample_ids``: int64, shape (n_sample,). The sample, in its order.
    ``n_sentences``: So many of its mining part were to be read.
    ``part``: int64, shape (n_part,). Ids read of the last chunk where the pass ended inside it, else none.
    ``chosen``: int64, shape (n_sentences,), ascending. Which; the first ones when None.
    Returns: int64, shape (at most n_sample,). In the same order; a uniform sample of what was read.
    """
    if n_read >= n_sentences:
        return sample_ids
    mining_ids = corpus.sentence_ids("mining")[:n_sentences] if chosen is None else chosen
    if options.shuffle:
        mining_ids = shuffled_ids(mining_ids, size=options.chunk_sentences or 1, seed=options.seed)
    read = np.concatenate([mining_ids[: n_read - len(part)], part])
    return sample_ids[np.isin(sample_ids, read)]
