"""What words and phrases are worth in a name."""

import numpy as np
import pyarrow as pa

from neurolect.signatures.annotation.annotate import WORDS, Annotations
from neurolect.signatures.annotation.coding import code_sentences
from neurolect.signatures.counting.candidates import word_weights
from neurolect.signatures.counting.counts import Evidence, no_depths
from neurolect.signatures.patterns.tables import NO_TESTS, Patterns, phrase_candidates


def test_pieces_are_not_named_and_what_says_little_counts_in_part() -> None:
    words = ["rain", "b", "n't", "'s", "1999", "@jane", "https://a.b", "whom", "you"]
    tags = ["NN", "NN", "RB", "POS", "CD", "NN", "ADD", "WP", "PRP"]
    expected = [1.0, 0.0, 0.0, 0.0, 0.3, 0.3, 0.3, 0.3, 0.3]
    coded = code_sentences(Annotations(words=pa.array([words], WORDS), tags=pa.array([tags], WORDS)))
    assert dict(zip(coded.vocabulary, word_weights(coded).tolist(), strict=True)) == dict(
        zip(words, expected, strict=True)
    )


def test_without_tags_no_word_is_a_function_word() -> None:
    coded = code_sentences(Annotations(words=pa.array([["whom", "b"]], WORDS), tags=pa.nulls(1, WORDS)))
    assert dict(zip(coded.vocabulary, word_weights(coded).tolist(), strict=True)) == {"whom": 1.0, "b": 0.0}


def test_phrases_with_common_words_at_an_end_or_the_same_word_at_both_are_not_named() -> None:
    words = ["the", "prime", "minister", "of", "Chile", "billion"]
    coded = code_sentences(Annotations(words=pa.array([words], WORDS), tags=pa.nulls(1, WORDS)))
    phrases = ["the prime", "prime minister", "minister of chile", "chile of", "billion billion"]
    codes = [[coded.vocabulary.index(word) for word in phrase.split()] for phrase in phrases]
    n, ones = len(phrases), np.ones(len(phrases), dtype=np.int64)
    evidence = Evidence(
        lists=np.zeros(n, dtype=np.int32),
        items=np.arange(n, dtype=np.int32),
        n_list=30 * ones,
        share_list=np.full(n, 0.3),
        n_background=ones,
        share_background=np.full(n, 0.01),
        lift=np.full(n, 30.0),
        log_odds_z=np.full(n, 20.0),
        rank_frequency=ones,
        rank_relative=ones,
        **no_depths(n) | {"share_10": np.full(n, 0.3), "share_100": np.full(n, 0.3), "usual": np.full(n, 0.01)},
    )
    offsets = np.concatenate([[0], np.cumsum([len(each) for each in codes])])
    items = np.concatenate(codes).astype(np.int32)
    patterns = Patterns("word", coded.display, items, offsets.astype(np.int64), evidence, NO_TESTS, 0, 0)
    shares = np.array([0.4 if word in ("the", "of") else 0.02 for word in coded.vocabulary])
    found = phrase_candidates(
        patterns, coded=coded, in_sample=np.ones(1, dtype=np.bool_), word_shares=shares, times_longer=np.ones(1)
    )
    assert [each.label for each in found[0]] == ["prime minister", "minister of Chile"]
