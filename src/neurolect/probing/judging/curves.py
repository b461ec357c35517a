"""Accuracy on the first k neurons of an order, all others masked, and without them; intervals over sentences.

Dims: T units, N columns, K classes, S sentences, B bootstrap samples, Z sizes.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.probing.probes.linear import LinearProbe
from neurolect.probing.rankings.ranked import columns_of_neurons


class Masked(NamedTuple):
    """Which units are right when a probe of all neurons is not fitted again; each of shape (Z, T)."""

    keep_zero: NDArray[np.bool_]
    keep_mean: NDArray[np.bool_]
    remove_zero: NDArray[np.bool_]
    remove_mean: NDArray[np.bool_]


def masked_right(
    probe: LinearProbe,
    values_TN: NDArray[np.float32],
    labels_T: NDArray[np.int64],
    *,
    order: NDArray[np.int64],
    sizes: Sequence[int],
    n_parts: int = 1,
) -> Masked:
    """Mask all but the first neurons, then the first ones, at every size: one pass over the columns."""
    weights_NK = (probe.weights / probe.scale).T.astype(np.float64)
    offset_NK = weights_NK * probe.mean[:, None]
    zero_K, mean_K = probe.biases - offset_NK.sum(axis=0), probe.biases
    all_TK = values_TN @ weights_NK.astype(np.float32)
    kept_TK, kept_K = np.zeros(all_TK.shape), np.zeros(len(probe.biases))
    found: list[list[NDArray[np.bool_]]] = [[], [], [], []]
    before = 0
    for size in sizes:
        columns = columns_of_neurons(order[before:size], n_neurons=len(order), n_parts=n_parts)
        kept_TK += values_TN[:, columns] @ weights_NK[columns].astype(np.float32)
        kept_K += offset_NK[columns].sum(axis=0)
        left_TK, left_K = all_TK - kept_TK, offset_NK.sum(axis=0) - kept_K
        scores = (kept_TK + zero_K, kept_TK - kept_K + mean_K, left_TK + zero_K, left_TK - left_K + mean_K)
        for each, score in zip(found, scores, strict=True):
            each.append(_predicted(score) == labels_T)
        before = size
    return Masked(*(np.stack(each) for each in found))


def _predicted(scores_TK: NDArray[np.floating]) -> NDArray[np.int64]:
    if scores_TK.shape[1] == 1:
        return (scores_TK[:, 0] > 0).astype(np.int64)
    best: NDArray[np.int64] = scores_TK.argmax(axis=1)
    return best


class Interval(NamedTuple):
    """A figure with its middle 95 % over bootstrap samples of sentences."""

    value: float
    low: float
    high: float


class Bootstrap:
    """Samples of sentences with replacement: the same for all figures, so that differences are of the same ones."""

    def __init__(self, sentences_T: NDArray[np.int64], *, n: int, seed: int) -> None:
        _, self.sentence_of_T, self.sizes_S = np.unique(sentences_T, return_inverse=True, return_counts=True)
        n_sentences = len(self.sizes_S)
        drawn = np.random.default_rng(seed)
        self.times_BS = np.stack(
            [np.bincount(drawn.integers(n_sentences, size=n_sentences), minlength=n_sentences) for _ in range(n)]
        ).astype(np.float64)

    def accuracies(self, right_ZT: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Give the accuracy at every size, and in every sample: shapes (Z,) and (B, Z)."""
        per_ZS = np.stack([np.bincount(self.sentence_of_T, weights=each, minlength=len(self.sizes_S))
                           for each in np.asarray(right_ZT, np.float64)])  # fmt: skip
        totals_B1 = (self.times_BS @ self.sizes_S)[:, None]
        return per_ZS.sum(axis=1) / self.sizes_S.sum(), self.times_BS @ per_ZS.T / totals_B1


def interval(value: float, samples_B: NDArray[np.float64]) -> Interval:
    """Give a figure its interval."""
    low, high = np.quantile(samples_B, [0.025, 0.975]).tolist()
    return Interval(value, low, high)


def area(accuracies: NDArray[np.float64], sizes: Sequence[int]) -> NDArray[np.float64]:
    """Give the mean accuracy over log k, by trapezoids along the last axis."""
    if len(sizes) == 1:
        return accuracies[..., 0]
    logs = np.log(np.asarray(sizes, np.float64))
    middle = (accuracies[..., 1:] + accuracies[..., :-1]) / 2
    mean: NDArray[np.float64] = middle @ np.diff(logs) / (logs[-1] - logs[0])
    return mean


def used_sizes(sizes: Sequence[int], n_neurons: int) -> list[int]:
    """Give the sizes that there are neurons for, ascending."""
    return sorted({each for each in sizes if each < n_neurons} or {n_neurons})


def rows_of_curve(
    facts: dict[str, Any], sizes: Sequence[int], values: NDArray[np.float64], samples_BZ: NDArray[np.float64]
) -> Iterator[dict[str, Any]]:
    """Give a row of the table for every size."""
    for place, size in enumerate(sizes):
        yield facts | {"k": size} | interval(float(values[place]), samples_BZ[:, place])._asdict()
