"""Trees of heads and of brackets."""

import numpy as np
import pytest

from neurolect.errors import DescribeError
from neurolect.signatures.trees.forest import Forest, forest_of_brackets, forest_of_heads


def heads_of(heads: list[list[int]], labels: list[list[int]], *, n_labels: int = 3, drop: int = -1) -> Forest:
    offsets = np.concatenate([[0], np.cumsum([len(each) for each in heads])])
    keep = np.arange(n_labels) != drop
    flat = [np.array([value for row in rows for value in row], np.int32) for rows in (heads, labels)]
    return forest_of_heads(flat[0], flat[1], offsets, keep=keep)


def test_children_are_in_the_order_of_the_text() -> None:
    # 1 is the root of 0, 2 and 4; 3 hangs on 4
    forest = heads_of([[1, -1, 1, 4, 1]], [[0, 1, 2, 0, 1]])
    assert forest.labels.tolist() == [1, 0, 2, 1, 0]
    assert forest.parents.tolist() == [-1, 0, 0, 0, 3]
    assert forest.first_child.tolist() == [1, -1, -1, 4, -1]
    assert forest.next_sibling.tolist() == [-1, 2, 3, -1, -1]


def test_several_roots_are_several_trees() -> None:
    forest = heads_of([[], [-1, 0, -1], [-1]], [[], [0, 1, 2], [1]])
    assert forest.parents.tolist() == [-1, 0, -1, -1]
    assert forest.next_sibling.tolist() == [-1] * 4
    assert forest.sentences.tolist() == [1, 1, 1, 2]
    assert forest.n_sentences == 3


def test_what_hangs_on_what_is_left_out_hangs_on_its_head() -> None:
    forest = heads_of([[1, 2, -1, 2]], [[0, 2, 1, 2]], drop=2)
    assert (forest.labels.tolist(), forest.parents.tolist()) == ([1, 0], [-1, 0])
    root_left_out = heads_of([[1, -1]], [[0, 2]], drop=2)
    assert root_left_out.parents.tolist() == [-1]


def test_a_cycle_of_heads_is_left_out() -> None:
    assert heads_of([[1, 0, -1]], [[0, 0, 1]]).labels.tolist() == [1]
    assert heads_of([[1, 2, 1, -1]], [[0, 2, 2, 1]], drop=2).labels.tolist() == [1]


def test_brackets_are_read() -> None:
    tree = "( (S (NP-SBJ (DT the) (NN dog)) (VP (VBZ barks))) )"
    forest, labels = forest_of_brackets([tree, None, "(UH oh) (-NONE- *)"])
    assert [labels[code] for code in forest.labels] == ["S", "NP", "DT", "NN", "VP", "VBZ", "UH", "-NONE-"]
    assert forest.parents.tolist() == [-1, 0, 1, 1, 0, 4, -1, -1]
    assert forest.sentences.tolist() == [0] * 6 + [2] * 2


@pytest.mark.parametrize("tree", ["(S (NP", "(S))"])
def test_brackets_that_do_not_match(tree: str) -> None:
    with pytest.raises(DescribeError, match=r"brackets of tree 1 of 2 do not match(.|\n)*Expected: trees like"):
        forest_of_brackets(["(S a)", tree])


def test_no_trees() -> None:
    forest, labels = forest_of_brackets([None, ""])
    assert (len(forest.labels), labels, forest.n_labels, forest.n_sentences) == (0, [], 0, 2)
