"""Skip n-grams of lists: mine every list, count what was found in the background, keep what is worth reading.

Knows arrays only. Exact: the patterns of every list at its minimum support, the counts of what is reported in the
list and in the background, and the scores made of these. A choice: which patterns are reported; a list with more
than `n_candidates` patterns is cut down to these, by a rule of thumb, before it is scored.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.progress import NullProgress, Progress
from neurolect.signatures.indexed_lists import count_indexed_lists
from neurolect.signatures.mined_lists import mine_each_list
from neurolect.signatures.pattern_index import PatternIndex, index_patterns
from neurolect.signatures.pattern_input import PatternInput
from neurolect.signatures.pattern_trie import PatternTrie, pattern_items
from neurolect.signatures.reported_patterns import ReportedPatterns, join_reported
from neurolect.signatures.skip_ngram_options import Item, SkipNgramOptions

__all__ = ["PatternEvidence", "SkipNgramOptions", "mine_skip_ngrams"]

MAX_INDEX_PATTERNS = 10_000_000
"""An index has no more patterns than this: each list's counters have to be gone through."""
LISTS_A_SENTENCE = 2
"""An index pays if a sentence is in so many lists on average: mining all sentences is slower a sentence."""


class PatternEvidence(NamedTuple):
    """Reported patterns of two items or more: by list, then by `rank_relative`. R rows."""

    list_index: NDArray[np.int32]
    """Which list, shape (R,)."""
    items: NDArray[np.int32]
    """Item codes, flat: row r is ``items[offsets[r]:offsets[r + 1]]``."""
    offsets: NDArray[np.int64]
    """Shape (R + 1,)."""
    n_list: NDArray[np.int32]
    """Sentences of the list that hold the pattern, shape (R,)."""
    n_background: NDArray[np.int64]
    """Sentences of the background that hold it, those of the list included, shape (R,)."""
    log_odds_z: NDArray[np.float32]
    """Against the background without the list, shape (R,)."""
    rank_frequency: NDArray[np.int16]
    """From 1 by `n_list`, among the list's rows, shape (R,)."""
    rank_relative: NDArray[np.int16]
    """From 1, among the list's rows: by `log_odds_z`, but rows that are reported for their frequency only come
    after all others, shape (R,)."""


def mine_skip_ngrams(
    codes: NDArray[np.int32],
    offsets: NDArray[np.int64],
    *,
    lists: NDArray[np.int32],
    background_rows: NDArray[np.int64],
    item: Item,
    allowed: NDArray[np.bool_] | None = None,
    options: SkipNgramOptions | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> PatternEvidence:
    """Find what skip n-grams every list has, and which of them it has more than the background.

    Parameters
    ----------
    codes : int32, shape (n_tokens,)
        Item codes of all sentences; a negative code is a place without an item.
    offsets : int64, shape (n_sentences + 1,)
        Sentence ``s`` is ``codes[offsets[s]:offsets[s + 1]]``.
    lists : int32, shape (n_lists, n)
        Sentences of each list, distinct; -1 where a list is shorter.
    background_rows : int64, shape (n_background,)
        Sentences of the background, distinct. Lists may overlap with it.
    item : {"word", "tag"}
        Kind of the items: chooses the gap limit and the association asked for.
    allowed : bool, shape (n_codes,), optional
        Whether an item may be part of a pattern (left out: every item). Others still count in gaps.
    options : SkipNgramOptions, optional
        What is mined and reported.
    workers : int, >= 1
        Threads. The result does not depend on it.
    progress : Progress, optional
        Where to report to.

    Returns
    -------
    PatternEvidence
        Rows by list, then by `rank_relative`.

    Raises
    ------
    ValueError
        If a row or a code is out of range.
    """
    options = options or SkipNgramOptions()
    progress = progress or NullProgress()
    if allowed is None:
        allowed = np.ones(int(codes.max(initial=-1)) + 1, np.bool_)
    background = np.ascontiguousarray(background_rows, dtype=np.int64)
    in_background = np.zeros(len(offsets) - 1, np.bool_)
    in_background[background] = True
    if lists.max(initial=-1) >= len(in_background):
        what = f"A list holds sentence {lists.max()} of {len(in_background)} sentences."
        raise ValueError(what)
    given = PatternInput(codes, offsets, allowed, background, in_background, item, options, workers)
    index = _index(given, lists)
    reported: list[ReportedPatterns]
    if index is None:
        trie, reported, n_truncated = mine_each_list(given, lists=lists, progress=progress)
    else:
        trie = index.trie
        reported, n_truncated = count_indexed_lists(index, given, lists=lists, progress=progress)
    if n_truncated:
        progress.message(
            f"{n_truncated} of {len(lists)} lists have more than {options.max_patterns:,} {item} patterns: "
            f"theirs are shorter than {options.max_length} items."
        )
    return _evidence(reported, trie)


def _index(given: PatternInput, lists: NDArray[np.int32]) -> PatternIndex | None:
    """Index all sentences, where that pays and fits."""
    sizes = np.count_nonzero(lists >= 0, axis=1)
    if not given.options.max_entries or sizes.sum() < LISTS_A_SENTENCE * len(given.in_background):
        return None
    return index_patterns(
        given.codes,
        given.offsets,
        allowed=given.allowed,
        min_support=given.options.min_support(int(sizes.min())),
        max_length=given.options.max_length,
        max_gap=given.options.max_gap(given.item),
        max_patterns=MAX_INDEX_PATTERNS,
        max_entries=given.options.max_entries,
        workers=given.workers,
    )


def _evidence(reported: list[ReportedPatterns], trie: PatternTrie) -> PatternEvidence:
    """Join the rows of all lists."""
    columns = join_reported(reported)
    items, offsets = pattern_items(trie, columns.nodes)
    return PatternEvidence(
        np.repeat(np.arange(len(reported), dtype=np.int32), [len(each.nodes) for each in reported]),
        items,
        offsets,
        columns.support,
        columns.n_background,
        columns.scores,
        columns.rank_frequency,
        columns.rank_relative,
    )
