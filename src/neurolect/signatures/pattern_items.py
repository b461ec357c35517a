"""What patterns are sequences of: words, lemmas, tags, or common words among the tags of the others."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.signatures.coding import CodedSentences, counts_as_word
from neurolect.signatures.items import count_in_rows, items_of_tokens
from neurolect.signatures.lemmas import lemma_codes, read_lemma_tables
from neurolect.signatures.skip_ngram_options import SequenceItem

COMMON = 0.01
"""A mixed pattern has a word where more than this share of the background's sentences hold it, else its tag."""


class PatternItems(NamedTuple):
    """Sentences as sequences of items."""

    codes: NDArray[np.int32]
    """Item of each token."""
    labels: list[str]
    """What each code stands for."""
    allowed: NDArray[np.bool_]
    """Whether it may be part of a pattern: punctuation never is."""


def pattern_items_of(
    coded: CodedSentences, *, item: SequenceItem, in_sample: NDArray[np.bool_], tagger: str | None
) -> PatternItems:
    """Give every token its item.

    ``coded``: The kept sentences; with tags for all items but words.
    ``item``: Kind of the items. Mixed patterns have one item a place: a common word, or the tag of any other word.
    ``in_sample``: bool, shape (n_sentences,). The background, in which words are common.
    ``tagger``: Package or folder of the tagger, whose model knows the lemmas.
    """
    is_tag_of_word = np.array([name[:1].isalpha() for name in coded.tag_names], dtype=np.bool_)
    if item == "tag":
        return PatternItems(coded.tags, coded.tag_names, is_tag_of_word)
    if item == "lemma":
        codes, labels = lemma_codes(
            coded.words,
            coded.tags,
            vocabulary=coded.vocabulary,
            tag_names=coded.tag_names,
            tables=read_lemma_tables(tagger or ""),
        )
        return PatternItems(codes, labels, np.array([counts_as_word(each) for each in labels], dtype=np.bool_))
    if item == "mixed":
        items = items_of_tokens(coded.words, coded.offsets, n_items=len(coded.vocabulary))
        counts = count_in_rows(items, in_sample)
        is_common = (counts > COMMON * max(int(in_sample.sum()), 1)) & coded.counts_as_word
        n_words = len(coded.vocabulary)
        codes = np.where(is_common[coded.words], coded.words, coded.tags + n_words).astype(np.int32)
        allowed = np.concatenate([coded.counts_as_word, is_tag_of_word])
        return PatternItems(codes, [*coded.vocabulary, *coded.tag_names], allowed)
    return PatternItems(coded.words, coded.vocabulary, coded.counts_as_word)
