"""What a tokenizer and the word splitter make of each piece between two spaces, remembered.

Words follow Zipf's law, so nearly every piece of a sentence has been seen before. A WordPiece tokenizer in BERT's
way looks at no more than what is between two spaces; its tokens of a sentence are those of its pieces, one
after the other, and are looked up here some ten times faster than they are made.
"""

import json
from collections import Counter
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurolect.corpus.sentences.words import is_initial, split_piece, split_words
from neurolect.model.tokens import TokenizedSentences, tokenize

_MOST_PIECES = 1 << 18
_N_TRIED = 256
_TOGETHER = 128


class PieceTable:
    """Tokens and words of pieces."""

    def __init__(self, tokenizer: Any, *, max_tokens: int, include_special: bool) -> None:  # noqa: ANN401
        self._tokenizer, self.max_tokens, self.include_special = tokenizer, max_tokens, include_special
        self._ok: bool | None = None if looks_at_pieces(tokenizer.backend_tokenizer) else False
        self._before: list[int] = []
        self._after: list[int] = []
        self._forget()

    def _forget(self) -> None:
        """Start again; bounds the memory."""
        self._numbers: dict[str, int] = {}
        self._word_numbers: dict[str, int] = {}
        self._tokens, self._words = _Rows(), _Rows()
        self._initial: list[bool] = []

    def tokenize(self, texts: Sequence[str]) -> tuple[TokenizedSentences, Counter[str]] | None:
        """Tokenize sentences and count their words.

        Returns: words: Counter. In how many sentences each lower-case word of ``split_words`` is. None in place of
            both where this tokenizer or these sentences must go the long way.
        """
        if self._ok is None:
            self._ok = self._try(texts[:_N_TRIED])
        found = self._pieces(texts) if self._ok else None
        if found is None:
            return None
        numbers, n_pieces = found
        return self._tokens_of(numbers, n_pieces), self._words_of(numbers, n_pieces, texts)

    def _try(self, texts: Sequence[str]) -> bool:
        """Learn the special tokens, and see whether the first sentences come out alike both ways."""
        backend = self._tokenizer.backend_tokenizer
        backend.no_padding()
        backend.no_truncation()
        mask, ids = (getattr(backend.encode("a"), name) for name in ("special_tokens_mask", "ids"))
        if 0 not in mask:
            return False
        own = mask.index(0)
        self._before, self._after = ids[:own], ids[own + mask.count(0) :]
        usual = tokenize(self._tokenizer, texts, max_tokens=self.max_tokens, include_special=self.include_special)
        found = self._pieces(texts)
        if found is None:
            return True  # nothing to compare; sentences like these go the long way
        ours = self._tokens_of(*found)
        return all(
            np.array_equal(np.asarray(one), np.asarray(other)) for one, other in zip(usual, ours, strict=True)
        )

    def _pieces(self, texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
        """Give the numbers of all pieces, and how many each sentence has; None where there is other white space."""
        if len(self._numbers) > _MOST_PIECES:
            self._forget()
        lists = [text.split(" ") for text in texts]
        flat = list(chain.from_iterable(lists))
        known = self._numbers
        # In an order that sentences hardly have, so that the trial shows what hangs on neighbours.
        new = sorted(set(flat) - known.keys(), reverse=True)
        if any(piece.split() != [piece] for piece in new):
            return None
        self._learn(new)
        numbers = np.fromiter(map(known.__getitem__, flat), dtype=np.int64, count=len(flat))
        return numbers, np.fromiter(map(len, lists), dtype=np.int64, count=len(lists))

    def _learn(self, pieces: list[str]) -> None:
        """Give new pieces numbers."""
        if not pieces:
            return
        self._tokens.add_flat(*self._encode(pieces))
        rows = []
        for piece in pieces:
            words = split_piece(piece)
            self._initial.append(bool(words) and is_initial(words[-1]))
            rows.append([self._word_numbers.setdefault(word.lower(), len(self._word_numbers)) for word in words])
            self._numbers[piece] = len(self._numbers)
        self._words.add(rows)

    def _encode(self, pieces: list[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Give the tokens of pieces end to end, and how many each has.

        Many pieces go as one text: a call costs the tokenizer more than a piece does.
        """
        backend = self._tokenizer.backend_tokenizer
        backend.no_truncation()
        backend.no_padding()
        groups = [pieces[start : start + _TOGETHER] for start in range(0, len(pieces), _TOGETHER)]
        encoded = backend.encode_batch([" ".join(group) for group in groups], add_special_tokens=False)
        ids, lengths = [], []
        for group, each in zip(groups, encoded, strict=True):
            ends = np.cumsum([len(piece) + 1 for piece in group])
            starts = np.array([start for start, _ in each.offsets], dtype=np.int64)
            owner = np.searchsorted(ends, starts, side="right")
            ids.append(np.array(each.ids, dtype=np.int64))
            lengths.append(np.bincount(owner, minlength=len(group)))
        return np.concatenate(ids), np.concatenate(lengths)

    def _tokens_of(self, numbers: NDArray[np.int64], n_pieces: NDArray[np.int64]) -> TokenizedSentences:
        """Lay the pieces' tokens end to end, cut at the limit, special tokens around each sentence."""
        content, n_each = self._tokens.take(numbers)
        n_content = _sums(n_each, n_pieces)
        n_before, n_after = len(self._before), len(self._after)
        kept = np.minimum(n_content, max(self.max_tokens - n_before - n_after, 0))
        offsets = np.concatenate(([0], np.cumsum(kept + n_before + n_after)))
        ids = np.empty(offsets[-1], dtype=np.int32)
        within = np.arange(int(kept.sum())) - np.repeat(np.cumsum(kept) - kept, kept)
        source = np.repeat(np.cumsum(n_content) - n_content, kept) + within
        ids[np.repeat(offsets[:-1] + n_before, kept) + within] = content[source]
        for at, token in enumerate(self._before):
            ids[offsets[:-1] + at] = token
        for at, token in enumerate(self._after):
            ids[offsets[1:] - n_after + at] = token
        lengths = np.diff(offsets)
        first = np.full(len(kept), 0 if self.include_special else n_before, dtype=np.int32)
        end = (lengths if self.include_special else n_before + kept).astype(np.int32)
        n_cut = int((n_content > kept).sum())
        return TokenizedSentences(ids, offsets, first, end, n_cut, np.flatnonzero(end <= first))

    def _words_of(
        self, numbers: NDArray[np.int64], n_pieces: NDArray[np.int64], texts: Sequence[str]
    ) -> Counter[str]:
        """Count every word once a sentence."""
        words, n_each = self._words.take(numbers)
        sentence = np.repeat(np.arange(len(n_pieces)), _sums(n_each, n_pieces))
        last = np.cumsum(n_pieces) - 1
        odd = np.flatnonzero(np.array(self._initial, dtype=np.bool_)[numbers[last]])
        # A letter and a full stop at a sentence's end are two words: those few are counted one by one.
        usual = np.ones(len(texts), dtype=np.bool_)
        usual[odd] = False
        n_words = len(self._word_numbers)
        chosen = usual[sentence]
        pairs = np.sort(sentence[chosen] * n_words + words[chosen])
        pairs = pairs[np.diff(pairs, prepend=-1) > 0]
        counts = np.bincount(pairs % n_words, minlength=n_words) if n_words else pairs
        names = list(self._word_numbers)
        present = np.flatnonzero(counts).tolist()
        counted = Counter(dict(zip((names[k] for k in present), counts[present].tolist(), strict=True)))
        for row in odd.tolist():
            counted.update({word.lower() for word in split_words(texts[row])})
        return counted


class _Rows:
    """Rows of different lengths that grow in number."""

    def __init__(self) -> None:
        self._flat = np.empty(1 << 12, dtype=np.int64)
        self._starts = np.zeros(1 << 12, dtype=np.int64)
        self._n = 0

    def add(self, rows: list[list[int]]) -> None:
        lengths = np.fromiter(map(len, rows), dtype=np.int64, count=len(rows))
        flat = np.fromiter(chain.from_iterable(rows), dtype=np.int64, count=int(lengths.sum()))
        self.add_flat(flat, lengths)

    def add_flat(self, flat: NDArray[np.int64], lengths: NDArray[np.int64]) -> None:
        end = self._starts[self._n]
        ends = end + np.cumsum(lengths)
        self._flat = _room(self._flat, int(ends[-1]))
        self._starts = _room(self._starts, self._n + len(lengths) + 1)
        self._flat[end : ends[-1]] = flat
        self._starts[self._n + 1 : self._n + 1 + len(lengths)] = ends
        self._n += len(lengths)

    def take(self, numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Give some rows end to end, and their lengths."""
        starts = self._starts[numbers]
        lengths = self._starts[numbers + 1] - starts
        before = np.cumsum(lengths) - lengths
        at = np.arange(int(lengths.sum())) + np.repeat(starts - before, lengths)
        return self._flat[at], lengths


def _room(array: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Give an array of at least n places that begins the same."""
    if n <= len(array):
        return array
    larger = np.zeros(max(n, 2 * len(array)), dtype=np.int64)
    larger[: len(array)] = array
    return larger


def _sums(values: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sum values over consecutive groups of some lengths."""
    total = np.concatenate(([0], np.cumsum(values)))
    ends = np.cumsum(lengths)
    sums: NDArray[np.int64] = total[ends] - total[ends - lengths]
    return sums


def looks_at_pieces(backend: Any) -> bool:  # noqa: ANN401
    """Say whether a tokenizer's tokens of a sentence are those of what is between its spaces.

    Returns: True for WordPiece after BERT's normaliser and splitter, cut at the right, with no added token that has
        a space in it: all of these look at single characters or at words.
    """
    made = json.loads(backend.to_str())
    truncation = made.get("truncation") or {}
    kinds = [(made.get(part) or {}).get("type") for part in ("model", "pre_tokenizer", "normalizer")]
    return (
        kinds[:2] == ["WordPiece", "BertPreTokenizer"]
        and kinds[2] in (None, "BertNormalizer")
        and truncation.get("direction", "Right") == "Right"
        and not any(any(map(str.isspace, token["content"])) for token in made.get("added_tokens", ()))
    )
