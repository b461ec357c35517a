"""Numbers of sentences as conditions that they meet or not: so many words, such a share of the words of one tag."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neurolect.results.tag_numbers import WORD_CLASSES
from neurolect.signatures.evidence.collected import Annotated
from neurolect.signatures.evidence.features import SentenceFeatures, present

if TYPE_CHECKING:
    from neurolect.signatures.counting.items import Items

AT_MOST, AT_LEAST = (3, 4, 5, 6, 7, 8, 10, 12, 15), (25, 30, 40, 50, 60, 80, 100)
"""Words of a sentence that names may speak of."""
SHARES = (10, 15, 20, 25, 30, 40, 50, 60, 80)
"""Shares of a sentence's words, in percent, that have a tag or a class of tags."""
_LABEL = re.compile(r"^(\S+) >= (\d+) %$")


def length_labels() -> list[str]:
    """Name the conditions on length: ``<= 5 words``, ``>= 40 words``."""
    return [*(f"<= {n} words" for n in AT_MOST), *(f">= {n} words" for n in AT_LEAST)]


def meets_lengths(labels: Sequence[str], sentences: Annotated) -> SentenceFeatures:
    """Say which sentences meet which conditions on length."""
    n_words = sentences.table.column("n_words").to_numpy().astype(np.int64)
    columns = []
    for label in labels:
        sign, number, _ = label.split(" ")
        columns.append(n_words <= int(number) if sign == "<=" else n_words >= int(number))
    return _of_flags(np.stack(columns, axis=1) if columns else np.zeros((len(n_words), 0), np.bool_))


def tag_share_labels(tag_names: Sequence[str]) -> list[str]:
    """Name the conditions on tags: ``NNP >= 20 %``, and of classes ``noun >= 50 %``; punctuation has none."""
    return [f"{name} >= {share} %" for name in _counted(tag_names) for share in SHARES]


def meets_tag_shares(labels: Sequence[str], sentences: Annotated) -> SentenceFeatures:
    """Say which sentences meet which conditions on tags."""
    shares = _shares(sentences)
    place = {name: number for number, name in enumerate(_counted(sentences.coded.tag_names))}
    flags = np.zeros((len(shares), len(labels)), np.bool_)
    for number, label in enumerate(labels):
        found = _LABEL.match(label)
        if found is not None and found[1] in place:
            flags[:, number] = shares[:, place[found[1]]] >= int(found[2]) / 100 - 1e-6
    return _of_flags(flags)


def items_of(features: SentenceFeatures, *, n_items: int) -> "Items":
    """Make items to count of what sentences meet."""
    from neurolect.signatures.counting.items import Items

    return Items(features.offsets, features.codes, np.ones(len(features.codes), np.int32), n_items)


def without(items: "Items", dropped: NDArray[np.bool_]) -> "Items":
    """Leave some items out of all sentences; bool, shape (n_items,)."""
    keep = ~dropped[items.codes]
    offsets = np.concatenate([[0], np.cumsum(keep)]).astype(np.int64)[items.offsets]
    return items._replace(offsets=offsets, codes=items.codes[keep], weights=items.weights[keep])


def _counted(tag_names: Sequence[str]) -> list[str]:
    return [*(name for name in tag_names if name[:1].isalpha()), *WORD_CLASSES] if tag_names else []


def _shares(sentences: Annotated) -> NDArray[np.float32]:
    """Give the share of every sentence's words that have each tag, then each class, shape (n_sentences, n)."""
    coded = sentences.coded
    names = coded.tag_names
    if not names:
        return np.zeros((coded.n_sentences, 0), np.float32)
    rows = np.repeat(np.arange(coded.n_sentences, dtype=np.int64), np.diff(coded.offsets))
    keys = rows * len(names) + coded.tags
    counts = np.bincount(keys, minlength=coded.n_sentences * len(names)).reshape(-1, len(names))
    words = counts[:, [name[:1].isalpha() for name in names]].astype(np.float32)
    own = [name for name in names if name[:1].isalpha()]
    classes = [words[:, [name.startswith(letter) for name in own]].sum(axis=1) for letter in WORD_CLASSES.values()]
    shares = np.column_stack([words, *classes]) / np.maximum(words.sum(axis=1, keepdims=True), 1)
    return np.asarray(shares, dtype=np.float32)


def _of_flags(flags: NDArray[np.bool_]) -> SentenceFeatures:
    offsets = np.concatenate([[0], np.cumsum(np.count_nonzero(flags, axis=1))]).astype(np.int64)
    return present(offsets, np.nonzero(flags)[1].astype(np.int32))
