"""A share of a corpus: consecutive chunks, so that every machine can work out its own."""

import re
from typing import NamedTuple

from neurolect.collector.options import CollectOptions
from neurolect.collector.shuffle import n_shuffled_chunks
from neurolect.errors import OptionError

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


def mining_of(shard: Shard | None, n_sentences: int, options: CollectOptions) -> range | None:
    """Say which sentences of the mining part a shard reads."""
    if shard is None or options.shuffle:
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
