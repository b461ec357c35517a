import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurolect.signatures.mining.index import PatternIndex, index_patterns
from neurolect.signatures.patterns.evidence import PatternEvidence, PatternTests
from neurolect.signatures.patterns.options import SkipNgramOptions
from neurolect.signatures.patterns.skip_ngrams import mine_skip_ngrams
from tests.reference.patterns_plain import holds, patterns_of, supports
from tests.signatures.pattern_strategies import as_tuples, databases, flat, gaps, masks
from tests.signatures.patterns.test_skip_ngrams import Messages, padded


def index_of(sentences: list[list[int]], **changes: object) -> PatternIndex | None:
    given: dict[str, object] = {"min_support": 1, "max_length": 3, "max_patterns": 10_000, "max_entries": 100_000}
    allowed = np.ones(5, np.bool_)
    return index_patterns(*flat(sentences), **({"allowed": allowed} | given | changes))  # type: ignore[arg-type]


@settings(max_examples=100)
@given(st.data())
def test_equals_looking_into_every_sentence(data: st.DataObject) -> None:
    sentences, allowed, max_gap = data.draw(databases), data.draw(masks), data.draw(gaps)
    min_support, max_length = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 4))
    options = {"min_support": min_support, "max_length": max_length, "max_gap": max_gap}
    index = index_of(sentences, allowed=np.array(allowed), **options)
    assert index is not None
    plain = supports(sentences, allowed=allowed, max_length=max_length, max_gap=max_gap)
    frequent = {pattern for pattern, n in plain.items() if n >= min_support}
    written = as_tuples(index.trie)
    assert sorted(written) == sorted(frequent)
    assert (np.diff(np.diff(index.holder_starts)) <= 0).all()
    for row, sentence in enumerate(sentences):
        held = index.numbers[index.starts[row] : index.starts[row + 1]].tolist()
        found = patterns_of(sentence, allowed=allowed, max_length=max_length, max_gap=max_gap)
        assert sorted(written[number] for number in held) == sorted(found & frequent)
    for number, pattern in enumerate(written):
        rows = index.holders[index.holder_starts[number] : index.holder_starts[number + 1]]
        assert rows.tolist() == [r for r, each in enumerate(sentences) if holds(each, pattern, max_gap=max_gap)]
        if len(pattern) > 1:
            parts = [pattern[:-1], pattern[-1:], pattern[:1], pattern[1:]]
            assert [written[part] for part in index.parts[number]] == parts


def evidence_of(
    sentences: list[list[int]], lists: list[list[int]], options: SkipNgramOptions, **changes: object
) -> PatternEvidence:
    given: dict[str, object] = {"background_rows": np.arange(0, len(sentences), 2), "item": "word"}
    return mine_skip_ngrams(
        *flat(sentences),
        lists=padded(lists),
        options=options,
        **(given | changes),  # type: ignore[arg-type]
    )


@settings(max_examples=100)
@given(st.data())
def test_the_index_changes_nothing(data: st.DataObject) -> None:
    sentences = data.draw(databases)
    some_rows = st.lists(st.integers(0, len(sentences) - 1), unique=True)
    # the whole corpus three times, so that an index pays
    lists = [*data.draw(st.lists(some_rows, max_size=4)), *[list(range(len(sentences)))] * 3]
    options = SkipNgramOptions(
        min_sentences=data.draw(st.integers(1, 3)),
        min_share=0.0,
        max_length=data.draw(st.integers(2, 5)),
        word_max_gap=data.draw(gaps),
        n_frequent=data.draw(st.integers(1, 20)),
        n_relative=data.draw(st.integers(1, 20)),
        n_candidates=data.draw(st.integers(1, 30)),
        max_patterns=data.draw(st.integers(1, 60)),
        max_list_entries=data.draw(st.integers(1, 300)),
        word_min_association=data.draw(st.sampled_from([0.0, 1.0])),
        min_z=data.draw(st.sampled_from([-100.0, 0.0])),
        max_overlap=data.draw(st.sampled_from([0.3, 0.75])),
    )
    messages = Messages(), Messages()
    indexed = evidence_of(sentences, lists, options, progress=messages[0])
    one_by_one = evidence_of(sentences, lists, dataclasses.replace(options, max_entries=0), progress=messages[1])
    for name in PatternEvidence._fields[:8]:
        assert np.array_equal(getattr(indexed, name), getattr(one_by_one, name)), name
    for name in PatternTests._fields:
        same = getattr(indexed.tests, name), getattr(one_by_one.tests, name)
        assert np.array_equal(*same, equal_nan=True), name
    assert (indexed.n_tests, indexed.n_passed) == (one_by_one.n_tests, one_by_one.n_passed)
    assert messages[0].texts == messages[1].texts


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which of the two ways were gone."""
    from neurolect.signatures.patterns import skip_ngrams

    gone: list[str] = []

    def watched(name: str) -> None:
        original = getattr(skip_ngrams, name)

        def call(*given: object, **named: object) -> object:
            gone.append(name)
            return original(*given, **named)

        monkeypatch.setattr(skip_ngrams, name, call)

    watched("mine_each_list")
    watched("count_indexed_lists")
    return gone


def test_few_lists_are_mined_one_by_one(calls: list[str]) -> None:
    sentences = [[0, 1, 2, 3]] * 20
    evidence_of(sentences, [list(range(20))], SkipNgramOptions())
    evidence_of(sentences, [list(range(20))] * 2, SkipNgramOptions())
    evidence_of(sentences, [list(range(20))] * 2, SkipNgramOptions(max_entries=20))
    assert calls == ["mine_each_list", "count_indexed_lists", "mine_each_list"]


def test_sizes_are_bounded() -> None:
    sentences = [[0, 1, 2]] * 4
    assert index_of(sentences, max_entries=28) is not None
    assert index_of(sentences, max_entries=27) is None
    assert index_of(sentences, max_patterns=6) is None


def test_workers_do_not_matter_to_the_index(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neurolect.signatures.mining.index.BLOCK", 7)
    random = np.random.default_rng(3)
    sentences = [random.integers(0, 5, 9).tolist() for _ in range(40)]
    one, three = index_of(sentences), index_of(sentences, workers=3)
    assert one is not None
    assert three is not None
    for name in ("length", "place", "parts", "starts", "numbers", "holder_starts", "holders"):
        assert np.array_equal(getattr(one, name), getattr(three, name))


def test_a_sentence_of_one_word_many_times() -> None:
    index = index_of([[0] * 3_000, [1]])
    assert index is not None
    assert as_tuples(index.trie) == [(0,), (1,), (0, 0), (0, 0, 0)]
