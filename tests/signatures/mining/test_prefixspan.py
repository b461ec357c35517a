from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurolect.errors import OptionError
from neurolect.signatures.mining.prefixspan import MinedPatterns, mine_patterns
from tests.reference.patterns_plain import supports
from tests.signatures.pattern_strategies import as_tuples, databases, flat, gaps, masks


def mined(sentences: list[list[int]], **options: Any) -> MinedPatterns:
    n_codes = max((max(each, default=0) for each in sentences), default=0) + 1
    defaults = {
        "rows": np.arange(len(sentences)),
        "allowed": np.ones(n_codes, np.bool_),
        "min_support": 1,
        "max_length": 3,
    }
    return mine_patterns(*flat(sentences), **{**defaults, **options})


def as_dict(patterns: MinedPatterns) -> dict[tuple[int, ...], int]:
    return dict(zip(as_tuples(patterns.trie), patterns.support.tolist(), strict=True))


@settings(max_examples=200)
@given(st.data())
def test_equals_every_subsequence_counted_one_by_one(data: st.DataObject) -> None:
    sentences = data.draw(databases)
    allowed = data.draw(masks)
    max_gap = data.draw(gaps)
    max_length = data.draw(st.integers(1, 5))
    min_support = data.draw(st.integers(1, 4))
    rows = data.draw(st.lists(st.integers(0, len(sentences) - 1), unique=True))
    n_marked = data.draw(st.integers(0, len(rows)))
    found = mined(
        sentences,
        rows=np.array(rows, np.int64),
        allowed=np.array(allowed),
        min_support=min_support,
        max_length=max_length,
        max_gap=max_gap,
        n_marked=n_marked,
    )
    taken = [sentences[row] for row in rows]
    plain = supports(taken, allowed=allowed, max_length=max_length, max_gap=max_gap)
    marked = supports(taken[:n_marked], allowed=allowed, max_length=max_length, max_gap=max_gap)
    expected = {pattern: n for pattern, n in plain.items() if n >= min_support}
    assert len(found.support) == len(expected)
    assert as_dict(found) == expected
    patterns = as_tuples(found.trie)
    assert found.support_marked.tolist() == [marked[pattern] for pattern in patterns]
    assert found.length.tolist() == [len(pattern) for pattern in patterns]


def test_order_is_prefixes_first_and_siblings_by_code() -> None:
    found = mined([[2, 0, 1], [2, 0, 1]], min_support=2)
    assert as_tuples(found.trie)[:3] == [(0,), (1,), (2,)]
    assert all(found.trie.parent < np.arange(len(found.support)))


def test_items_left_out_count_in_gaps() -> None:
    sentences = [[0, 1, 2], [0, 1, 2]]
    allowed = np.array([True, False, True])
    assert (0, 2) not in as_dict(mined(sentences, max_gap=0, allowed=allowed))
    assert (0, 2) in as_dict(mined(sentences, max_gap=1, allowed=allowed))


def test_a_later_occurrence_reaches_what_the_first_cannot() -> None:
    assert as_dict(mined([[0, 3, 3, 0, 1]], max_gap=0))[(0, 1)] == 1


def test_too_many_patterns_shorten_and_say_so() -> None:
    sentences = [list(range(30))] * 5
    whole = mined(sentences, max_length=3)
    assert not whole.truncated
    assert len(whole.support) == 30 + 435 + 4060
    short = mined(sentences, max_length=3, max_patterns=1000)
    assert (short.truncated, short.max_length, len(short.support)) == (True, 2, 465)
    shortest = mined(sentences, max_length=3, max_patterns=10)
    assert (shortest.truncated, shortest.max_length, len(shortest.support)) == (True, 1, 30)


@pytest.mark.parametrize("max_gap", [None, 1])
def test_lists_without_patterns(max_gap: int | None) -> None:
    empty = mined([[0, 1]], rows=np.empty(0, np.int64), max_gap=max_gap)
    assert len(empty.support) == 0
    assert not empty.truncated
    assert len(mined([[], []], max_gap=max_gap).support) == 0
    assert len(mined([[0], [1]], min_support=2, max_gap=max_gap).support) == 0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"min_support": 0}, "in 0 sentences"),
        ({"max_length": 6}, "of 6 items"),
        ({"max_gap": -2}, "limited to -2 places"),
        ({"max_patterns": 0}, "limited to 0 patterns"),
        ({"max_entries": 0}, "limited to 0 patterns"),
    ],
)
def test_bounds_out_of_range(wrong: dict[str, int], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        mined([[0, 1]], **wrong)


def test_rows_and_codes_out_of_range() -> None:
    with pytest.raises(ValueError, match="Rows 0 to 4 were asked of 1 sentences"):
        mined([[0]], rows=np.array([0, 4]))
    with pytest.raises(ValueError, match="Item code 3 has no place in the mask of 2"):
        mined([[0, 3]], allowed=np.ones(2, np.bool_))


def test_templated_text_is_bounded_by_what_its_patterns_are_held() -> None:
    sentences = [list(range(40))] * 300
    found = mined(sentences, max_length=5, max_entries=300_000)
    assert (found.max_length, found.truncated) == (2, True)
    assert len(found.support) == 40 + 40 * 39 // 2
