from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from neurolect.corpus.sentences.folding import fold
from neurolect.corpus.sentences.words import split_words, word_spans
from neurolect.model.word_alignment import align
from neurolect.tokens.entries import word_weights


@given(st.text(max_size=60))
def test_every_word_is_found_where_it_is(text: str) -> None:
    words = split_words(text)
    spans = word_spans(text, words)
    assert [fold(text[start:end]) for start, end in spans] == words
    assert all(before[1] <= after[0] for before, after in pairwise(spans))


def test_pieces_of_a_word_and_words_of_a_piece() -> None:
    # "don't" is two words; the tokens are do, n'(covering parts of both), t
    alignment = align([(0, 2), (2, 5)], starts=np.array([0, 1, 4], np.int32), ends=np.array([1, 4, 5], np.int32))
    pairs = list(zip(alignment.words.tolist(), alignment.tokens.tolist(), strict=True))
    assert pairs == [(0, 0), (0, 1), (1, 1), (1, 2)]


def test_weights_are_the_excess_and_average_one() -> None:
    alignment = align(
        [(0, 1), (1, 2), (2, 3)], starts=np.array([0, 1, 2], np.int32), ends=np.array([1, 2, 3], np.int32)
    )
    acts, weights = word_weights(np.array([3, 1, 0], np.float32), alignment, mean=1.0, sign=1.0)
    assert acts.tolist() == [3.0, 1.0, 0.0]
    assert weights.tolist() == [3.0, 0.0, 0.0]
    _, low = word_weights(np.array([3, 1, 0], np.float32), alignment, mean=2.0, sign=-1.0)
    np.testing.assert_allclose(low, [0.0, 1.0, 2.0])
    _, none = word_weights(np.array([0, 0, 0], np.float32), alignment, mean=1.0, sign=1.0)
    assert none.tolist() == [0.0, 0.0, 0.0]


def test_a_word_that_was_cut_off_has_no_activation() -> None:
    alignment = align([(0, 1), (5, 9)], starts=np.array([0], np.int32), ends=np.array([1], np.int32))
    acts, weights = word_weights(np.array([2.0], np.float32), alignment, mean=0.0, sign=1.0)
    assert np.isnan(acts[1])
    assert weights.tolist() == [2.0, 0.0]
