"""Codes, spellings and what counts as a word."""

import pyarrow as pa

from neurolect.signatures.annotation.annotate import WORDS, Annotations
from neurolect.signatures.annotation.coding import code_sentences


def annotations(sentences: list[list[str]], tags: list[list[str]] | None = None) -> Annotations:
    tag_column = pa.array(tags, type=WORDS) if tags is not None else pa.nulls(len(sentences), type=WORDS)
    return Annotations(words=pa.array(sentences, type=WORDS), tags=tag_column)


def test_words_are_lower_cased_and_shown_as_mostly_spelled() -> None:
    coded = code_sentences(annotations([["The", "BBC", "said"], ["the", "bbc", "The", "BBC"]]))
    assert coded.vocabulary == ["bbc", "said", "the"]
    assert coded.display == ["BBC", "said", "The"]
    assert [coded.vocabulary[code] for code in coded.words] == ["the", "bbc", "said", "the", "bbc", "the", "bbc"]


def test_equally_common_spellings_give_the_first_of_the_alphabet() -> None:
    assert code_sentences(annotations([["mark", "Mark"]])).display == ["Mark"]
    assert code_sentences(annotations([["Mark", "mark"]])).display == ["Mark"]


def test_punctuation_has_a_code_but_is_no_word() -> None:
    coded = code_sentences(annotations([["Well", ",", "3.5", ":-)", "..."], []]))
    words = {word for word, counts in zip(coded.vocabulary, coded.counts_as_word, strict=True) if counts}
    assert words == {"well", "3.5", ":-)"}
    assert coded.n_words.tolist() == [3, 0]
    assert coded.offsets.tolist() == [0, 5, 5]


def test_tags_are_numbered_in_the_order_of_the_alphabet() -> None:
    coded = code_sentences(annotations([["I", "go"], ["Go"]], [["PRP", "VBP"], ["VB"]]))
    assert coded.tag_names == ["PRP", "VB", "VBP"]
    assert coded.tags.tolist() == [0, 2, 1]


def test_without_a_tagger_there_are_no_tags() -> None:
    coded = code_sentences(annotations([["I", "go"]]))
    assert coded.tag_names == []
    assert len(coded.tags) == 0


def test_sentences_without_tags_among_tagged_ones_have_the_unknown_tag() -> None:
    words = pa.array([["I", "go"], ["Home", "!"], [], ["Go"]], type=WORDS)
    tags = pa.array([["PRP", "VBP"], None, None, ["VB"]], type=WORDS)
    coded = code_sentences(Annotations(words=words, tags=tags))
    assert [coded.tag_names[code] for code in coded.tags] == ["PRP", "VBP", "XX", "XX", "VB"]


def test_tags_that_do_not_fit_the_words_are_none() -> None:
    words = pa.array([["I", "go"], ["Home", "!"]], type=WORDS)
    tags = pa.array([["PRP"], ["NN", "."]], type=WORDS)
    coded = code_sentences(Annotations(words=words, tags=tags))
    assert [coded.tag_names[code] for code in coded.tags] == ["XX", "XX", "NN", "."]
