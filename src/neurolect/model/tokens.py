"""Turn sentences into model tokens, and know which of them are the sentence's own.

A tokenizer puts special tokens before and after a single sentence ([CLS] ... [SEP]); what lies between
is the sentence. A special token that is literally in the text counts as text.
"""

import threading
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from neurolect.model.hugging_face import Backend, Tokenizer

ONE_AT_A_TIME = threading.Lock()


class TokenizedSentences(NamedTuple):
    """Model tokens of many sentences, one after the other, without padding."""

    ids: NDArray[np.int32]
    """Token ids of all sentences, shape (n_tokens,)."""

    offsets: NDArray[np.int64]
    """Where each sentence starts in ``ids``, and the end: shape (n_sentences + 1,)."""

    first: NDArray[np.int32]
    """First pooled token, counted within the sentence, shape (n_sentences,)."""

    end: NDArray[np.int32]
    """One past the last pooled token, same shape; equal to ``first`` where nothing is pooled."""

    n_cut: int
    """Sentences that were longer than the limit."""

    empty: NDArray[np.int64]
    """Positions of the sentences with no pooled token: skip and count them."""

    source: "TokenizedSentences | None" = None
    """What an encoder is given for each sentence that its decoder reads; None where that is always the same."""

    def with_source(self, source: "TokenizedSentences") -> "TokenizedSentences":
        """Pair every sentence with what an encoder is given for it.

        Parameters
        ----------
        source : TokenizedSentences
            As many; where one has no token, the sentence is empty.

        Returns
        -------
        TokenizedSentences
            The same sentences.
        """
        end = self.end.copy()
        end[source.empty] = self.first[source.empty]
        return self._replace(end=end, empty=np.flatnonzero(end <= self.first), source=source)

    def with_first(self, token: int, *, pooled: bool = False) -> "TokenizedSentences":
        """Put one more special token before every sentence.

        Parameters
        ----------
        token : int
            Its number.
        pooled : bool
            Whether it is pooled.

        Returns
        -------
        TokenizedSentences
            The same sentences.
        """
        ids = np.insert(self.ids, self.offsets[:-1], token).astype(np.int32)
        offsets = self.offsets + np.arange(len(self.offsets))
        first = self.first if pooled else self.first + np.int32(1)
        return self._replace(ids=ids, offsets=offsets, first=first, end=self.end + np.int32(1))

    def without_first(self, n: int) -> "TokenizedSentences":
        """Leave the first tokens of every sentence out of pooling.

        Parameters
        ----------
        n : int
            How many; a sentence of no more is empty then.

        Returns
        -------
        TokenizedSentences
            The same sentences.
        """
        if not n:
            return self
        first = np.minimum(self.first + np.int32(n), self.end)
        return self._replace(first=first, empty=np.flatnonzero(self.end <= first))

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Model tokens of every sentence, special ones included."""
        return np.diff(self.offsets)

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Model tokens of every sentence, or of its source where that has more: what a batch makes room for."""
        return self.lengths if self.source is None else np.maximum(self.lengths, self.source.lengths)


def tokenize(
    tokenizer: "Tokenizer", texts: Sequence[str], *, max_tokens: int, include_special: bool = False
) -> TokenizedSentences:
    """Tokenize sentences with a Hugging Face tokenizer.

    ``tokenizer``: One with a Rust backend is used through that backend, which runs in parallel.
    ``max_tokens``: Longest sentence in model tokens, special ones included; longer ones lose their end.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        ids, n_before, n_after, n_cut = _with_python(tokenizer, list(texts), max_tokens)
    else:
        ids, n_before, n_after, n_cut = _with_backend(backend, list(texts), max_tokens)
    lengths = np.fromiter((len(each) for each in ids), dtype=np.int64, count=len(ids))
    offsets = np.concatenate(([0], np.cumsum(lengths)))
    first = np.zeros(len(ids), dtype=np.int32) if include_special else n_before
    end = (lengths if include_special else np.maximum(lengths - n_after, n_before)).astype(np.int32)
    flat = np.fromiter(chain.from_iterable(ids), dtype=np.int32, count=int(offsets[-1]))
    return TokenizedSentences(flat, offsets, first, end, n_cut, np.flatnonzero(end <= first))


class _Pieces(NamedTuple):
    ids: list[list[int]]
    n_before: NDArray[np.int32]
    n_after: NDArray[np.int32]
    n_cut: int


def _with_backend(backend: "Backend", texts: list[str], max_tokens: int) -> _Pieces:
    # Settings cannot be changed while another thread encodes.
    with ONE_AT_A_TIME:
        backend.no_padding()
        backend.enable_truncation(max_length=max_tokens)
        # Newer versions have a variant that keeps no character offsets.
        encodings = getattr(backend, "encode_batch_fast", backend.encode_batch)(texts)
    ids = [each.ids for each in encodings]
    n_cut = sum(1 for each, own in zip(encodings, ids, strict=True) if len(own) >= max_tokens and each.overflowing)
    # The special tokens are around any single sentence alike, so the first that is not empty holds for all.
    masks = (each.special_tokens_mask for each in encodings)
    telling = next((mask for mask in masks if 0 in mask), [1] * max(map(len, ids), default=0))
    before, after = _special_edges(telling)
    return _Pieces(ids, np.full(len(ids), before, dtype=np.int32), np.full(len(ids), after, dtype=np.int32), n_cut)


def _with_python(tokenizer: "Tokenizer", texts: list[str], max_tokens: int) -> _Pieces:
    if not texts:
        nothing = np.empty(0, dtype=np.int32)
        return _Pieces([], nothing, nothing, 0)
    # Without a limit first: the cut sentences are to be counted.
    whole = tokenizer(texts, add_special_tokens=True, return_special_tokens_mask=True, verbose=False)
    n_cut = sum(1 for each in whole["input_ids"] if len(each) > max_tokens)
    if n_cut:
        whole = tokenizer(
            texts,
            add_special_tokens=True,
            return_special_tokens_mask=True,
            truncation=True,
            max_length=max_tokens,
        )
    edges = np.array([_special_edges(mask) for mask in whole["special_tokens_mask"]], dtype=np.int32).reshape(-1, 2)
    return _Pieces(whole["input_ids"], edges[:, 0], edges[:, 1], n_cut)


def _special_edges(mask: Iterable[int]) -> tuple[int, int]:
    """Count the leading and the trailing special tokens; all of them lead where there is nothing else."""
    flags = list(mask)
    before = flags.index(0) if 0 in flags else len(flags)
    after = flags[::-1].index(0) if 0 in flags else 0
    return before, after
