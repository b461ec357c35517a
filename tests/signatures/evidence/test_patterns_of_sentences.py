"""The walk over the trie finds what trying every pattern finds."""

from itertools import combinations, pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from neurolect.signatures.patterns.find_in_sentences import build_table, find_patterns

N_ITEMS = 4
SENTENCES = st.lists(st.lists(st.integers(0, N_ITEMS - 1), max_size=9), min_size=1, max_size=5)
PATTERNS = st.lists(
    st.lists(st.integers(-1, N_ITEMS - 1), min_size=2, max_size=4).map(tuple), min_size=1, max_size=9, unique=True
)


def holds(sentence: list[int], pattern: tuple[int, ...], max_gap: int) -> bool:
    for places in combinations(range(len(sentence)), len(pattern)):
        near = all(after - before - 1 <= max_gap or max_gap < 0 for before, after in pairwise(places))
        if near and all(sentence[place] == item for place, item in zip(places, pattern, strict=True)):
            return True
    return False


@given(SENTENCES, PATTERNS, st.integers(-1, 3))
def test_patterns_are_those_of_the_plain_twin(
    sentences: list[list[int]], patterns: list[tuple[int, ...]], max_gap: int
) -> None:
    items = np.array([item for each in patterns for item in each], np.int32)
    starts = np.concatenate([[0], np.cumsum([len(each) for each in patterns])]).astype(np.int64)
    codes = np.array([code for each in sentences for code in each], np.int32)
    offsets = np.concatenate([[0], np.cumsum([len(each) for each in sentences])]).astype(np.int64)
    table = build_table(items, starts, n_items=N_ITEMS)
    ends, found = find_patterns(codes, offsets, table, max_gap=max_gap, max_length=4)
    for number, sentence in enumerate(sentences):
        expected = [place for place, pattern in enumerate(patterns) if holds(sentence, pattern, max_gap)]
        assert found[ends[number] : ends[number + 1]].tolist() == expected


def test_room_for_entries_grows() -> None:
    pairs = [(a, b) for a in range(60) for b in range(60)]
    table = build_table(np.array(pairs, np.int32).ravel(), np.arange(0, 7201, 2), n_items=60)
    codes = np.concatenate([np.arange(60), np.arange(60)]).astype(np.int32)
    ends, found = find_patterns(codes, np.array([0, 120]), table, max_gap=-1, max_length=2)
    assert ends.tolist() == [0, 3600]
    assert found.tolist() == list(range(3600))
