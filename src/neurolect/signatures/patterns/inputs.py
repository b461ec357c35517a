"""What patterns are looked for in, and what is known of the single items of the background."""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurolect.signatures.mining.projections import compact_sentences
from neurolect.signatures.mining.trie import PatternTrie
from neurolect.signatures.patterns.options import Item, SkipNgramOptions

# A background of the same sentence lengths as a list: long sentences hold more of everything, which is no theme.
#
# The background's sentences are weighted by bins of length so that they are distributed as the list's. Dims: B
# bins.
QUANTILES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995)


class MatchedLists(NamedTuple):
    """How the background is weighted for each list."""

    weights: NDArray[np.float64]
    """What a sentence of the background counts, by bin, shape (n_lists, B)."""
    sizes: NDArray[np.float64]
    """Sum of the weights, shape (n_lists,): as many sentences drawn without weights would say as much."""
    overlap_weight: NDArray[np.float64]
    """Mean weight of the background's sentences that are the list's own, shape (n_lists,)."""


def length_bins(lengths: NDArray[np.int32], *, background: NDArray[np.int64]) -> NDArray[np.int8]:
    """Put sentences into bins by length.

    ``lengths``: int32, shape (n_sentences,). Length of each sentence.
    ``background``: int64, shape (n_background,). Sentences of the background: its tenths, and finer steps among its
        longest, are the bins.
    Returns: int8, shape (n_sentences,). Bin of each sentence, from 0.

    Examples
    --------
    >>> length_bins(np.array([1, 2, 9, 1], np.int32), background=np.array([0, 1])).tolist()
    [0, 1, 1, 0]
    """
    if not len(background):
        return np.zeros(len(lengths), np.int8)
    longest = np.quantile(lengths[background], QUANTILES, method="inverted_cdf")
    edges = np.unique(longest[longest < lengths[background].max()])
    return np.searchsorted(edges, lengths).astype(np.int8)


def match_lists(
    lists: NDArray[np.int32], *, bins: NDArray[np.int8], in_background: NDArray[np.bool_]
) -> MatchedLists:
    """Weight the background for every list.

    ``lists``: int32, shape (n_lists, n). Sentences of each list; -1 where a list is shorter.
    ``bins``: int8, shape (n_sentences,). From :func:`length_bins`.
    ``in_background``: bool, shape (n_sentences,). The background.
    Returns: An empty list keeps the background as it is. What a list has in bins that the background lacks is left
        out.
    """
    n_bins = int(bins.max(initial=0)) + 1
    of_background = np.bincount(bins[in_background], minlength=n_bins).astype(np.float64)
    of_lists, own = _bins_of_lists(lists, bins, in_background, n_bins)
    of_lists *= of_background > 0
    share = of_lists / np.maximum(of_lists.sum(axis=1, keepdims=True), 1)
    weights = np.divide(share, of_background, out=np.zeros_like(share), where=of_background > 0)
    # (sum of w)^2 / sum of w^2, of the weights of all sentences
    sizes = 1.0 / np.maximum((weights * share).sum(axis=1), 1e-300)
    weights *= sizes[:, None]
    empty = ~of_lists.any(axis=1)
    weights[empty], sizes[empty] = 1.0, of_background.sum()
    n_own = own.sum(axis=1)
    overlap_weight = np.where(n_own > 0, (weights * own).sum(axis=1) / np.maximum(n_own, 1), 1.0)
    return MatchedLists(weights, sizes, overlap_weight)


@njit(nogil=True, cache=True)
def _bins_of_lists(
    lists: NDArray[np.int32], bins: NDArray[np.int8], in_background: NDArray[np.bool_], n_bins: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count the sentences of each list in each bin: all, and those of the background."""
    of_lists, own = np.zeros((len(lists), n_bins), np.int64), np.zeros((len(lists), n_bins), np.int64)
    for each in range(len(lists)):
        for row in lists[each]:
            if row >= 0:
                of_lists[each, bins[row]] += 1
                own[each, bins[row]] += in_background[row]
    return of_lists, own


def matched_counts(
    by_bin: NDArray[np.int32], *, lists: NDArray[np.int32], matched: MatchedLists
) -> NDArray[np.float64]:
    """Count in the matched background.

    ``by_bin``: int32, shape (R, B). Sentences of the background that hold the pattern of each row, by bin.
    ``lists``: int32, shape (R,). List of each row.
    Returns: float64, shape (R,). Weighted number of sentences, of ``matched.sizes``.
    """
    return np.asarray(np.einsum("rb,rb->r", by_bin, matched.weights[lists]))


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
