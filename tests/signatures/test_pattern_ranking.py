import numpy as np
import pytest

from neurolect.signatures.pattern_ranking import association, by_score, preselect, rank_patterns
from neurolect.signatures.prefixspan import MinedPatterns, mine_patterns
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
    chosen = preselect(patterns, expected=expected, n_frequent=1, n_candidates=2)
    assert [written[place] for place in chosen] == [(0, 2), (1, 0)]
    everything = preselect(patterns, expected=expected, n_frequent=1, n_candidates=100)
    assert [written[place] for place in everything] == [each for each in written if len(each) > 1]


def test_order_of_equal_scores() -> None:
    items = np.array([[0, 1, -1], [0, 1, 2], [4, 5, -1], [6, 7, -1]], np.int32)
    order = by_score(np.array([3.0, 3.0, 3.0, 9.0]), np.array([5, 5, 6, 1], np.int32), items)
    assert order.tolist() == [3, 2, 1, 0]


def test_frequent_rows_come_after_the_typical_ones() -> None:
    order = np.array([2, 0, 3, 1])
    support = np.array([50, 90, 10, 40], np.int32)
    ranked = rank_patterns(order, typical=np.array([2, 3]), support=support, n_frequent=2)
    assert ranked.chosen.tolist() == [2, 3, 0, 1]
    assert ranked.rank_relative.tolist() == [1, 2, 3, 4]
    assert ranked.rank_frequency.tolist() == [4, 3, 2, 1]
