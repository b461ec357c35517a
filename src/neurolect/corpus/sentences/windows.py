"""Cut a text into windows of so many model tokens, at the ends of words."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.corpus.sentences.model_tokens import count_own, token_offsets


class Windows(NamedTuple):
    """The windows of one text."""

    texts: list[str]
    """In order, no white space at their ends."""
    lengths: list[int]
    """Model tokens of each by itself, special ones left out."""
    n_again: int
    """Characters that are in the window before too, summed over windows."""


class _Cuts(NamedTuple):
    """Where a text may be cut: before tokens that begin a letter, and at its end."""

    characters: NDArray[np.int64]
    """Characters before each, ascending."""
    tokens: NDArray[np.int64]
    """Tokens before each."""
    word_starts: NDArray[np.int64]
    """Of each the last one that is not after it and begins a word."""


def windows_of(text: str, *, tokenizer: str, n_tokens: int, stride: int) -> Windows:
    """Cut a text into windows; every word is in one, or in several where ``stride`` is smaller than a window.

    A window begins and ends with a word and has, by itself, no more tokens than it may. A word that is longer than
    that is cut between its tokens, never within a letter; so is text that has no spaces.

    ``text``: White space is single spaces.
    ``tokenizer``: A model, as in :func:`neurolect.corpus.sentences.model_tokens.count_tokens`.
    ``n_tokens``: Most tokens of a window, special ones left out.
    ``stride``: Tokens from the first of a window to that of the next one, at most ``n_tokens``.
    """
    texts: list[str] = []
    lengths: list[int] = []
    cuts = _cuts(text, tokenizer)
    n_again = start = covered = 0
    while covered < len(text):
        stop = _after(start, n_tokens, cuts)
        while True:
            window = text[cuts.characters[start] : cuts.characters[stop]].strip()
            # by itself a text may have more tokens than within another one
            length = count_own(window, tokenizer=tokenizer)
            if length <= n_tokens or stop == start + 1:
                break
            before = int(cuts.word_starts[stop - 1])
            stop = before if before > start else stop - 1
        end = int(cuts.characters[stop])
        if end > covered:  # else the window before holds all of it
            if window:
                texts.append(window)
                lengths.append(length)
            n_again += max(0, covered - int(cuts.characters[start]))
            covered = end
        start = min(stop, _after(start, stride, cuts))
    return Windows(texts, lengths, n_again)


def _cuts(text: str, tokenizer: str) -> _Cuts:
    offsets = token_offsets([text], tokenizer=tokenizer)
    starts, ends = (each[~offsets.special].astype(np.int64) for each in (offsets.starts, offsets.ends))
    whole = starts >= np.concatenate([[0], np.maximum.accumulate(ends)[:-1]]) if len(starts) else starts > 0
    tokens = np.flatnonzero(whole)
    characters = starts[tokens]
    later = characters > 0
    characters = np.concatenate([[0], characters[later], [len(text)]])
    tokens = np.concatenate([[0], tokens[later], [len(starts)]])
    inside = characters[1:-1].tolist()
    begins = [True, *(" " in text[at - 1 : at + 1] for at in inside), True]
    word_starts = np.maximum.accumulate(np.where(begins, np.arange(len(begins)), 0))
    return _Cuts(characters, tokens, word_starts)


def _after(start: int, n_tokens: int, cuts: _Cuts) -> int:
    """Find the last cut at most so many tokens after another, at a word if there is one; at least the next cut."""
    last = int(np.searchsorted(cuts.tokens, cuts.tokens[start] + n_tokens, side="right")) - 1
    word = int(cuts.word_starts[last])
    return word if word > start else max(last, start + 1)
