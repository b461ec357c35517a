import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from neurolect.signatures.evidence.subtrees import subtrees_of_sentences
from neurolect.signatures.trees.subtrees import LabelledForest, subtree_text
from tests.reference.subtrees_plain import Tree, subtrees_of
from tests.signatures.forest_strategies import N_LABELS, forest_of, sentences_of_trees

NAMES = [f"L{each}" for each in range(N_LABELS)]


@settings(max_examples=100)
@given(sentences=sentences_of_trees, others=sentences_of_trees, seed=st.integers(0, 5))
def test_found_are_those_of_the_plain_way(sentences: list[list[Tree]], others: list[list[Tree]], seed: int) -> None:
    """Looked for are subtrees that other sentences have; half of the sentences' own are left out."""
    every = sorted({shape for trees in [*sentences, *others] for shape in subtrees_of(trees, size=5)})
    wanted = [shape for shape in every if np.random.default_rng([seed, len(shape)]).random() < 0.7][:400]
    texts = [subtree_text([d for d, _ in shape], [NAMES[label] for _, label in shape]) for shape in wanted]
    offsets, found = subtrees_of_sentences(texts, LabelledForest(forest_of(sentences), NAMES))
    assert len(offsets) == len(sentences) + 1
    for row, trees in enumerate(sentences):
        plain = subtrees_of(trees, size=5)
        expected = [place for place, shape in enumerate(wanted) if shape in plain]
        assert found[offsets[row] : offsets[row + 1]].tolist() == expected


def test_a_label_that_no_sentence_has_is_in_none() -> None:
    trees = LabelledForest(forest_of([[(0, ((1, ()),))], []]), NAMES)
    offsets, found = subtrees_of_sentences(["L0(L1)", "L0(XX)", "XX", "L2"], trees)
    assert (offsets.tolist(), found.tolist()) == ([0, 1, 1], [0])
    assert subtrees_of_sentences([], trees)[1].tolist() == []


def test_many_equal_siblings_take_no_time() -> None:
    """60 equal children: 5 million ways to place five of them, of which one for each last child is followed."""
    wide: Tree = (0, tuple((1, ()) for _ in range(60)))
    trees = LabelledForest(forest_of([[wide]] * 50), NAMES)
    texts = ["L0(L1 L1 L1 L1)", "L0(L1 L1 L1 L2)", "L0(L1(L1))"]
    offsets, found = subtrees_of_sentences(texts, trees)
    assert offsets.tolist() == list(range(51))
    assert set(found.tolist()) == {0}
