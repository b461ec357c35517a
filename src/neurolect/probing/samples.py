"""Samples of a store's units: whole sentences, every class present, held in memory where they fit.

Dims: T units, N neurons.
"""

import hashlib
import json
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.errors import OptionError, nearest
from neurolect.probing.activations.reader import ActivationStore
from neurolect.probing.concepts.splits import PARTS
from neurolect.probing.labels import Parts
from neurolect.probing.rows import ArrayRows, Rows

LEAST = 50
"""Units of a class that a sample has, where the store has as many."""
HELD_BYTES = 2 << 30


class Sample(NamedTuple):
    """Sampled units as a matrix of their own, rows numbered from 0."""

    rows: Rows
    labels: NDArray[Any]
    classes: tuple[str, ...]
    parts: Parts
    units: NDArray[np.int64]
    """Number of each row in the store, shape (T,)."""
    sentences: NDArray[np.int64]
    """Of each row, shape (T,)."""
    facts: dict[str, Any]
    """Units of each part, of how many, and how many were added to small classes."""

    def against_rest(self, concept: str, *, seed: int) -> "Sample":
        """Make two classes of the labels, the others undersampled to as many units in every part."""
        code, drawn = class_code(self.classes, concept), np.random.default_rng(seed)
        parts = []
        for part in self.parts:
            own, rest = part[self.labels[part] == code], part[self.labels[part] != code]
            kept = drawn.choice(rest, min(len(own), len(rest)), replace=False)
            parts.append(np.sort(np.concatenate([own, kept])))
        labels = (self.labels == code).astype(np.int64)
        return self._replace(labels=labels, classes=("other", concept), parts=Parts(*parts))

    def resampled(self, seed: int) -> "Sample":
        """Sample the sentences of the training part with replacement (bootstrap); no class is lost."""
        drawn, train = np.random.default_rng(seed), self.parts.train
        _, sentence_of = np.unique(self.sentences[train], return_inverse=True)
        n = int(sentence_of.max()) + 1
        times = np.bincount(drawn.integers(n, size=n), minlength=n)[sentence_of]
        if self.classes:
            left = np.bincount(self.labels[train], weights=times, minlength=len(self.classes))
            times = np.where(left[self.labels[train]] < 2, np.maximum(times, 1), times)
        return self._replace(parts=self.parts._replace(train=np.repeat(train, times)))


def class_code(classes: tuple[str, ...] | list[str], concept: str) -> int:
    """Give the place of a class, or refuse a name that there is not."""
    if concept not in classes:
        what = f"There is no class {concept!r}."
        known = ", ".join(map(repr, classes[:20])) or "no concept: the labels are numbers"
        hint = f"The nearest: {nearest(concept, classes)}." if classes else None
        raise OptionError(what, expected=known, hint=hint)
    return list(classes).index(concept)


def draw_sample(store: ActivationStore, *, sizes: tuple[int, int, int], seed: int) -> Sample:
    """Sample units of the three parts, at most `sizes` of each but for what small classes get."""
    sentences = store.table(columns=["sentence_id"]).column("sentence_id").to_numpy()
    classes, drawn = tuple(store.classes), np.random.default_rng(seed)
    chosen, facts = [], dict[str, Any]()
    for name, size in zip(PARTS, sizes, strict=True):
        part = store.rows_of(name)
        units = _whole_sentences(part, sentences[part], size, drawn)
        added = _of_small_classes(units, part, store.labels, len(classes), drawn)
        facts[name] = {"units": len(units) + len(added), "of": len(part), "added_to_small_classes": len(added)}
        chosen.append(np.sort(np.concatenate([units, added])))
    ids = np.concatenate(chosen)
    ends = np.cumsum([0, *map(len, chosen)])
    parts = Parts(*(np.arange(low, high) for low, high in pairwise(ends)))
    return Sample(_held(store, ids), store.labels[ids], classes, parts, ids, sentences[ids], facts)


def _whole_sentences(
    part: NDArray[np.int64], sentences: NDArray[np.int64], size: int, drawn: np.random.Generator
) -> NDArray[np.int64]:
    if len(part) <= size:
        return part
    names, sentence_of, counts = np.unique(sentences, return_inverse=True, return_counts=True)
    order = drawn.permutation(len(names))
    taken = order[: max(1, int(np.searchsorted(np.cumsum(counts[order]), size, side="right")))]
    return part[np.isin(sentence_of, taken)]


def _of_small_classes(
    units: NDArray[np.int64],
    part: NDArray[np.int64],
    labels: NDArray[Any],
    n_classes: int,
    drawn: np.random.Generator,
) -> NDArray[np.int64]:
    """Choose what is missing of classes that a sample has too few of."""
    if not n_classes or len(units) == len(part):
        return units[:0]
    counts = np.bincount(labels[units], minlength=n_classes)
    rest = np.setdiff1d(part, units)
    added = [units[:0]]
    for code in np.flatnonzero(counts < LEAST).tolist():
        of_class = rest[labels[rest] == code]
        added.append(drawn.choice(of_class, min(LEAST - int(counts[code]), len(of_class)), replace=False))
    return np.concatenate(added)


def _held(store: ActivationStore, ids: NDArray[np.int64]) -> Rows:
    """Copy rows into memory; rows that do not fit are read when they are needed."""
    dtype = np.dtype(store.manifest["dtype"])
    if len(ids) * store.n_neurons * dtype.itemsize > HELD_BYTES:
        return _Some(store, ids)
    held, at = np.empty((len(ids), store.n_neurons), dtype), 0
    for _, block in store.blocks(ids):
        held[at : at + len(block)] = block
        at += len(block)
    return ArrayRows(held)


class _Some:
    """Some rows of a store, numbered from 0."""

    def __init__(self, store: ActivationStore, ids: NDArray[np.int64]) -> None:
        self.store, self.ids = store, ids
        self.n_rows, self.n_neurons = len(ids), store.n_neurons

    def blocks(self, rows: Any, columns: Any) -> Any:  # noqa: ANN401 - as Rows
        """Give blocks of rows in the order asked for."""
        numbers = np.arange(self.n_rows)[slice(None) if rows is None else rows]
        at = 0
        for _, block in self.store.blocks(self.ids[numbers], columns):
            yield numbers[at : at + len(block)], block
            at += len(block)


def fingerprints(store: ActivationStore) -> list[str]:
    """Give what a result rests on: the activations, and the labels with their parts."""
    facts = store.manifest
    model = facts["model"]
    known = [model.get("fingerprint"), model["sites"], facts["data"], facts["options"], facts["n_rows"]]
    words = json.dumps(known, sort_keys=True).encode()
    labels = json.dumps([facts["concept"], store.classes]).encode() + store.labels.tobytes() + store.split.tobytes()
    return [hashlib.blake2b(each, digest_size=16).hexdigest() for each in (words, labels)]
