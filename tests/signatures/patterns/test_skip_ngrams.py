from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from neurolect.errors import OptionError
from neurolect.progress import NullProgress, NullTask, Task
from neurolect.signatures.patterns.evidence import PatternEvidence
from neurolect.signatures.patterns.options import SkipNgramOptions
from neurolect.signatures.patterns.skip_ngrams import mine_skip_ngrams
from neurolect.statistics.scores import log_odds_z
from tests.reference.patterns_plain import Pattern, holds, patterns_of, supports
from tests.signatures.pattern_strategies import N_CODES, databases, flat, masks

EVERYTHING = SkipNgramOptions(
    min_sentences=1,
    min_share=0.0,
    n_frequent=10_000,
    word_max_gap=1,
    tag_max_gap=0,
    n_candidates=10_000,
    max_overlap=1.0,
)


class Messages(NullProgress):
    def __init__(self) -> None:
        self.texts: list[str] = []

    @contextmanager
    def task(self, name: str, *, total: float | None = None, unit: str = "") -> Iterator[Task]:
        yield NullTask()

    def message(self, text: str) -> None:
        self.texts.append(text)


def rows_of(evidence: PatternEvidence, index: int) -> dict[Pattern, int]:
    """Row of each pattern of a list."""
    return {
        tuple(evidence.items[evidence.offsets[row] : evidence.offsets[row + 1]].tolist()): row
        for row in np.flatnonzero(evidence.list_index == index).tolist()
    }


def padded(lists: list[list[int]]) -> NDArray[np.int32]:
    table = np.full((len(lists), max((len(each) for each in lists), default=0) + 1), -1, np.int32)
    for place, rows in enumerate(lists):
        table[place, : len(rows)] = rows
    return table


@settings(max_examples=100)
@given(st.data())
def test_counts_and_scores_are_exact(data: st.DataObject) -> None:
    sentences = data.draw(databases)
    allowed = data.draw(masks)
    some_rows = st.lists(st.integers(0, len(sentences) - 1), unique=True)
    lists = data.draw(st.lists(some_rows, max_size=4))
    background = data.draw(some_rows)
    evidence = mine_skip_ngrams(
        *flat(sentences),
        lists=padded(lists),
        background_rows=np.array(background, np.int64),
        item="word",
        allowed=np.array(allowed),
        options=EVERYTHING,
    )
    for index, rows in enumerate(lists):
        taken = [sentences[row] for row in rows]
        plain = supports(taken, allowed=allowed, max_length=3, max_gap=1)
        expected = {pattern: n for pattern, n in plain.items() if len(pattern) > 1}
        found = rows_of(evidence, index)
        assert {pattern: int(evidence.n_list[row]) for pattern, row in found.items()} == expected
        for pattern, row in found.items():
            in_background = {each for each in background if holds(sentences[each], pattern, max_gap=1)}
            assert evidence.n_background[row] == len(in_background)
            z = log_odds_z(
                expected[pattern],
                len(rows),
                len(in_background),
                len(background),
                n_overlap=len(in_background & set(rows)),
                size_overlap=len(set(background) & set(rows)),
            )
            assert evidence.log_odds_z[row] == pytest.approx(float(z), rel=1e-5, abs=1e-5)


def phrase_corpus() -> tuple[list[list[int]], NDArray[np.int32]]:
    """2,000 sentences of 60 uneven words; the first list's hold the phrase 70 71 72, after a word 0 or not."""
    random = np.random.default_rng(5)
    weights = 1 / np.arange(1, 61)
    sentences = [random.choice(60, 12, p=weights / weights.sum()).tolist() for _ in range(2_000)]
    for row in range(0, 200):
        sentences[row][3:6] = [70, 71, 72]
    lists = np.stack([np.arange(0, 300), np.arange(900, 1200)]).astype(np.int32)
    return sentences, lists


def mined(**changes: object) -> PatternEvidence:
    sentences, lists = phrase_corpus()
    options = SkipNgramOptions(**changes)  # type: ignore[arg-type]
    rows = np.arange(2_000)
    return mine_skip_ngrams(*flat(sentences), lists=lists, background_rows=rows, item="word", options=options)


def test_a_phrase_leads_and_is_reported_once() -> None:
    evidence = mined(n_frequent=1)
    found = rows_of(evidence, 0)
    assert evidence.rank_relative[found[70, 71, 72]] == 1
    assert [pattern for pattern in found if set(pattern) <= {70, 71, 72}] == [(70, 71, 72)]
    assert len(rows_of(evidence, 1)) < 10


def test_ranks_count_the_rows_of_a_list() -> None:
    evidence = mined()
    for index in (0, 1):
        rows = np.flatnonzero(evidence.list_index == index)
        assert evidence.rank_relative[rows].tolist() == list(range(1, len(rows) + 1))
        by_frequency = rows[np.argsort(evidence.rank_frequency[rows])]
        assert evidence.rank_frequency[by_frequency].tolist() == list(range(1, len(rows) + 1))
        assert (np.diff(evidence.n_list[by_frequency]) <= 0).all()


def test_association_leaves_to_words_what_is_theirs() -> None:
    # Word 70 is typical of the list and word 0 is everywhere: "70 0" is typical, too, but adds nothing.
    assert (70, 0) in rows_of(mined(word_min_association=0.0, n_frequent=1, n_relative=500), 0)
    assert (70, 0) not in rows_of(mined(n_frequent=1, n_relative=500), 0)


def test_few_candidates_keep_the_telling_and_the_frequent_ones() -> None:
    all_of_them = mined(n_frequent=5, n_relative=5)
    few = mined(n_frequent=5, n_relative=5, n_candidates=60)
    assert rows_of(few, 0).keys() == rows_of(all_of_them, 0).keys()


@pytest.mark.parametrize("item", ["word", "tag"])
def test_workers_do_not_matter(item: str) -> None:
    sentences, lists = phrase_corpus()
    one, three = (
        mine_skip_ngrams(
            *flat(sentences),
            lists=lists,
            background_rows=np.arange(0, 2_000, 2),
            item=item,  # type: ignore[arg-type]
            workers=workers,
        )
        for workers in (1, 3)
    )
    assert len(one.n_list) > 20
    for name in PatternEvidence._fields:
        assert np.array_equal(getattr(one, name), getattr(three, name))


def test_too_many_patterns_are_reported_once() -> None:
    messages = Messages()
    options = SkipNgramOptions(max_patterns=100, word_max_gap=None)
    evidence = mine_skip_ngrams(
        *flat([list(range(13))] * 50),
        lists=padded([list(range(50)), [0, 1, 2, 3, 4, 5]]),
        background_rows=np.arange(50),
        item="word",
        options=options,
        progress=messages,
    )
    assert messages.texts == [
        "2 of 2 lists have too many word patterns (over 100, or held over 100,000,000 times): "
        "theirs are shorter than 3 items."
    ]
    assert np.diff(evidence.offsets).max() == 2


def test_identical_sentences_give_one_typical_row_at_most() -> None:
    sentences = [[0, 1, 2, 3]] * 40 + [[4, 5, 6]] * 400
    evidence = mine_skip_ngrams(
        *flat(sentences),
        lists=padded([list(range(40))]),
        background_rows=np.arange(440),
        item="tag",
        options=SkipNgramOptions(n_frequent=1),
    )
    assert np.diff(evidence.offsets).tolist() == [3]
    assert evidence.n_list.tolist() == [40]


@pytest.mark.parametrize("lists", [np.empty((0, 5), np.int32), np.full((2, 3), -1, np.int32)])
def test_no_lists_and_empty_lists(lists: NDArray[np.int32]) -> None:
    evidence = mine_skip_ngrams(
        *flat([[0, 1]]), lists=lists, background_rows=np.arange(1), item="word", allowed=np.ones(2, np.bool_)
    )
    assert [len(column) for column in evidence[:8]] == [0, 0, 1, 0, 0, 0, 0, 0]
    assert {len(column) for column in evidence.tests} == {0}
    assert (evidence.n_tests, evidence.n_passed) == (0, 0)


def test_a_list_of_one_sentence() -> None:
    evidence = mine_skip_ngrams(
        *flat([[0, 1], [2, 3]]),
        lists=padded([[1]]),
        background_rows=np.empty(0, np.int64),
        item="word",
        options=SkipNgramOptions(min_sentences=1),
    )
    assert rows_of(evidence, 0) == {(2, 3): 0}
    assert evidence.n_background.tolist() == [0]


def test_minimum_support() -> None:
    options = SkipNgramOptions(min_share=0.07, min_sentences=5)
    assert [options.min_support(n) for n in (0, 50, 100, 101)] == [5, 5, 7, 8]


def test_a_list_out_of_range() -> None:
    with pytest.raises(ValueError, match="A list holds sentence 7 of 1 sentences"):
        mine_skip_ngrams(*flat([[0]]), lists=padded([[7]]), background_rows=np.arange(1), item="word")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"min_share": 1.5}, "min_share is 1.5"),
        ({"max_length": 1}, "max_length is 1"),
        ({"max_length": 6}, "max_length is 6"),
        ({"n_frequent": 0}, "n_frequent is 0"),
        ({"tag_max_gap": -1}, "tag_max_gap is -1"),
        ({"max_entries": -1}, "max_entries is -1"),
    ],
)
def test_options_out_of_range(wrong: dict[str, float], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        SkipNgramOptions(**wrong)  # type: ignore[arg-type]


def test_the_plain_twin_knows_gaps() -> None:
    assert patterns_of([0, 1, 2], allowed=[True] * N_CODES, max_length=2, max_gap=0) == {
        (0,), (1,), (2,), (0, 1), (1, 2),
    }  # fmt: skip
