"""Compile signatures: weights for every list's evidence, fitted on the mining part alone."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.fidelity.fitting_kernels import fit_lists
from neurolect.fidelity.inputs import Features
from neurolect.fidelity.options import FidelityOptions
from neurolect.signatures.evidence.features import SentenceFeatures

LISTS_AT_ONCE = 64


class Weights(NamedTuple):
    """Weights of the features of all lists, in the order of ``Features.codes``."""

    alone: NDArray[np.float32]
    """When only the feature's kind of evidence is used, shape (n_entries,)."""
    together: NDArray[np.float32]
    """When all evidence is used."""


def fit(
    features: Features,
    sentences: SentenceFeatures,
    *,
    lists: NDArray[np.int32],
    background: NDArray[np.int32],
    options: FidelityOptions,
    senses: tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]],
    workers: int = 1,
    advance: Callable[[int], None] | None = None,
) -> Weights:
    """Fit a linear discriminant to every list against the background.

    ``lists``: int32, shape (n_lists, n). Sentences of each list; -1 after the end.
    ``background``: int32, shape (n_background,). A uniform sample of the sentences read; those of a list are not
        its background.
    ``senses``: Vectors of the kept sentences, centroids of the lists' senses and where each list's start.
    ``workers``: Threads; the result is the same for any number.
    ``advance``: Called now and then with the number of lists done.

    Reference: Fisher: The use of multiple measurements in taxonomic problems (1936); Friedman: Regularized
        discriminant analysis (1989), for the held-back covariance.
    """
    weights = Weights(*(np.zeros(len(features.codes), dtype=np.float32) for _ in range(2)))
    n_lists, n_sentences = len(lists), len(sentences.offsets) - 1

    def block(start: int) -> int:
        stop = min(start + LISTS_AT_ONCE, n_lists)
        fit_lists(
            *sentences,
            lists,
            background[: options.fit_background],
            features.codes,
            features.offsets,
            features.starts,
            options.ridge,
            np.zeros(n_sentences, dtype=np.bool_),
            np.full(len(features.labels), -1, dtype=np.int32),
            start,
            stop,
            *senses,
            *weights,
        )
        return stop - start

    with ThreadPoolExecutor(max(1, workers)) as pool:
        for n_done in pool.map(block, range(0, n_lists, LISTS_AT_ONCE)):
            if advance is not None:
                advance(n_done)
    return weights
