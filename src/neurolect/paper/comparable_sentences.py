"""What makes sentences trained on and unseen ones comparable: their place in a text, the shares of labels."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Mean(NamedTuple):
    """A weighted mean."""

    value: float
    """The mean; NaN where nothing has a weight."""
    error: float
    """Its standard error; NaN with fewer than two documents."""


def within_reach(
    documents: NDArray[np.int64], n_tokens: NDArray[np.int64], *, max_tokens: int
) -> NDArray[np.bool_]:
    """Say which sentences lie whole in the part of a document that a model reads.

    ``documents``: int64, shape (n,). Document of each sentence; a document's sentences follow each other.
    ``n_tokens``: int64, shape (n,). Model tokens of each sentence, without special ones.
    Returns: bool, shape (n,). True up to the last sentence that ends before them.

    Examples
    --------
    >>> within_reach(np.array([1, 1, 1, 2]), np.array([4, 5, 2, 9]), max_tokens=9).tolist()
    [True, True, False, True]
    """
    ends = np.cumsum(n_tokens)
    starts = np.flatnonzero(np.diff(documents, prepend=documents[:1] - 1))
    before = np.repeat((ends - n_tokens)[starts], np.diff(starts, append=len(documents)))
    return ends - before <= max_tokens


def balancing_weights(labels: NDArray[np.str_], *, like: NDArray[np.str_]) -> NDArray[np.float64]:
    """Weigh sentences so that labels have the shares that they have elsewhere.

    ``labels``: str, shape (n,). Label of each sentence.
    ``like``: str, shape (m,). Labels of other sentences, whose shares are wanted.
    Returns: float64, shape (n,). 0 for labels that the others do not have.

    Examples
    --------
    >>> balancing_weights(np.array(["a", "a", "b", "c"]), like=np.array(["a", "b"])).tolist()
    [1.0, 1.0, 2.0, 0.0]
    """
    names, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    wanted = np.array([(like == name).sum() for name in names], dtype=np.float64)
    weights: NDArray[np.float64] = (wanted / max(1, len(like)) * len(labels) / counts)[codes]
    return weights


def clustered_mean(
    values: NDArray[np.float64], *, weights: NDArray[np.float64], documents: NDArray[np.int64]
) -> Mean:
    """Average sentences, with an error that knows that those of one document are alike.

    ``values``: float64, shape (n,). A number of each sentence.
    ``weights``: float64, shape (n,). How much each counts, 0 or more.
    ``documents``: int64, shape (n,). Document of each; where every sentence has its own, the error is the usual
        one.

    The error is that of a ratio of sums over documents, by linearisation: with the residuals summed in each of G
    documents, the root of G / (G - 1) times the sum of their squares, by the sum of weights.

    Examples
    --------
    >>> clustered_mean(np.array([1.0, 3.0]), weights=np.ones(2), documents=np.array([0, 1]))
    Mean(value=2.0, error=1.0)
    """
    total = float(weights.sum())
    if not total:
        return Mean(float("nan"), float("nan"))
    mean = float((weights * values).sum() / total)
    counted = weights > 0
    _, codes = np.unique(documents[counted], return_inverse=True)
    residuals = np.bincount(codes, weights=(weights * (values - mean))[counted])
    n = len(residuals)
    if n < 2:
        return Mean(mean, float("nan"))
    return Mean(mean, float(np.sqrt(n / (n - 1) * (residuals**2).sum()) / total))
