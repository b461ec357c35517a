"""Which word each model token of the kept sentences belongs to, found again with the model's own tokenizer.

Dims: S sentences, T model tokens of all of them, special ones included.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.corpus.sentences.model_tokens import TokenOffsets, token_offsets
from neurolect.corpus.sentences.words import word_spans
from neurolect.signatures.annotation.coding import CodedSentences

SPANS = "token_spans"
"""The table of the run folder that says which characters each model token covers."""
_AT_ONCE = 8_192
_NOTHING = TokenOffsets(np.zeros(1, np.int64), *np.zeros((2, 0), np.int32), *np.zeros((2, 0), np.bool_))


class TokenWords(NamedTuple):
    """The model tokens of sentences and the words that they are of."""

    offsets: NDArray[np.int64]
    """Where each sentence's tokens start, shape (S + 1,)."""
    starts: NDArray[np.int32]
    """First character of each token in its sentence, shape (T,)."""
    ends: NDArray[np.int32]
    """One past its last character; special tokens cover nothing."""
    special: NDArray[np.bool_]
    """Whether it is none of the sentence's own, shape (T,)."""
    spaces: NDArray[np.bool_]
    """Whether it is but a space, or the mark of one."""
    words: NDArray[np.int64]
    """Its word as a place among the coded words: the first that it shares a character with, or, of a space, the one
    after it; -1 without one."""

    def table(self, sentence_ids: NDArray[np.int64]) -> pa.Table:
        """Give the characters of all tokens as a table, a row a sentence."""
        bounds = pa.array(self.offsets, pa.int64())
        spans = (
            pa.LargeListArray.from_arrays(bounds, pa.array(each, pa.int32())) for each in (self.starts, self.ends)
        )
        return pa.table({"sentence_id": sentence_ids, **dict(zip(("starts", "ends"), spans, strict=True))})


def token_words(
    texts: Sequence[str], words: pa.Array, coded: CodedSentences, *, tokenizer: str, n_prepended: int = 0
) -> TokenWords:
    """Tokenize sentences and find each token's word.

    ``words``: list<string>, shape (S,). Words of each sentence, those that were coded.
    ``tokenizer``: Folder or name of the model.
    ``n_prepended``: Tokens before each sentence that the tokenizer does not put there.
    """
    found, parts = [np.empty(0, np.int64)], [_NOTHING]
    for first in range(0, len(texts), _AT_ONCE):
        part = list(texts[first : first + _AT_ONCE])
        read = token_offsets(part, tokenizer=tokenizer, n_prepended=n_prepended)
        spans = [word_spans(*each) for each in zip(part, words[first : first + len(part)].to_pylist(), strict=True)]
        found.append(_words_of(read, spans=spans, at=coded.offsets[first : first + len(part) + 1]))
        parts.append(read._replace(bounds=parts[-1].bounds[-1] + read.bounds[1:]))
    read = TokenOffsets(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    return TokenWords(*read, words=np.concatenate(found))


def _words_of(
    read: TokenOffsets, *, spans: Sequence[Sequence[tuple[int, int]]], at: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Find the word of each token; all sentences on one line of characters."""
    flat = np.array([each for of_one in spans for each in of_one], np.int64).reshape(-1, 2)
    n_words, n_tokens = np.diff(at), np.diff(read.bounds)
    last = np.zeros(len(spans), np.int64)  # a length that holds all words and tokens of each sentence
    np.maximum.at(last, np.repeat(np.arange(len(spans)), n_words), flat[:, 1])
    np.maximum.at(last, np.repeat(np.arange(len(spans)), n_tokens), read.ends)
    base = np.concatenate([[0], np.cumsum(last + 1)])[:-1]
    word_starts, word_ends = (flat + np.repeat(base, n_words)[:, None]).T
    token_starts, token_ends = (each + np.repeat(base, n_tokens) for each in (read.starts, read.ends))
    place = at[0] + np.searchsorted(word_ends, token_starts, side="right")
    begins = np.append(word_starts, np.iinfo(np.int64).max)[place - at[0]]
    shares = np.maximum(begins, token_starts) < token_ends
    # the space before a number, say, is of the word after it
    before_one = read.spaces & (place < np.repeat(at[1:], n_tokens))
    return np.where(shares | before_one, place, -1)
