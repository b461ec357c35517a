"""The same patterns and supports as the library ``prefixspan`` finds, on random sentences and on real ones."""

import random
from collections.abc import Sequence

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurolect.corpus import split_sentences, split_words
from neurolect.demo_data import documents_path
from neurolect.signatures.mining.prefixspan import mine_patterns
from neurolect.signatures.patterns.options import SkipNgramOptions
from neurolect.signatures.patterns.skip_ngrams import mine_skip_ngrams
from tests.signatures.pattern_strategies import as_tuples, databases, flat

library = pytest.importorskip("prefixspan", reason="not installed: pip install 'prefixspan>=0.5.2'")

Supports = dict[tuple[int, ...], int]


def of_library(sentences: Sequence[Sequence[int]], *, min_support: int, max_length: int = 4) -> Supports:
    found = library.PrefixSpan([list(each) for each in sentences])
    found.maxlen = max_length
    return {tuple(pattern): n for n, pattern in found.frequent(min_support)}


def of_ours(sentences: Sequence[Sequence[int]], *, min_support: int, max_length: int = 4) -> Supports:
    n_codes = max((max(each, default=0) for each in sentences), default=0) + 1
    found = mine_patterns(
        *flat(sentences),
        rows=np.arange(len(sentences)),
        allowed=np.ones(n_codes, np.bool_),
        min_support=min_support,
        max_length=max_length,
    )
    return dict(zip(as_tuples(found.trie), found.support.tolist(), strict=True))


def zipf_sentences(*, n: int, seed: int) -> list[list[int]]:
    """Sentences whose words are as unevenly frequent as real ones, with a phrase in some."""
    choose = random.Random(seed)
    weights = [1 / rank for rank in range(1, 401)]
    sentences = [choose.choices(range(400), weights, k=choose.randint(3, 25)) for _ in range(n)]
    for sentence in sentences[::7]:
        place = choose.randint(0, len(sentence))
        sentence[place:place] = [390, 391, 392]
    return sentences


@pytest.fixture(scope="module")
def real() -> dict[str, list[list[str]]]:
    """The first sentences of some domains of the demo corpus, as lower-case words."""
    table = pq.read_table(documents_path(), columns=["text", "domain"])
    found: dict[str, list[list[str]]] = {}
    for text, domain in zip(table["text"].to_pylist(), table["domain"].to_pylist(), strict=True):
        sentences = found.setdefault(domain, [])
        if len(sentences) < 150:
            sentences += [split_words(each.lower())[:40] for each in split_sentences(text)]
    return found


@pytest.mark.parametrize("seed", [0, 1])
def test_random_sentences_with_words_as_uneven_as_real_ones(seed: int) -> None:
    sentences = zipf_sentences(n=300, seed=seed)
    expected = of_library(sentences, min_support=15)
    assert (390, 391, 392) in expected
    assert of_ours(sentences, min_support=15) == expected


@settings(max_examples=50)
@given(databases, st.integers(1, 3))
def test_small_databases(sentences: list[list[int]], min_support: int) -> None:
    sentences = [[code for code in each if code >= 0] for each in sentences]
    assert of_ours(sentences, min_support=min_support) == of_library(sentences, min_support=min_support)


def test_words_of_real_sentences(real: dict[str, list[list[str]]]) -> None:
    assert len(real) >= 4
    for sentences in real.values():
        vocabulary = {word: code for code, word in enumerate(sorted({word for each in sentences for word in each}))}
        coded = [[vocabulary[word] for word in each] for each in sentences]
        expected = of_library(coded, min_support=8, max_length=5)
        assert sum(len(pattern) > 1 for pattern in expected) > 20
        assert of_ours(coded, min_support=8, max_length=5) == expected


def test_few_different_items_in_real_sentences(real: dict[str, list[list[str]]]) -> None:
    """Lengths of words repeat within a sentence, as tags do."""
    coded = [[min(len(word), 9) for word in each[:20]] for sentences in real.values() for each in sentences[:25]]
    expected = of_library(coded, min_support=20)
    assert len(expected) > 1_000
    assert of_ours(coded, min_support=20) == expected


def test_what_lists_report_of_real_sentences(real: dict[str, list[list[str]]]) -> None:
    """All the way through ranking: with nothing left out, lists report the library's patterns and supports."""
    sentences = [each for some in real.values() for each in some[:100]]
    vocabulary = {word: code for code, word in enumerate(sorted({word for each in sentences for word in each}))}
    coded = [[vocabulary[word] for word in each] for each in sentences]
    lists = np.arange(400, dtype=np.int32).reshape(2, 200)[:, ::-1].copy()
    options = SkipNgramOptions(
        min_sentences=12, min_share=0.0, word_max_gap=None, n_frequent=10_000, n_candidates=10_000
    )
    rows = np.arange(len(coded))
    found = mine_skip_ngrams(*flat(coded), lists=lists, background_rows=rows, item="word", options=options)
    for number, each in enumerate(lists):
        ours = {
            tuple(found.items[found.offsets[row] : found.offsets[row + 1]].tolist()): int(found.n_list[row])
            for row in np.flatnonzero(found.list_index == number).tolist()
        }
        library_s = of_library([coded[row] for row in each], min_support=12, max_length=3)
        assert ours == {pattern: n for pattern, n in library_s.items() if len(pattern) > 1}
        assert len(ours) > 50
