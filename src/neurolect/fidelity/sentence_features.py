"""Which features each sentence has, of all kinds of evidence."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from neurolect.fidelity.features import Features
from neurolect.signatures.evidence.annotated import Annotated
from neurolect.signatures.evidence.registry import kinds
from neurolect.signatures.evidence.sentence_features import SentenceFeatures


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
