"""Closed and maximal patterns: equal to comparing every pattern with every other."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from neurolect.signatures.mining.prefixspan import mine_patterns
from neurolect.signatures.mining.shorter_patterns import (
    CLOSED,
    MAXIMAL,
    closed_or_maximal,
    shorter_sequences,
    shorter_trees,
)
from neurolect.signatures.trees.freqt import mine_subtrees
from tests.reference.closed_patterns import flags_of, shorter_sequences_of, shorter_shapes_of
from tests.reference.subtrees_plain import Tree
from tests.signatures.forest_strategies import forest_of, sentences_of_trees, shapes
from tests.signatures.pattern_strategies import N_CODES, as_tuples, databases, flat, gaps


@settings(max_examples=100)
@given(databases, gaps, st.integers(1, 3), st.integers(1, 5))
def test_sequences(sentences: list[list[int]], max_gap: int | None, min_support: int, max_length: int) -> None:
    mined = mine_patterns(
        *flat(sentences),
        rows=np.arange(len(sentences)),
        allowed=np.ones(N_CODES, np.bool_),
        min_support=min_support,
        max_length=max_length,
        max_gap=max_gap,
    )
    written = as_tuples(mined.trie)
    marks = np.zeros(len(written), np.uint8)
    shorter = shorter_sequences(mined.trie, length=mined.length)
    flags = closed_or_maximal(np.arange(len(written)), shorter, mined.support, marks)
    plain = flags_of(dict(zip(written, mined.support.tolist(), strict=True)), shorter_sequences_of)
    assert [plain[each] for each in written] == [(bool(f & CLOSED), bool(f & MAXIMAL)) for f in flags]
    assert not marks.any()


@settings(max_examples=100)
@given(sentences_of_trees, st.integers(1, 3))
def test_trees(sentences: list[list[Tree]], min_support: int) -> None:
    forest = forest_of(sentences)
    mined = mine_subtrees(forest, min_support=min_support, max_size=4, max_entries=1_000_000)
    written = shapes(mined.trie, n_labels=forest.n_labels)
    shorter = shorter_trees(mined.trie, length=mined.size, n_labels=forest.n_labels)
    support = np.diff(mined.holder_starts).astype(np.int32)
    flags = closed_or_maximal(np.arange(len(written)), shorter, support, np.zeros(len(written), np.uint8))
    plain = flags_of(dict(zip(written, support.tolist(), strict=True)), shorter_shapes_of)
    assert [plain[each] for each in written] == [(bool(f & CLOSED), bool(f & MAXIMAL)) for f in flags]
