import numpy as np
import pytest

from neurolect.signatures.mining.prefixspan import MinedPatterns, mine_patterns
from neurolect.signatures.mining.ranking import association, by_score, preselect, rank_patterns
from tests.signatures.pattern_strategies import as_tuples, flat


def mined(sentences: list[list[int]]) -> MinedPatterns:
    return mine_patterns(
        *flat(sentences),
        rows=np.arange(len(sentences)),
        allowed=np.ones(9, np.bool_),
        min_support=1,
        max_length=3,
    )


SENTENCES = [[0, 1, 2], [0, 1], [0, 2], [0], [1, 0, 2], [3], [3], [3]]


def test_association_compares_with_chance() -> None:
    patterns = mined(SENTENCES)
    support = dict(zip(as_tuples(patterns.trie), patterns.support.tolist(), strict=True))
    ratios = dict(zip(as_tuples(patterns.trie), association(patterns, n_sentences=len(SENTENCES)), strict=True))
    assert ratios[(0,)] == 1.0
    assert ratios[0, 1] == pytest.approx(2 * 8 / (5 * 3))
    whole = support[0, 1, 2] * 8
    prefix, suffix = support[0, 1] * support[(2,)], support[(0,)] * support[1, 2]
    assert ratios[0, 1, 2] == pytest.approx(whole / max(prefix, suffix))


def test_preselection_keeps_the_frequent_and_the_surprising() -> None:
    patterns = mined(SENTENCES)
    written = as_tuples(patterns.trie)
    expected = np.full(len(written), 3.0)
    expected[written.index((1, 0))] = 0.0
    longer = np.flatnonzero(patterns.length > 1)
    support = patterns.support[longer]
    chosen = preselect(support, expected=expected[longer], n_frequent=1, n_candidates=2)
    assert [written[place] for place in longer[chosen]] == [(0, 2), (1, 0)]
    everything = preselect(support, expected=expected[longer], n_frequent=1, n_candidates=100)
    assert everything.tolist() == list(range(len(longer)))


def test_order_of_equal_scores() -> None:
    support, length = np.array([5, 5, 6, 1], np.int32), np.array([2, 3, 2, 2], np.int8)
    assert by_score(np.array([3.0, 3.0, 3.0, 9.0]), support, length).tolist() == [3, 2, 1, 0]


def test_frequent_rows_come_after_the_typical_ones() -> None:
    ranked = rank_patterns(
        np.array([2, 3]),
        scores=np.array([7.0, 5.0, 8.0, 6.0]),
        support=np.array([50, 90, 10, 40], np.int32),
        length=np.full(4, 2, np.int8),
        n_frequent=2,
    )
    assert ranked.chosen.tolist() == [2, 3, 0, 1]
    assert ranked.rank_relative.tolist() == [1, 2, 3, 4]
    assert ranked.rank_frequency.tolist() == [4, 3, 2, 1]


def test_equally_frequent_rows_go_by_score_then_length_then_order() -> None:
    scores, length = np.array([1.0, 4.0, 4.0, 4.0, 9.0]), np.array([2, 2, 3, 2, 2], np.int8)
    support = np.array([5, 5, 5, 5, 1], np.int32)
    ranked = rank_patterns(np.array([4]), scores=scores, support=support, length=length, n_frequent=3)
    assert ranked.chosen.tolist() == [4, 2, 1, 3]
    assert ranked.rank_frequency.tolist() == [4, 1, 2, 3]
