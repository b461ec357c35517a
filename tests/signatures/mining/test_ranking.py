from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from neurolect.signatures.mining.prefixspan import MinedPatterns, mine_patterns
from neurolect.signatures.mining.ranking import association, by_score, most_frequent, preselect, rank_patterns
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
    chosen = preselect(support, expected[longer], 1, 2)
    assert [written[place] for place in longer[chosen]] == [(0, 2), (1, 0)]
    everything = preselect(support, expected[longer], 1, 100)
    assert everything.tolist() == list(range(len(longer)))


def order_slowly(chosen: list[int], *columns: NDArray[Any]) -> list[int]:
    """Python's own sort: by the columns given, highest first, then by the last, lowest first."""
    return sorted(chosen, key=lambda each: (*(-column[each] for column in columns[:-1]), columns[-1][each]))


@given(st.integers(0, 40), st.integers(0, 9), st.integers(0, 2**32 - 1))
def test_ranking_is_what_sorting_by_all_keys_gives(n: int, n_frequent: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    scores, support = random.integers(0, 4, n).astype(np.float64), random.integers(1, 4, n).astype(np.int32)
    length, place = random.integers(2, 4, n).astype(np.int8), random.permutation(n).astype(np.int32)
    some = np.flatnonzero(random.random(n) < 0.4)
    ordered = by_score(some, scores, support, length, place)
    assert ordered.tolist() == order_slowly(some.tolist(), scores, support, length, place)
    frequent = most_frequent(n_frequent, scores, support, length, place)
    by_frequency = order_slowly(list(range(n)), support, scores, length, place)
    assert frequent.tolist() == by_frequency[:n_frequent]
    chosen, ranks = rank_patterns(ordered, scores, support, length, place, n_frequent)
    others = [each for each in by_frequency[:n_frequent] if each not in some]
    assert chosen.tolist() == [*ordered, *order_slowly(others, scores, support, length, place)]
    reported = order_slowly(chosen.tolist(), support, scores, length, place)
    assert ranks.tolist() == [reported.index(each) + 1 for each in chosen]


@given(st.integers(1, 60), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_preselection_is_that_of_a_stable_sort(n: int, n_frequent: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    support, expected = random.integers(1, 9, n).astype(np.int32), random.integers(0, 4, n) / 2
    surprise = (support - expected) / np.sqrt(expected + 1.0)
    first = sorted(range(n), key=lambda each: -support[each])[:n_frequent]
    by_surprise = sorted(range(n), key=lambda each: (each not in first, -surprise[each]))
    assert preselect(support, expected, n_frequent, 20).tolist() == sorted(by_surprise[:20])
