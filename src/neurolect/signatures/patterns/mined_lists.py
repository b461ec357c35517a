"""Skip n-grams of lists, each mined by itself: best for few lists, and where an index would be too large.

Every list gives candidates; the union of their patterns is counted in the background by one walk.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
from numpy.typing import NDArray

from neurolect.progress import Progress
from neurolect.signatures.mining.counts import count_patterns
from neurolect.signatures.mining.distinct_patterns import distinct_patterns
from neurolect.signatures.mining.prefixspan import mine_patterns
from neurolect.signatures.mining.projections import compact_sentences
from neurolect.signatures.mining.ranking import association, preselect
from neurolect.signatures.mining.shorter_patterns import closed_or_maximal, shorter_sequences
from neurolect.signatures.mining.trie import PatternTrie, TrieUnion, padded_items, pattern_hashes, pruned
from neurolect.signatures.patterns.inputs import PatternInput, background_shares, expected_shares
from neurolect.signatures.patterns.reported import (
    Candidates,
    MinedLists,
    Report,
    Rules,
    join_reports,
    report_rows,
    rules_of,
    score_candidates,
)
from neurolect.statistics.sorting import distinct


def mine_each_list(given: PatternInput, *, lists: NDArray[np.int32], progress: Progress) -> MinedLists:
    """Mine lists one by one.

    ``lists``: int32, shape (n_lists, n). Sentences of each list; -1 where a list is shorter.
    """
    union, seen = TrieUnion(), _Distinct()
    shares = background_shares(given)
    candidates: list[Candidates] = []
    item, workers = given.compared.item, given.compared.workers
    with ThreadPoolExecutor(workers) as pool:
        with progress.task(f"mine {item} patterns", total=len(lists), unit="lists") as task:
            for trie, found, hashes in pool.map(partial(_mine_list, given=given, shares=shares), lists):
                candidates.append(found._replace(nodes=union.update(trie)[found.nodes]))
                seen.update(hashes)
                task.advance()
        everything = union.trie()
        counts = _count(given, everything, given.compared.background)
        reported = []
        with progress.task(f"rank {item} patterns", total=len(lists), unit="lists") as task:
            rules = rules_of(given.compared, longest=lists.shape[1])
            rank = partial(_rank_list, given=given, trie=everything, counts=counts, rules=rules)
            for each in pool.map(rank, candidates, lists):
                reported.append(each)
                task.advance()

    def count_by_bin(nodes: NDArray[np.int32]) -> NDArray[np.int32]:
        trie, places = pruned(everything, nodes)
        bins = given.compared.bins[given.compared.background]
        by_bin = [
            _count(given, trie, given.compared.background[bins == each])[places]
            for each in range(int(given.compared.bins.max(initial=0)) + 1)
        ]
        return np.stack(by_bin, axis=1).astype(np.int32)

    n_truncated = sum(each.truncated for each in candidates)
    return MinedLists(everything, join_reports(reported), n_truncated, len(seen), count_by_bin)


class _Distinct:
    """Count different patterns by their hashes."""

    def __init__(self) -> None:
        self._known = np.empty(0, np.int64)
        self._new: list[NDArray[np.int64]] = []
        self._n_new = 0

    def update(self, hashes: NDArray[np.int64]) -> None:
        """Add some."""
        self._new.append(hashes)
        self._n_new += len(hashes)
        if self._n_new > max(len(self._known), 1 << 20):
            self._merge()

    def __len__(self) -> int:
        self._merge()
        return len(self._known)

    def _merge(self) -> None:
        self._known = distinct(np.concatenate([self._known, *self._new]))
        self._new, self._n_new = [], 0


def _count(given: PatternInput, trie: PatternTrie, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count the patterns of a trie in some sentences."""
    return count_patterns(
        given.codes,
        given.offsets,
        trie=trie,
        rows=rows,
        max_gap=given.compared.options.max_gap(given.compared.item),
        workers=given.compared.workers,
    )


def _mine_list(
    rows: NDArray[np.int32], *, given: PatternInput, shares: NDArray[np.float64]
) -> tuple[PatternTrie, Candidates, NDArray[np.int64]]:
    """Mine one list: its candidates, the trie of their nodes, and the hashes of all its patterns."""
    rows = rows[rows >= 0].astype(np.int64)
    options, marked = given.compared.options, given.compared.in_background[rows]
    mined = mine_patterns(
        given.codes,
        given.offsets,
        rows=np.concatenate([rows[marked], rows[~marked]]),
        allowed=given.allowed,
        min_support=options.min_support(len(rows)),
        max_length=options.max_length,
        max_gap=options.max_gap(given.compared.item),
        max_patterns=options.max_patterns,
        max_entries=options.max_list_entries,
        n_marked=int(marked.sum()),
    )
    longer = np.flatnonzero(mined.length > 1)
    last_shares = shares[mined.trie.item]
    expected = expected_shares(mined.trie, length=mined.length, last_shares=last_shares) * len(rows)
    chosen = longer[preselect(mined.support[longer], expected[longer], options.n_frequent, options.n_candidates)]
    ties = association(mined, n_sentences=len(rows))[chosen].astype(np.float32)
    shorter = shorter_sequences(mined.trie, length=mined.length)
    flags = np.zeros(len(mined.length), np.uint8)
    flags[longer] = closed_or_maximal(longer, shorter, mined.support, flags.copy())
    trie, nodes = pruned(mined.trie, chosen.astype(np.int32))
    candidates = Candidates(
        nodes,
        mined.length[chosen],
        chosen.astype(np.int32),
        mined.support[chosen],
        mined.support_marked[chosen],
        ties,
        flags[chosen],
        len(rows),
        int(marked.sum()),
        mined.truncated,
    )
    return trie, candidates, pattern_hashes(mined.trie)[longer]


def _rank_list(
    found: Candidates,
    rows: NDArray[np.int32],
    *,
    given: PatternInput,
    trie: PatternTrie,
    counts: NDArray[np.int64],
    rules: Rules,
) -> Report:
    options, in_background = given.compared.options, counts[found.nodes]
    scores, surprise, ranking = score_candidates(found, in_background, rules)
    held = rows[rows >= 0].astype(np.int64)
    sentences = compact_sentences(
        given.codes,
        given.offsets,
        rows=held,
        allowed=given.allowed,
        min_support=options.min_support(len(held)),
    )
    kept = distinct_patterns(
        sentences,
        items=padded_items(trie, found.nodes[ranking], length=options.max_length),
        support=found.support[ranking],
        max_gap=options.max_gap(given.compared.item),
        n_keep=options.n_relative,
        max_overlap=options.max_overlap,
    )
    reported = report_rows(found, in_background, ranking[kept], scores, surprise, rules)
    return Report(reported, np.array([len(reported.nodes)]), surprise[surprise > 0])
