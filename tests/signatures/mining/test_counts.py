import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurolect.signatures.mining import counts as pattern_counts
from neurolect.signatures.mining.counts import count_patterns
from neurolect.signatures.mining.trie import PatternTrie
from tests.reference.patterns_plain import holds
from tests.signatures.pattern_strategies import N_CODES, databases, flat, gaps, trie_of_patterns

# Codes beyond those of the sentences too: a pattern may hold what no sentence has.
patterns_strategy = st.lists(
    st.lists(st.integers(0, N_CODES), min_size=1, max_size=5).map(tuple), min_size=1, max_size=30
)


@settings(max_examples=200)
@given(st.data())
def test_equals_looking_for_each_pattern_in_each_sentence(data: st.DataObject) -> None:
    sentences = data.draw(databases)
    patterns = data.draw(patterns_strategy)
    max_gap = data.draw(gaps)
    rows = data.draw(st.lists(st.integers(0, len(sentences) - 1), unique=True))
    trie, nodes = trie_of_patterns(*flat(patterns))
    counts = count_patterns(*flat(sentences), trie=trie, rows=np.array(rows, np.int64), max_gap=max_gap)
    expected = [sum(holds(sentences[row], each, max_gap=max_gap) for row in rows) for each in patterns]
    assert counts[nodes].tolist() == expected


@pytest.mark.parametrize("max_gap", [None, 1])
def test_blocks_and_workers_do_not_matter(max_gap: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    sentences = [random.integers(0, 30, random.integers(0, 20)).tolist() for _ in range(500)]
    patterns = [random.integers(0, 30, random.integers(1, 4)).tolist() for _ in range(400)]
    trie, _ = trie_of_patterns(*flat(patterns))
    rows = np.arange(500)
    whole = count_patterns(*flat(sentences), trie=trie, rows=rows, max_gap=max_gap)
    assert whole.max() > 100
    monkeypatch.setattr(pattern_counts, "BLOCK", 37)
    assert (count_patterns(*flat(sentences), trie=trie, rows=rows, max_gap=max_gap, workers=3) == whole).all()


def test_deep_tries_get_room() -> None:
    sentences = [[0] * 30] * 4
    trie, nodes = trie_of_patterns(*flat([[0] * 12]))
    assert count_patterns(*flat(sentences), trie=trie, rows=np.arange(4), max_gap=29)[nodes].tolist() == [4]


def test_nothing_to_count() -> None:
    none = PatternTrie(np.empty(0, np.int32), np.empty(0, np.int32))
    assert len(count_patterns(*flat([[0]]), trie=none, rows=np.arange(1))) == 0
    trie, _ = trie_of_patterns(*flat([[0]]))
    assert count_patterns(*flat([[0]]), trie=trie, rows=np.empty(0, np.int64)).tolist() == [0]


def test_rows_out_of_range() -> None:
    trie, _ = trie_of_patterns(*flat([[0]]))
    with pytest.raises(ValueError, match="Rows 3 to 3 were asked of 1 sentences"):
        count_patterns(*flat([[0]]), trie=trie, rows=np.array([3]))
