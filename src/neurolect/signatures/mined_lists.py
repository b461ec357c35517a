"""Skip n-grams of lists, each mined by itself: best for few lists, and where an index would be too large.

Every list gives candidates; the union of their patterns is counted in the background by one walk.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
from numpy.typing import NDArray

from neurolect.progress import Progress
from neurolect.signatures.distinct_patterns import distinct_patterns
from neurolect.signatures.pattern_counts import count_patterns
from neurolect.signatures.pattern_input import PatternInput, background_shares, expected_shares
from neurolect.signatures.pattern_ranking import association, preselect
from neurolect.signatures.pattern_trie import PatternTrie, TrieUnion, padded_items, pruned
from neurolect.signatures.prefixspan import mine_patterns
from neurolect.signatures.projections import compact_sentences
from neurolect.signatures.reported_patterns import Candidates, ReportedPatterns, report_patterns

__all__ = ["mine_each_list"]


def mine_each_list(
    given: PatternInput, *, lists: NDArray[np.int32], progress: Progress
) -> tuple[PatternTrie, list[ReportedPatterns], int]:
    """Mine lists one by one.

    Parameters
    ----------
    given : PatternInput
        Sentences, background, options.
    lists : int32, shape (n_lists, n)
        Sentences of each list; -1 where a list is shorter.
    progress : Progress
        Where to report to.

    Returns
    -------
    trie : PatternTrie
        Patterns of all lists.
    reported : list of ReportedPatterns
        One for each list.
    n_truncated : int
        Lists with too many patterns.
    """
    union = TrieUnion()
    shares = background_shares(given)
    candidates: list[Candidates] = []
    with ThreadPoolExecutor(given.workers) as pool:
        with progress.task(f"mine {given.item} patterns", total=len(lists), unit="lists") as task:
            for trie, found in pool.map(partial(_mine_list, given=given, shares=shares), lists):
                candidates.append(found._replace(nodes=union.update(trie)[found.nodes]))
                task.advance()
        everything = union.trie()
        counts = count_patterns(
            given.codes,
            given.offsets,
            trie=everything,
            rows=given.background,
            max_gap=given.options.max_gap(given.item),
            workers=given.workers,
        )
        reported = []
        with progress.task(f"rank {given.item} patterns", total=len(lists), unit="lists") as task:
            rank = partial(_rank_list, given=given, trie=everything, counts=counts)
            for each in pool.map(rank, candidates, lists):
                reported.append(each)
                task.advance()
    return everything, reported, sum(each.truncated for each in candidates)


def _mine_list(
    rows: NDArray[np.int32], *, given: PatternInput, shares: NDArray[np.float64]
) -> tuple[PatternTrie, Candidates]:
    """Mine one list; the nodes of its candidates are those of the trie that comes with them."""
    rows = rows[rows >= 0].astype(np.int64)
    options, marked = given.options, given.in_background[rows]
    mined = mine_patterns(
        given.codes,
        given.offsets,
        rows=np.concatenate([rows[marked], rows[~marked]]),
        allowed=given.allowed,
        min_support=options.min_support(len(rows)),
        max_length=options.max_length,
        max_gap=options.max_gap(given.item),
        max_patterns=options.max_patterns,
        n_marked=int(marked.sum()),
    )
    longer = np.flatnonzero(mined.length > 1)
    expected = expected_shares(mined.trie, length=mined.length, shares=shares) * len(rows)
    chosen = longer[
        preselect(
            mined.support[longer],
            expected=expected[longer],
            n_frequent=options.n_frequent,
            n_candidates=options.n_candidates,
        )
    ]
    ties = association(mined, n_sentences=len(rows))[chosen].astype(np.float32)
    trie, nodes = pruned(mined.trie, chosen.astype(np.int32))
    return trie, Candidates(
        nodes,
        mined.length[chosen],
        mined.support[chosen],
        mined.support_marked[chosen],
        ties,
        len(rows),
        int(marked.sum()),
        mined.truncated,
    )


def _rank_list(
    found: Candidates,
    rows: NDArray[np.int32],
    *,
    given: PatternInput,
    trie: PatternTrie,
    counts: NDArray[np.int64],
) -> ReportedPatterns:
    options = given.options

    def distinct(ranking: NDArray[np.intp]) -> NDArray[np.int64]:
        held = rows[rows >= 0].astype(np.int64)
        sentences = compact_sentences(
            given.codes,
            given.offsets,
            rows=held,
            allowed=given.allowed,
            min_support=options.min_support(len(held)),
        )
        return distinct_patterns(
            sentences,
            items=padded_items(trie, found.nodes[ranking], length=options.max_length),
            support=found.support[ranking],
            max_gap=options.max_gap(given.item),
            n_keep=options.n_relative,
            max_overlap=options.max_overlap,
        )

    return report_patterns(
        found,
        in_background=counts[found.nodes],
        n_background=len(given.background),
        distinct=distinct,
        item=given.item,
        options=options,
    )
