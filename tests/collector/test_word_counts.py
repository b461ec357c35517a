"""Words are counted as a dictionary counts them, whenever they are put away."""

from collections import Counter
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from neurolect.collector import background as word_counts
from neurolect.collector.background import WordCounts

BATCHES = st.lists(st.sets(st.sampled_from([f"w{number}" for number in range(40)] + ["\u00e9", "z"])), max_size=30)


def fed(batches: list[set[str]], *, max_words: int) -> WordCounts:
    counts = WordCounts(max_words)
    for words in batches:
        counts.update(words)
        counts.settle()
    return counts


def as_dict(counts: WordCounts) -> dict[str, int]:
    return dict(zip(*(column.to_pylist() for column in counts.table().columns), strict=True))


@given(BATCHES, st.integers(0, 30))
@settings(max_examples=60)
def test_counts_equal_a_dictionary(batches: list[set[str]], cut: int) -> None:
    plain = Counter(word for words in batches for word in words)
    assert as_dict(fed(batches, max_words=60)) == plain
    first, second = fed(batches[:cut], max_words=60), fed(batches[cut:], max_words=60)
    first.merge(second)
    assert as_dict(first) == plain
    assert list(as_dict(first)) == [word for word, _ in sorted(plain.items(), key=lambda each: (-each[1], each[0]))]


@given(BATCHES, st.integers(0, 30))
@settings(max_examples=60)
def test_a_stop_changes_nothing(batches: list[set[str]], cut: int) -> None:
    stopped = fed(batches[:cut], max_words=20)
    again = WordCounts.from_tables(*stopped.to_tables(), max_words=20, floor=stopped.floor)
    for words in batches[cut:]:
        again.update(words)
        again.settle()
    whole = fed(batches, max_words=20)
    assert again.floor == whole.floor
    assert again.table().equals(whole.table())
    assert len(as_dict(whole)) <= 20 + max(map(len, batches), default=0)


def test_the_rarest_go_when_there_are_too_many() -> None:
    counts = fed([{"whale", f"word{number}"} for number in range(300)], max_words=50)
    words = as_dict(counts)
    assert len(words) <= 50
    assert words["whale"] == 300
    assert counts.floor >= 1


@given(BATCHES, BATCHES, st.integers(1, 9))
@settings(max_examples=60)
def test_where_segments_end_changes_nothing(one: list[set[str]], other: list[set[str]], size: int) -> None:
    merged = []
    for segment in (size, 1000):
        with patch.object(word_counts, "_SEGMENT", segment):
            first, second = fed(one, max_words=24), fed(other, max_words=24)
            first.merge(second)
            merged.append(first)
    held = [counts.to_tables()[0].combine_chunks() for counts in merged]
    assert held[0].equals(held[1])
    assert merged[0].floor == merged[1].floor
    assert merged[0].table().equals(merged[1].table())
