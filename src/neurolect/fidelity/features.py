"""The features that signatures are compiled from: every piece of evidence of every list, numbered once.

Universe: words, then word patterns, tags and the other kinds in their order. A list's features are its own
evidence; what a sentence has of a sense differs from list to list (see ``sense_vectors.py``).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.signatures.evidence.annotated import Annotated
from neurolect.signatures.evidence.registry import kind_names, kinds
from neurolect.signatures.evidence.sentence_features import SentenceFeatures
from neurolect.store import Run

ALL = "all"
"""All kinds together."""


class Features(NamedTuple):
    """Features of the whole run, and which of them each list has."""

    labels: list[str]
    """What each feature is; a pattern's items are joined by a space, a field and its value by an equals sign."""
    kinds: NDArray[np.int8]
    """Place of its kind among all, ascending, shape (n_features,)."""
    codes: NDArray[np.int32]
    """Features of each list, ascending within it, shape (n_entries,)."""
    offsets: NDArray[np.int64]
    """Where each list's features start, shape (n_lists + 1,)."""

    @property
    def starts(self) -> NDArray[np.int64]:
        """First feature of each kind, and the end, shape (n_kinds + 1,)."""
        return np.asarray(np.searchsorted(self.kinds, np.arange(len(kinds()) + 1)), dtype=np.int64)

    def of_kind(self, name: str) -> list[str]:
        """Give the labels of one kind, in order."""
        first, last = self.starts[kind_names().index(name) :][:2]
        return self.labels[first:last]


def read_features(run: Run, *, sides: Sequence[str], n_evidence: int) -> Features:
    """Give the evidence of a described run numbers.

    ``n_evidence``: Rows of a kind taken of each list at most, strongest first; of tags all.
    """
    n_lists = run.n_neurons * len(sides)
    labels: list[str] = []
    of_kind, codes, lists = [], [], []
    for number, kind in enumerate(kinds()):
        rows = kind.strongest(run, sides, limit=n_evidence)
        encoded = rows.labels.dictionary_encode()
        names = encoded.dictionary.to_pylist()
        order = sorted(range(len(names)), key=names.__getitem__)
        place = np.empty(len(names), dtype=np.int64)
        place[order] = np.arange(len(names))
        codes.append(place[encoded.indices.to_numpy(zero_copy_only=False)] + len(labels))
        lists.append(rows.lists)
        labels += [names[each] for each in order]
        of_kind.append(np.full(len(names), number, dtype=np.int8))
    every_list, every_code = np.concatenate(lists), np.concatenate(codes)
    order_of_rows = np.lexsort((every_code, every_list))
    counts = np.bincount(every_list, minlength=n_lists)
    return Features(
        labels,
        np.concatenate(of_kind),
        every_code[order_of_rows].astype(np.int32),
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
    )


def sentence_features(features: Features, sentences: Annotated) -> SentenceFeatures:
    """Say which features sentences have, in their order.

    A sentence without tags has no tag features, one without trees no subtrees; senses are not among them.
    """
    parts = [kind.features(features.of_kind(kind.name), sentences) for kind in kinds()]
    return _joined(parts, features.starts)


def _joined(parts: Sequence[SentenceFeatures], starts: NDArray[np.int64]) -> SentenceFeatures:
    """Put the entries of all kinds into one row a sentence."""
    counts = np.stack([np.diff(part.offsets) for part in parts])
    offsets = np.concatenate([[0], np.cumsum(counts.sum(axis=0))]).astype(np.int64)
    before = np.cumsum(counts, axis=0) - counts
    codes = np.empty(int(offsets[-1]), dtype=np.int32)
    values = np.empty(int(offsets[-1]), dtype=np.float32)
    for number, part in enumerate(parts):
        shift = np.repeat(offsets[:-1] + before[number] - part.offsets[:-1], counts[number])
        places = np.arange(len(part.codes)) + shift
        codes[places] = part.codes + np.int32(starts[number])
        values[places] = part.values
    return SentenceFeatures(offsets, codes, values)
