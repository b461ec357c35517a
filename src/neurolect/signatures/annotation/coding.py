"""Annotated sentences as arrays of codes: what every count and every pattern is computed from."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import regex
from numpy.typing import NDArray

from neurolect.corpus.sentences.words import is_word
from neurolect.signatures.annotation.annotate import Annotations

_EMOJI = regex.compile(r"(?![\u00a9\u00ae\u2122])\p{Extended_Pictographic}")
UNKNOWN_TAG = "XX"
"""Tag of every word of a sentence without tags, where other sentences have them."""


class CodedSentences(NamedTuple):
    """Words and tags of sentences as numbers; punctuation is there too, so positions are real."""

    offsets: NDArray[np.int64]
    """Where each sentence's tokens start, shape (n_sentences + 1,)."""
    words: NDArray[np.int32]
    """Code of each token's lower-cased word, shape (n_tokens,)."""
    tags: NDArray[np.int32]
    """Code of each token's tag, shape (n_tokens,); empty when no tagger ran."""
    vocabulary: list[str]
    """Lower-cased word of each code, ascending."""
    display: list[str]
    """Most common spelling of each word; of equally common ones the first in the alphabet."""
    counts_as_word: NDArray[np.bool_]
    """Whether a code is a word rather than punctuation, shape (n_words,)."""
    tag_names: list[str]
    """Tag of each tag code, ascending."""

    @property
    def n_sentences(self) -> int:
        """Number of sentences."""
        return len(self.offsets) - 1

    @property
    def n_words(self) -> NDArray[np.int32]:
        """Words, punctuation left out, of each sentence."""
        counted = np.concatenate([[0], np.cumsum(self.counts_as_word[self.words])])
        return np.diff(counted[self.offsets]).astype(np.int32)


def code_sentences(annotations: Annotations) -> CodedSentences:
    """Give the words and tags of annotated sentences numbers."""
    offsets = _offsets(annotations.words)
    spellings, spelling_codes = _numbered(annotations.words.flatten())
    lowered = [spelling.lower() for spelling in spellings]
    vocabulary = sorted(set(lowered))
    number = {word: code for code, word in enumerate(vocabulary)}
    to_word = np.array([number[word] for word in lowered], dtype=np.int32)
    frequency = np.bincount(spelling_codes, minlength=len(spellings))
    tags: NDArray[np.int32] = np.empty(0, dtype=np.int32)
    tag_names: list[str] = []
    tagged = _lengths(annotations.tags) == np.diff(offsets)
    if annotations.tags.null_count < len(tagged) or not len(tagged):
        every = annotations.tags.filter(pa.array(tagged)).flatten()
        names, tag_codes = _numbered(every if tagged.all() else pa.concat_arrays([every, pa.array([UNKNOWN_TAG])]))
        tag_names = sorted(names)
        position = {name: code for code, name in enumerate(tag_names)}
        numbers = np.array([position[name] for name in names], dtype=np.int32)
        tags = np.full(len(spelling_codes), position.get(UNKNOWN_TAG, 0), dtype=np.int32)
        tags[np.repeat(tagged, np.diff(offsets))] = numbers[tag_codes[: len(every)]]
    return CodedSentences(
        offsets=offsets,
        words=to_word[spelling_codes],
        tags=tags,
        vocabulary=vocabulary,
        display=_most_common(spellings, frequency=frequency, to_word=to_word, n_words=len(vocabulary)),
        counts_as_word=np.array([counts_as_word(word) for word in vocabulary], dtype=np.bool_),
        tag_names=tag_names,
    )


def counts_as_word(token: str) -> bool:
    r"""Tell words from punctuation.

    Returns: True with a letter or digit in it, for emoticons (two different signs or more) and for emoji.

    Examples
    --------
    >>> [counts_as_word(token) for token in ("@jane", "3.5", ":-)", "\u2764", "--", "...", "%")]
    [True, True, True, True, False, False, False]
    """
    return is_word(token) or len(set(token)) > 1 or _EMOJI.match(token) is not None


def _offsets(lists: pa.Array) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(_lengths(lists))]).astype(np.int64)


def _lengths(lists: pa.Array) -> NDArray[np.int64]:
    lengths: NDArray[np.int64] = lists.value_lengths().fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    return lengths


def _numbered(values: pa.Array) -> tuple[list[str], NDArray[np.int32]]:
    encoded = values.dictionary_encode()
    return encoded.dictionary.to_pylist(), encoded.indices.to_numpy(zero_copy_only=False).astype(np.int32)


def _most_common(
    spellings: Sequence[str], *, frequency: NDArray[np.intp], to_word: NDArray[np.int32], n_words: int
) -> list[str]:
    display = [""] * n_words
    order = sorted(range(len(spellings)), key=lambda code: (-int(frequency[code]), spellings[code]))
    for code in order:
        display[to_word[code]] = display[to_word[code]] or spellings[code]
    return display
