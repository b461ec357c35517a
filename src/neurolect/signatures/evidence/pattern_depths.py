"""How far down their lists reported patterns hold, and in how many documents."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neurolect.signatures.evidence.collected import Collected

if TYPE_CHECKING:
    from neurolect.signatures.patterns.find_in_sentences import PatternTable
    from neurolect.signatures.patterns.tables import Patterns
    from neurolect.signatures.trees.subtrees import LabelledForest

Finder = Callable[["PatternTable", int], tuple[NDArray[np.int64], NDArray[np.int32]]]
"""From a table of patterns and the longest one's length, it finds those of every sentence."""


def skip_ngrams_at_depths(patterns: "Patterns", collected: Collected) -> "Patterns":
    """Say it of skip n-grams, found with the gaps they were mined with."""
    from neurolect.signatures.patterns.find_in_sentences import find_patterns
    from neurolect.signatures.patterns.tables import pattern_items_of

    coded, options, in_sample = collected.coded, collected.options, collected.inputs.in_sample
    items = pattern_items_of(coded, item=patterns.item, in_sample=in_sample, tagger=collected.tagger)  # type: ignore[arg-type]
    gap = options.word_gap if patterns.item in ("word", "lemma") else options.tag_gap

    def find(table: "PatternTable", longest: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        return find_patterns(items.codes, coded.offsets, table, max_gap=gap, max_length=longest)

    return _at_depths(patterns, collected, find=find, n_items=len(items.labels))


def subtrees_at_depths(patterns: "Patterns", collected: Collected, trees: "LabelledForest") -> "Patterns":
    """Say it of subtrees."""
    from neurolect.signatures.trees.subtree_kernels import find_subtrees

    n_items = int(patterns.codes.max(initial=0)) + 2 * max(trees.forest.n_labels, 1)
    return _at_depths(
        patterns, collected, find=lambda table, _: find_subtrees(trees.forest, table), n_items=n_items
    )


def _at_depths(patterns: "Patterns", collected: Collected, *, find: Finder, n_items: int) -> "Patterns":
    """Find the patterns in all kept sentences, and count them in lists at every depth."""
    from neurolect.signatures.counting.counts import at_depths
    from neurolect.signatures.counting.items import Items, count_in_rows
    from neurolect.signatures.patterns.find_in_sentences import build_table

    evidence, lists, in_sample = patterns.evidence, collected.lists, collected.inputs.in_sample
    if not len(evidence.lists):
        return patterns
    numbers, first = same_patterns(patterns.codes, patterns.offsets, n_items=n_items)
    parts = [patterns.codes[patterns.offsets[row] : patterns.offsets[row + 1]] for row in first.tolist()]
    starts = np.cumsum([0, *map(len, parts)]).astype(np.int64)
    table = build_table(np.concatenate(parts).astype(np.int32), starts, n_items=n_items)
    offsets, found = find(table, int(np.diff(starts).max()))
    items = Items(offsets, found, np.ones(len(found), np.int32), len(first))
    tested = at_depths(
        evidence._replace(items=numbers),
        items=items,
        lists=lists,
        background=count_in_rows(items, in_sample),
        size_background=int(in_sample.sum()),
        inside=in_sample,
        n_items=patterns.n_tests // max(len(lists.rows), 1),
        workers=collected.stage.workers,
    )
    return patterns._replace(evidence=tested._replace(items=evidence.items))


def same_patterns(
    codes: NDArray[np.int32], offsets: NDArray[np.int64], *, n_items: int
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Give equal patterns one number; say which row is the first of each.

    Examples
    --------
    >>> numbers, first = same_patterns(np.array([5, 6, 5, 5, 6], np.int32), np.array([0, 2, 3, 5]), n_items=7)
    >>> numbers.tolist(), first.tolist()
    ([1, 0, 1], [1, 0])
    """
    starts, lengths = offsets[:-1], np.diff(offsets)
    numbers, first = np.zeros(len(starts), np.int64), np.zeros(0, np.int64)
    for place in range(int(lengths.max(initial=0))):
        here = np.minimum(starts + place, len(codes) - 1)
        own = np.where(place < lengths, codes[here].astype(np.int64) + 1, 0)
        _, first, numbers = np.unique(numbers * (n_items + 1) + own, return_index=True, return_inverse=True)
    return numbers.astype(np.int32), first
