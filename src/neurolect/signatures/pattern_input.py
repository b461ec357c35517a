"""What patterns are looked for in, and what is known of the single items of the background."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.signatures.length_matching import length_bins
from neurolect.signatures.pattern_trie import PatternTrie
from neurolect.signatures.projections import compact_sentences
from neurolect.signatures.skip_ngram_options import Item, SkipNgramOptions


class Comparison(NamedTuple):
    """What the patterns of lists are compared with, and how."""

    background: NDArray[np.int64]
    """Sentences of the background."""
    in_background: NDArray[np.bool_]
    """The same as a mask, shape (n_sentences,)."""
    bins: NDArray[np.int8]
    """Bin of each sentence's length, shape (n_sentences,)."""
    item: Item
    """Kind of the items."""
    options: SkipNgramOptions
    """What is mined and reported."""
    workers: int
    """Threads."""


class PatternInput(NamedTuple):
    """What sequences are looked for in."""

    codes: NDArray[np.int32]
    """Item codes of all sentences, shape (n_tokens,); a negative code is a place without an item."""
    offsets: NDArray[np.int64]
    """Where each sentence's tokens start, shape (n_sentences + 1,)."""
    allowed: NDArray[np.bool_]
    """Whether an item may be part of a pattern, shape (n_codes,)."""
    compared: Comparison
    """What they are compared with."""


def compare_with(
    background_rows: NDArray[np.int64],
    *,
    lengths: NDArray[np.int32],
    lists: NDArray[np.int32],
    item: Item,
    options: SkipNgramOptions,
    workers: int,
) -> Comparison:
    """Prepare what the patterns of lists are compared with.

    ``background_rows``: int64, shape (n_background,). Sentences of the background, distinct.
    ``lengths``: int32, shape (n_sentences,). Length of each sentence.
    ``lists``: int32, shape (n_lists, n). Sentences of each list; -1 where a list is shorter.
    """
    background = np.ascontiguousarray(background_rows, dtype=np.int64)
    in_background = np.zeros(len(lengths), np.bool_)
    in_background[background] = True
    if lists.max(initial=-1) >= len(in_background):
        what = f"A list holds sentence {lists.max()} of {len(in_background)} sentences."
        raise ValueError(what)
    bins = length_bins(lengths, background=background)
    return Comparison(background, in_background, bins, item, options, workers)


def background_shares(given: PatternInput) -> NDArray[np.float64]:
    """Count the single items of the background.

    Returns: float64, shape (n_codes,). Share of the background's sentences that hold each item; one that it lacks
        counts as half a sentence.
    """
    every = compact_sentences(
        given.codes, given.offsets, rows=given.compared.background, allowed=given.allowed, min_support=1
    )
    share = np.full(len(given.allowed), 0.5)
    share[every.items] = every.support
    return share / max(1, len(given.compared.background))


def expected_shares(
    trie: PatternTrie, *, length: NDArray[np.int8], last_shares: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Multiply the shares of each pattern's items.

    ``length``: int8, shape (P,). Items of each.
    ``last_shares``: float64, shape (P,). Share of the last item of each.
    Returns: float64, shape (P,). What the pattern's share would be if items were independent and came in any order.
    """
    product = last_shares.copy()
    for n_items in range(2, int(length.max(initial=1)) + 1):
        nodes = np.flatnonzero(length == n_items)
        product[nodes] *= product[trie.parent[nodes]]
    return product
