"""Subtrees: equal to enumerating all of them, forests, bounds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurolect.errors import OptionError
from neurolect.signatures.trees.freqt import mine_subtrees
from tests.reference.subtrees_plain import Tree, subtrees_of, tree_supports
from tests.signatures.forest_strategies import forest_of, sentences_of_trees, shapes


@settings(max_examples=150)
@given(sentences_of_trees, st.integers(1, 3), st.integers(1, 5), st.integers(1, 3))
def test_equals_enumerating_all(sentences: list[list[Tree]], min_support: int, size: int, workers: int) -> None:
    forest = forest_of(sentences)
    mined = mine_subtrees(forest, min_support=min_support, max_size=size, max_entries=1_000_000, workers=workers)
    plain = tree_supports(sentences, size=size)
    found = shapes(mined.trie, n_labels=forest.n_labels)
    assert sorted(found) == sorted(shape for shape, n in plain.items() if n >= min_support)
    assert [len(shape) for shape in found] == mined.size.tolist()
    held = [subtrees_of(trees, size=size) for trees in sentences]
    for number, shape in enumerate(found):
        rows = mined.holders[mined.holder_starts[number] : mined.holder_starts[number + 1]]
        assert rows.tolist() == [row for row, shapes_of_row in enumerate(held) if shape in shapes_of_row]


def test_children_may_be_skipped_but_keep_their_order() -> None:
    sentences = [[(0, ((1, ()), (2, ()), (1, ())))]] * 2
    mined = mine_subtrees(forest_of(sentences), min_support=2, max_size=3, max_entries=100)
    found = shapes(mined.trie, n_labels=3)
    assert ((0, 0), (1, 1), (1, 1)) in found
    assert ((0, 0), (1, 2), (1, 1)) in found
    assert ((0, 0), (1, 2), (1, 2)) not in found


def test_too_many_entries_mean_smaller_subtrees() -> None:
    sentences = [[(0, ((1, ()),))]] * 10
    assert mine_subtrees(forest_of(sentences), min_support=1, max_size=5, max_entries=30).max_size == 5
    smaller = mine_subtrees(forest_of(sentences), min_support=1, max_size=5, max_entries=29)
    assert (smaller.max_size, smaller.size.tolist()) == (1, [1, 1])
    nothing = mine_subtrees(forest_of(sentences), min_support=1, max_size=5, max_entries=9)
    assert (nothing.max_size, len(nothing.size), nothing.holder_starts.tolist()) == (0, 0, [0])


def test_a_wide_tree_does_not_explode() -> None:
    wide = (0, tuple((1, ()) for _ in range(2_000)))
    mined = mine_subtrees(forest_of([[wide]]), min_support=1, max_size=5, max_entries=1_000)
    assert shapes(mined.trie, n_labels=2)[-1] == ((0, 1),)
    assert len(mined.size) == 6


def test_no_trees_at_all() -> None:
    mined = mine_subtrees(forest_of([[], []]), min_support=1, max_size=5, max_entries=10)
    assert len(mined.size) == 0
    assert mined.holders.dtype == np.int32


def test_bounds_are_reported() -> None:
    forest = forest_of([[(0, ())]])
    with pytest.raises(OptionError, match=r"Subtrees of 6 nodes(.|\n)*from 1 to 5"):
        mine_subtrees(forest, min_support=1, max_size=6, max_entries=10)
    with pytest.raises(OptionError, match="in 0 sentences"):
        mine_subtrees(forest, min_support=0, max_size=2, max_entries=10)
