"""Which sentences hold what labels of firing tokens speak of, wherever it fires in them."""

import re
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from neurolect.signatures.annotation.annotate import Annotations
from neurolect.signatures.annotation.coding import CodedSentences
from neurolect.signatures.firing.labels import AFTER, BEFORE, NEAR, PAIR, RELATION, TEXTS

_OF_WORDS = [re.compile(re.escape(TEXTS[each]).replace(r"\{\}", "(.+)")) for each in (AFTER, BEFORE, NEAR, PAIR)]
_OF_RELATION = re.compile(re.escape(TEXTS[RELATION]).replace(r"\{\}", "(.+)"))


def hold_words(labels: Sequence[str], coded: CodedSentences) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find sentences with the word, a word with the piece, or the words one after the other.

    ``labels``: Of firing words and of their context.
    Returns: sentence and place of the label, each pair once, ascending.
    """
    code = {word: number for number, word in enumerate(coded.vocabulary)}
    of_pieces = _words_with([each for each in labels if "-" in (each[:1], each[-1:])], coded.vocabulary)
    single, longer = [np.empty((0, 2), np.int64)], []
    for number, label in enumerate(labels):
        match = next((found for each in _OF_WORDS if (found := each.fullmatch(label))), None)
        words = match[1].split(" ") if match else [label]
        codes = [code.get(word, -1) for word in words]
        if len(words) == 1:
            every = {codes[0], *of_pieces.get(label, ())} - {-1}
            single.append(np.array([(each, number) for each in every], np.int64).reshape(-1, 2))
        elif min(codes) >= 0:
            longer.append((codes, number))
    pairs = np.concatenate(single)
    sentences = np.repeat(np.arange(coded.n_sentences), np.diff(coded.offsets))
    held = [_holding(coded.words, sentences, pairs), *_in_a_row(longer, coded, sentences)]
    return _distinct(np.concatenate(held), len(labels))


def hold_grammar(
    labels: Sequence[str], coded: CodedSentences, annotations: Annotations
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find sentences with the tag or the relation; every sentence has its places, so none is found by them."""
    number = {label: place for place, label in enumerate(labels)}
    sentences = np.repeat(np.arange(coded.n_sentences), np.diff(coded.offsets))
    tags = np.array([(at, number[name]) for at, name in enumerate(coded.tag_names) if name in number], np.int64)
    found = [_holding(coded.tags, sentences, tags.reshape(-1, 2))] if coded.tag_names else []
    if annotations.relations is not None:
        encoded = annotations.relations.flatten().dictionary_encode()
        names = [TEXTS[RELATION].format(name) for name in encoded.dictionary.to_pylist()]
        relations = np.array([(at, number[name]) for at, name in enumerate(names) if name in number], np.int64)
        codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int32)
        found.append(_holding(codes, sentences, relations.reshape(-1, 2)))
    return _distinct(np.concatenate([np.empty((0, 2), np.int64), *found]), len(labels))


def _words_with(pieces: Sequence[str], vocabulary: Sequence[str]) -> dict[str, list[int]]:
    """Find the words that begin (``un-``), go on (``-liev-``) or end (``-able``) with each piece."""
    found: dict[str, list[int]] = {piece: [] for piece in pieces}
    if not found:
        return found
    for code, word in enumerate(vocabulary):
        n = len(word)
        parts = {word[:k] + "-" for k in range(1, n)} | {"-" + word[k:] for k in range(1, n)}
        parts |= {f"-{word[j:k]}-" for j in range(1, n - 1) for k in range(j + 1, n)}
        for part in parts & found.keys():
            found[part].append(code)
    return found


def _holding(
    codes: NDArray[np.integer], sentences: NDArray[np.int64], pairs: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Expand pairs of a code and a label to pairs of a sentence and a label; shape (n, 2)."""
    pairs = pairs[np.argsort(pairs[:, 0], kind="stable")]
    low, high = (np.searchsorted(pairs[:, 0], codes, side=side) for side in ("left", "right"))
    n = high - low
    rows = np.repeat(sentences, n)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(n) - n, n)
    return np.stack([rows, pairs[np.repeat(low, n) + within, 1]], axis=1)


def _in_a_row(
    longer: Iterable[tuple[list[int], int]], coded: CodedSentences, sentences: NDArray[np.int64]
) -> list[NDArray[np.int64]]:
    """Find sentences that hold words one right after the other."""
    n, found = len(coded.vocabulary), []
    by_length: dict[int, list[tuple[int, int]]] = {}
    for codes, number in longer:
        key = 0
        for each in codes:
            key = key * n + each
        by_length.setdefault(len(codes), []).append((key, number))
    for length, keys in by_length.items():
        n_places = max(len(coded.words) - length + 1, 0)
        there = np.zeros(n_places, np.int64)
        for shift in range(length):
            there = there * n + coded.words[shift : shift + n_places]
        whole = sentences[:n_places] == sentences[length - 1 : length - 1 + n_places]
        found.append(_holding(there[whole], sentences[:n_places][whole], np.array(keys, np.int64).reshape(-1, 2)))
    return found


def _distinct(pairs: NDArray[np.int64], n_labels: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give each pair once, ascending."""
    keys = np.unique(pairs[:, 0] * max(n_labels, 1) + pairs[:, 1])
    return keys // max(n_labels, 1), keys % max(n_labels, 1)
