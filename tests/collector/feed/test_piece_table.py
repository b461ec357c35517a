"""The remembered pieces give exactly the tokens and words of the long way."""

from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from neurolect.collector.feed import piece_table
from neurolect.collector.feed.piece_table import PieceTable, looks_at_pieces
from neurolect.corpus.sentences.words import split_words
from neurolect.model.tokens import tokenize
from tests.tiny_models import tiny_tokenizer

_PIECES = st.text(
    alphabet=st.sampled_from(list("abcdenorsty.',!?-()[]#")) | st.characters(exclude_categories=["Cs"]), max_size=9
)
_NAMED = st.sampled_from(
    ["[MASK]", "[SEP]s", "x[CLS]y", "don't", "U.S.", "B.", "\u4f60\u597d", "e\u0301", "\u0301a", "\u0130", "\x85a"]
)
_SENTENCES = st.lists(st.lists(_PIECES | _NAMED, min_size=1, max_size=8).map(" ".join), min_size=1, max_size=6)


def wordpiece_tokenizer(*, normalizer: object = None) -> SimpleNamespace:
    backend = tiny_tokenizer().backend_tokenizer
    backend.normalizer = normalizer or normalizers.BertNormalizer()
    return SimpleNamespace(backend_tokenizer=backend)


def counted(texts: list[str]) -> Counter[str]:
    words: Counter[str] = Counter()
    for text in texts:
        words.update({word.lower() for word in split_words(text)})
    return words


@given(chunks=st.lists(_SENTENCES, min_size=1, max_size=3), max_tokens=st.integers(3, 30), special=st.booleans())
def test_pieces_give_the_tokens_and_words_of_whole_sentences(
    chunks: list[list[str]], max_tokens: int, special: bool
) -> None:
    tokenizer = wordpiece_tokenizer()
    table = PieceTable(tokenizer, max_tokens=max_tokens, include_special=special)
    for texts in chunks:
        found = table.tokenize(texts)
        expected = tokenize(tokenizer, texts, max_tokens=max_tokens, include_special=special)
        if found is None:
            # White space that is no single space; or the first sentences had no token, and nothing was learned.
            odd = any(piece.split() != [piece] for text in texts for piece in text.split(" "))
            first = tokenize(tokenizer, chunks[0], max_tokens=max_tokens, include_special=special)
            assert odd or (not table._ok and len(first.empty) == len(chunks[0]))
            continue
        if len(expected.empty) < len(texts):  # else nothing shows where special tokens are, nor is it asked
            for one, other in zip(found[0], expected, strict=True):
                np.testing.assert_array_equal(np.asarray(one), np.asarray(other))
        assert found[1] == counted(texts)


def test_usual_sentences_take_the_short_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(piece_table, "_MOST_PIECES", 5)  # forgets between chunks
    table = PieceTable(wordpiece_tokenizer(), max_tokens=12, include_special=False)
    texts = ["the cat sat on the mat .", "Plan B.", "a dog saw the cat, the cat ran!"]
    for _ in range(3):
        found = table.tokenize(texts)
        assert found is not None
        assert found[1] == counted(texts)


def test_tokenizers_that_look_beyond_spaces_are_known() -> None:
    assert looks_at_pieces(wordpiece_tokenizer().backend_tokenizer)
    unlike = Tokenizer(models.BPE())
    unlike.pre_tokenizer = pre_tokenizers.ByteLevel()
    assert not looks_at_pieces(unlike)
    spaced = wordpiece_tokenizer()
    spaced.backend_tokenizer.add_tokens(["new york"])
    assert not looks_at_pieces(spaced.backend_tokenizer)
    assert PieceTable(spaced, max_tokens=9, include_special=False).tokenize(["a b"]) is None


def test_a_tokenizer_that_turns_out_otherwise_goes_the_long_way(monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = wordpiece_tokenizer(normalizer=normalizers.Replace("a b", "c"))
    monkeypatch.setattr(piece_table, "looks_at_pieces", lambda _: True)
    assert PieceTable(tokenizer, max_tokens=9, include_special=False).tokenize(["a b c"]) is None
