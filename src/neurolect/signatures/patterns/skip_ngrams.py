"""Skip n-grams of lists: mine every list, count what was found in the background, keep what is worth reading.

Knows arrays only. Exact: the patterns of every list at its minimum support, the counts of what is reported in the
list and in the background, and the scores made of these. A choice: which patterns are reported; a list with more
than `n_candidates` patterns is cut down to these, by a rule of thumb, before it is scored.
"""

import numpy as np
from numpy.typing import NDArray

from neurolect.progress import NullProgress, Progress
from neurolect.signatures.mining.index import PatternIndex, index_patterns
from neurolect.signatures.patterns.evidence import PatternEvidence, gather_evidence
from neurolect.signatures.patterns.indexed_lists import count_indexed_lists
from neurolect.signatures.patterns.inputs import PatternInput, compare_with
from neurolect.signatures.patterns.mined_lists import mine_each_list
from neurolect.signatures.patterns.options import Item, SkipNgramOptions

MAX_INDEX_PATTERNS = 10_000_000
"""An index has no more patterns than this: each list's counters have to be gone through."""
LISTS_A_SENTENCE = 2
"""An index pays if a sentence is in so many lists on average: mining all sentences is slower a sentence."""


def mine_skip_ngrams(
    codes: NDArray[np.int32],
    offsets: NDArray[np.int64],
    *,
    lists: NDArray[np.int32],
    background_rows: NDArray[np.int64],
    item: Item,
    allowed: NDArray[np.bool_] | None = None,
    lengths: NDArray[np.int32] | None = None,
    options: SkipNgramOptions | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> PatternEvidence:
    """Find what skip n-grams every list has, and which of them it has more than the background.

    ``codes``: int32, shape (n_tokens,). Item codes of all sentences; a negative code is a place without an item.
    ``offsets``: int64, shape (n_sentences + 1,). Sentence ``s`` is ``codes[offsets[s]:offsets[s + 1]]``.
    ``lists``: int32, shape (n_lists, n). Sentences of each list, distinct; -1 where a list is shorter.
    ``background_rows``: int64, shape (n_background,). Sentences of the background, distinct. Lists may overlap with
        it.
    ``item``: Kind of the items: chooses the gap limit and the association asked for.
    ``allowed``: bool, shape (n_codes,). Whether an item may be part of a pattern (left out: every item). Others
        still count in gaps.
    ``lengths``: int32, shape (n_sentences,). Length of each sentence, by which the background is matched with lists
        (left out: its tokens).
    """
    options = options or SkipNgramOptions()
    progress = progress or NullProgress()
    if allowed is None:
        allowed = np.ones(int(codes.max(initial=-1)) + 1, np.bool_)
    compared = compare_with(
        background_rows,
        lengths=np.diff(offsets).astype(np.int32) if lengths is None else lengths,
        lists=lists,
        item=item,
        options=options,
        workers=workers,
    )
    given = PatternInput(codes, offsets, allowed, compared)
    index = _index(given, lists)
    if index is None:
        mined = mine_each_list(given, lists=lists, progress=progress)
    else:
        mined = count_indexed_lists(index, compared, lists=lists, progress=progress)
    if mined.n_truncated:
        progress.message(
            f"{mined.n_truncated} of {len(lists)} lists have too many {item} patterns (over "
            f"{options.max_patterns:,}, or held over {options.max_list_entries:,} times): theirs are shorter than "
            f"{options.max_length} items."
        )
    return gather_evidence(mined, compared, lists=lists)


def _index(given: PatternInput, lists: NDArray[np.int32]) -> PatternIndex | None:
    """Index all sentences, where that pays and fits."""
    options, item = given.compared.options, given.compared.item
    sizes = np.count_nonzero(lists >= 0, axis=1)
    if not options.max_entries or sizes.sum() < LISTS_A_SENTENCE * len(given.compared.in_background):
        return None
    return index_patterns(
        given.codes,
        given.offsets,
        allowed=given.allowed,
        min_support=options.min_support(int(sizes.min())),
        max_length=options.max_length,
        max_gap=options.max_gap(item),
        max_patterns=MAX_INDEX_PATTERNS,
        max_entries=options.max_entries,
        workers=given.compared.workers,
    )
