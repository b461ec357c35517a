"""Which model tokens are of which word: exact to the character, whatever the tokenizer makes of a word."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from neurolect.errors import ModelError
from neurolect.model.tokens import ONE_AT_A_TIME, TokenizedSentences

if TYPE_CHECKING:
    from neurolect.model.hugging_face import Backend, Encoding
    from neurolect.model.language_model import Model

_SPACE_MARKS = "\u2581\u0120"
"""What SentencePiece and byte-level tokenizers write for a space."""


class TokenSpans(NamedTuple):
    """Where the pooled tokens of one sentence are in its text."""

    starts: NDArray[np.int32]
    """First character of each token, shape (n_tokens,)."""
    ends: NDArray[np.int32]
    """One past its last character."""


class Alignment(NamedTuple):
    """Pairs of a word and a token that share a character."""

    words: NDArray[np.int64]
    tokens: NDArray[np.int64]
    n_words: int


class WordTokens(NamedTuple):
    """The tokens of one sentence's words, counted among its pooled tokens."""

    first: NDArray[np.int32]
    """First token of each word, shape (n_words,); -1 where a word has none."""
    last: NDArray[np.int32]
    """Last token, that one included; -1 where a word has none."""
    shared: NDArray[np.bool_]
    """Whether one of its tokens is of another word too."""
    n_tokens: int
    """Pooled tokens that the model is given; a word with a later one is cut."""

    @property
    def missing(self) -> NDArray[np.bool_]:
        """Words without a token."""
        return self.first < 0

    @property
    def cut(self) -> NDArray[np.bool_]:
        """Words that end beyond the longest sentence of the model."""
        return self.last >= self.n_tokens


def align(spans: Sequence[tuple[int, int]], *, starts: NDArray[np.int32], ends: NDArray[np.int32]) -> Alignment:
    """Pair words with the tokens that cover them.

    ``spans``: sequence of (int, int). Characters of each word.
    ``starts, ends``: int32, shape (n_tokens,). Characters of each token.
    Returns: A word cut off with the end of a long sentence is in no pair.
    """
    bounds = np.array(spans, np.int64).reshape(-1, 2)
    shared = np.minimum(bounds[:, 1:], ends[None]) > np.maximum(bounds[:, :1], starts[None])
    words, tokens = np.nonzero(shared)
    return Alignment(words, tokens, len(bounds))


def token_spans(model: "Model", texts: list[str], *, sentences: TokenizedSentences) -> list[TokenSpans]:
    """Find the characters of each pooled token, without white space before it.

    Special tokens cover nothing, nor does the mark of a space that a tokenizer puts before the first word.
    """
    encodings = _backend_of(model).encode_batch(texts)
    bounds = ((each - model.n_prepended).tolist() for each in (sentences.first, sentences.end))
    pairs = zip(texts, encodings, *bounds, strict=True)
    return [_spans(text, encoded, slice(first, end)) for text, encoded, first, end in pairs]


def word_tokens(
    model: "Model", texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]]
) -> list[WordTokens]:
    """Find the tokens of all words, those beyond the longest sentence included.

    ``spans``: For each text the characters of each of its words.
    """
    backend = _backend_of(model)
    sentences = model.tokenize(texts)
    with ONE_AT_A_TIME:
        backend.no_truncation()
        whole = backend.encode_batch(list(texts))
    found = []
    for row, (text, own, encoded) in enumerate(zip(texts, spans, whole, strict=True)):
        first = int(sentences.first[row])
        starts, ends = _spans(text, encoded, slice(first - model.n_prepended, None))
        found.append(_of_sentence(align(own, starts=starts, ends=ends), int(sentences.end[row]) - first))
    return found


def _of_sentence(alignment: Alignment, n_tokens: int) -> WordTokens:
    words, tokens, n_words = alignment
    first, last = (np.full(n_words, -1, np.int32) for _ in range(2))
    first[words[::-1]] = tokens[::-1]  # the pairs ascend, so the smallest token is written last
    last[words] = tokens
    several = np.bincount(tokens) > 1 if len(tokens) else np.empty(0, np.bool_)
    shared = np.zeros(n_words, np.bool_)
    shared[words[several[tokens]]] = True
    return WordTokens(first, last, shared, n_tokens)


def _backend_of(model: "Model") -> "Backend":
    backend = getattr(model.tokenizer, "backend_tokenizer", None)
    if backend is None:
        what = f"The tokenizer of the model {model.name!r} does not say which characters a token covers."
        raise ModelError(what, expected="a tokenizer with a Rust backend", hint="save it with tokenizer.json")
    return cast("Backend", backend)


def _spans(text: str, encoded: "Encoding", part: slice) -> TokenSpans:
    offsets, pieces = encoded.offsets[part], encoded.tokens[part]
    starts = [_start(text, start, end, piece) for (start, end), piece in zip(offsets, pieces, strict=True)]
    return TokenSpans(np.array(starts, np.int32), np.array([end for _, end in offsets], np.int32))


def _start(text: str, start: int, end: int, piece: str) -> int:
    """Leave out white space before a token, and all of a token that is but the mark of a space."""
    while start < end and text[start].isspace():
        start += 1
    if piece and piece[0] in _SPACE_MARKS and not piece.strip(_SPACE_MARKS) and text[start:end] != piece:
        return end
    return start
