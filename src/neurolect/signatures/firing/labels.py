"""What is at a token and about it: labels as numbers, of many tokens at once.

A label is a family with a payload, which is a word, a piece, a tag, or two or three words, in one integer.
Dims: T model tokens, W coded words, N tokens that are looked at.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.signatures.annotation.annotate import Annotations
from neurolect.signatures.annotation.coding import CodedSentences
from neurolect.signatures.firing.token_words import TokenWords

WITHIN = 4
"""Words before a firing word that are its context."""
WORD, PIECE, AFTER, BEFORE, NEAR, PAIR, TRIPLE, TAG, RELATION, PLACE = FAMILIES = range(10)
N_FAMILIES = 16
TEXTS = {
    AFTER: 'after "{}"',
    BEFORE: 'before "{}"',
    NEAR: f'up to {WITHIN} words after "{{}}"',
    PAIR: 'at the end of "{}"',
    TRIPLE: 'at the end of "{}"',
    RELATION: "relation {}",
}
"""How the labels of a family are written; others are as they are."""
SPACE = "(space)"
"""The piece that is the space before its word."""
PLACES = ("first token", "second token", "third token", "last token", "special token")


class Read(NamedTuple):
    """What labels are read from."""

    coded: CodedSentences
    tokens: TokenWords
    pieces: NDArray[np.int32]
    """Piece of each token that is a part of a word, shape (T,); -1 where it is all of it."""
    piece_names: list[str]
    relations: NDArray[np.int32]
    """Relation of each word to its head, shape (W,); empty where nothing was parsed."""
    relation_names: list[str]


class Labels(NamedTuple):
    """Labels of tokens, an entry a token and label; each label of a token once."""

    rows: NDArray[np.int64]
    """Place of the token among those looked at, in any order."""
    keys: NDArray[np.int64]


LabelsOfTokens = Callable[[Read, NDArray[np.int64]], Labels]


def read_from(texts: list[str], annotations: Annotations, coded: CodedSentences, tokens: TokenWords) -> Read:
    """Gather what labels are read from; finds the pieces of words."""
    pieces, names = _pieces(texts, annotations, coded, tokens)
    relations, relation_names = np.empty(0, np.int32), []
    if annotations.relations is not None:
        encoded = annotations.relations.flatten().dictionary_encode()
        relations = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int32)
        relation_names = encoded.dictionary.to_pylist()
    return Read(coded, tokens, pieces, names, relations, relation_names)


def words_at(read: Read, tokens: NDArray[np.int64]) -> Labels:
    """Label tokens by their word, and by their piece where they are a part of it."""
    words, pieces = read.tokens.words[tokens], read.pieces[tokens]
    at, part = np.flatnonzero(words >= 0), np.flatnonzero(pieces >= 0)
    return _joined((at, WORD, read.coded.words[words[at]]), (part, PIECE, pieces[part]))


def context_of(read: Read, tokens: NDArray[np.int64]) -> Labels:
    """Label tokens by the words about theirs: right before, right after, somewhere before, and phrases it ends."""
    words, codes, n = read.tokens.words[tokens], read.coded.words, len(read.coded.vocabulary)
    at = np.flatnonzero(words >= 0)
    words = words[at]
    sentence = np.searchsorted(read.coded.offsets, words, side="right") - 1
    first, last = read.coded.offsets[sentence], read.coded.offsets[sentence + 1] - 1
    before = [np.flatnonzero(words - k >= first) for k in range(WITHIN + 1)]

    def word(k: int, among: NDArray[np.int64]) -> NDArray[np.int64]:
        return codes[words[among] - k].astype(np.int64)

    one, two, after = before[1], before[2], np.flatnonzero(words + 1 <= last)
    pair = word(1, one) * n + word(0, one)
    triple = (word(2, two) * n + word(1, two)) * n + word(0, two)
    near = []
    for k in range(1, WITHIN + 1):
        new = before[k]
        for nearer in range(1, k):
            new = new[word(nearer, new) != word(k, new)]
        near.append((at[new], NEAR, word(k, new)))
    own = [(at[one], AFTER, word(1, one)), (at[after], BEFORE, word(-1, after))]
    longer = [(at[one], PAIR, pair), (at[two], TRIPLE, triple)]
    # with 800,000 words or more, three of them do not fit into one integer
    return _joined(*own, *near, *longer[: 1 + (n**3 * N_FAMILIES < 1 << 63)])


def grammar_of(read: Read, tokens: NDArray[np.int64]) -> Labels:
    """Label tokens by the tag and relation of their word, and by their place in the sentence."""
    words, spans = read.tokens.words[tokens], read.tokens
    at = np.flatnonzero(words >= 0)
    found = []
    if read.coded.tag_names:
        found.append((at, TAG, read.coded.tags[words[at]]))
    if len(read.relations):
        found.append((at, RELATION, read.relations[words[at]]))
    special = spans.special
    sentence = np.searchsorted(spans.offsets, tokens, side="right") - 1
    own = np.cumsum(np.append(0, ~special))  # tokens of the sentences' own before each
    nth = own[tokens] - own[spans.offsets[sentence]]
    left = own[spans.offsets[sentence + 1]] - own[tokens] - 1
    place = np.where(nth < len(PLACES) - 2, nth, -1)
    is_last = (left == 0) & (place < 0)
    place = np.where(special[tokens], len(PLACES) - 1, np.where(is_last, len(PLACES) - 2, place))
    has = np.flatnonzero(place >= 0)
    return _joined(*found, (has, PLACE, place[has]))


def name_of(read: Read, key: int) -> str:
    """Write a label."""
    family, payload = key % N_FAMILIES, key // N_FAMILIES
    names = {PIECE: read.piece_names, TAG: read.coded.tag_names, RELATION: read.relation_names, PLACE: PLACES}
    if family in names:
        text = names[family][payload]
    else:
        n, words = len(read.coded.vocabulary), []
        for _ in range({PAIR: 2, TRIPLE: 3}.get(family, 1)):
            payload, code = divmod(payload, n)
            words.append(read.coded.vocabulary[code])
        text = " ".join(reversed(words))
    return TEXTS.get(family, "{}").format(text)


def _joined(*parts: tuple[NDArray[np.int64], int, NDArray[np.integer]]) -> Labels:
    """Join labels of several families."""
    rows = np.concatenate([np.empty(0, np.int64), *(each for each, _, _ in parts)])
    keys = [payload.astype(np.int64) * N_FAMILIES + family for _, family, payload in parts]
    return Labels(rows, np.concatenate([np.empty(0, np.int64), *keys]))


def _pieces(
    texts: list[str], annotations: Annotations, coded: CodedSentences, tokens: TokenWords
) -> tuple[NDArray[np.int32], list[str]]:
    """Find the tokens that are a part of their word: ``un-``, ``-believ-``, ``-able``; in lower case."""
    own = np.flatnonzero((tokens.words >= 0) & ~tokens.spaces)
    far = np.iinfo(np.int32).max
    first, last = np.full(len(coded.words), far, np.int32), np.full(len(coded.words), -1, np.int32)
    np.minimum.at(first, tokens.words[own], tokens.starts[own])
    np.maximum.at(last, tokens.words[own], tokens.ends[own])
    begins, ends = tokens.starts <= first[tokens.words], tokens.ends >= last[tokens.words]
    part = own[~(begins & ends)[own]]
    sentence = (np.searchsorted(tokens.offsets, part, side="right") - 1).tolist()
    code = {SPACE: 0}
    pieces = np.full(len(tokens.words), -1, np.int32)
    pieces[(tokens.words >= 0) & tokens.spaces] = 0
    columns = (each[part].tolist() for each in (tokens.starts, tokens.ends, begins, ends))
    for token, row, start, end, is_first, is_last in zip(part.tolist(), sentence, *columns, strict=True):
        text = texts[row][start:end].strip().lower()
        name = ("" if is_first else "-") + text + ("" if is_last else "-")
        pieces[token] = code.setdefault(name, len(code))
    return pieces, list(code)
