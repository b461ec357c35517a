"""How well scores tell some sentences from the others: AUROC, average precision, rank correlation, resamples.

Equal scores are treated as one step of the curve, so that no order among them flatters.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(nogil=True, cache=True)
def average_ranks(values: NDArray[np.float32], order: NDArray[np.int64]) -> NDArray[np.float64]:
    """Rank values from 1, the mean rank to equal ones; `order` sorts them ascending."""
    ranks = np.empty(len(values))
    start = 0
    while start < len(values):
        stop = start + 1
        while stop < len(values) and values[order[stop]] == values[order[start]]:
            stop += 1
        for place in range(start, stop):
            ranks[order[place]] = 0.5 * (start + stop + 1)
        start = stop
    return ranks


@njit(nogil=True, cache=True)
def rank_correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Correlate two rankings (Spearman); NaN where one is all ties."""
    n = len(a)
    middle = 0.5 * (n + 1)
    product, square_a, square_b = 0.0, 0.0, 0.0
    for place in range(n):
        from_a, from_b = a[place] - middle, b[place] - middle
        product += from_a * from_b
        square_a += from_a * from_a
        square_b += from_b * from_b
    if square_a <= 0.0 or square_b <= 0.0:
        return np.nan
    return float(product / np.sqrt(square_a * square_b))


@njit(nogil=True, cache=True)
def curve_areas(
    scores: NDArray[np.float32], order: NDArray[np.int64], positive: NDArray[np.bool_]
) -> tuple[float, float, float]:
    """Give AUROC, average precision, and average precision as it were with as many negatives as positives.

    `order` sorts the scores ascending. NaN where one of the two kinds is missing.
    """
    n = len(order)
    n_positive = 0
    for place in range(n):
        n_positive += 1 if positive[place] else 0
    n_negative = n - n_positive
    if n_positive == 0 or n_negative == 0:
        return np.nan, np.nan, np.nan
    balance = n_positive / n_negative
    area, precision, balanced = 0.0, 0.0, 0.0
    above_positive, above_negative = 0, 0
    stop = n
    while stop > 0:
        start = stop - 1
        while start > 0 and scores[order[start - 1]] == scores[order[stop - 1]]:
            start -= 1
        here = 0
        for place in range(start, stop):
            here += 1 if positive[order[place]] else 0
        others = stop - start - here
        area += here * (above_negative + 0.5 * others)
        above_positive += here
        above_negative += others
        if here:
            precision += here * above_positive / (above_positive + above_negative)
            balanced += here * above_positive / (above_positive + balance * above_negative)
        stop = start
    return 1.0 - area / (n_positive * n_negative), precision / n_positive, balanced / n_positive


@njit(nogil=True, cache=True)
def _add(total: NDArray[np.int32], row: NDArray[np.uint8]) -> None:
    for each in range(len(total)):
        total[each] += row[each]


@njit(nogil=True, cache=True)
def resampled_areas(
    scores: NDArray[np.float32],
    order: NDArray[np.int64],
    positive: NDArray[np.bool_],
    counts: NDArray[np.uint8],
    areas: NDArray[np.float64],
) -> None:
    """Fill AUROC and average precision of every resample; NaN where a resample lacks one of the two kinds.

    `counts`, shape (n_sentences, n_resamples), says how often each sentence is drawn. All resamples go down the
    scores together. `areas` has shape (2, n_resamples).
    """
    n_resamples = counts.shape[1]
    negatives = np.zeros(n_resamples, np.int32)
    positives = np.zeros(n_resamples, np.int32)
    others = np.zeros(n_resamples, np.int32)
    own = np.zeros(n_resamples, np.int32)
    areas[:] = 0.0
    stop = len(order)
    while stop > 0:
        start = stop - 1
        any_positive = positive[order[start]]
        while start > 0 and scores[order[start - 1]] == scores[order[stop - 1]]:
            start -= 1
            any_positive = any_positive or positive[order[start]]
        if not any_positive:
            for place in range(start, stop):
                _add(negatives, counts[order[place]])
        else:
            others[:] = 0
            own[:] = 0
            for place in range(start, stop):
                _add(own if positive[order[place]] else others, counts[order[place]])
            for each in range(n_resamples):
                here = np.float64(own[each])
                areas[0, each] += here * (negatives[each] + 0.5 * others[each])
                negatives[each] += others[each]
                positives[each] += own[each]
                areas[1, each] += here * positives[each] / max(1, positives[each] + negatives[each])
        stop = start
    for each in range(n_resamples):
        if negatives[each] > 0 and positives[each] > 0:
            areas[0, each] = 1.0 - areas[0, each] / (np.float64(negatives[each]) * positives[each])
            areas[1, each] /= positives[each]
        else:
            areas[:, each] = np.nan
