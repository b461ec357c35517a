"""Rankings from the classes' means alone: Probeless, and three differences of means.

Dims: K classes, N neurons.
"""

import numpy as np
from numpy.typing import NDArray

from neurolect.probing.class_moments import ClassMoments
from neurolect.probing.rankings.ranked import Ranked, best_of_classes, by_scores


def probeless(moments: ClassMoments, *, label: int | None = None, scaled: bool = False) -> Ranked:
    """Rank by the sum of absolute differences of the classes' means.

    Over all pairs of classes; for one class over its pairs with the others, the sign being that of its mean less
    the mean of the others' means. `scaled` divides by the neuron's standard deviation.

    References: O. Antverg, Y. Belinkov (2022), On the pitfalls of analyzing individual neurons, ICLR.
    """
    mean_KN = moments.mean_KN[moments.n_K > 0]
    if scaled:
        sd_N = moments.all_sd()
        mean_KN = mean_KN / np.where(sd_N > 0, sd_N, 1.0)
    own = range(len(mean_KN)) if label is None else [int((moments.n_K[:label] > 0).sum())]
    apart_KN = np.stack([np.abs(mean_KN[each] - mean_KN).sum(axis=0) for each in own])
    if label is None:
        return by_scores(apart_KN.sum(axis=0) / 2, class_scores=apart_KN)
    others = np.delete(mean_KN, own[0], axis=0)
    return by_scores(apart_KN[0], signs=mean_KN[own[0]] - others.mean(axis=0))


def mean_difference(moments: ClassMoments, *, label: int | None = None) -> Ranked:
    """Rank by the mean of a class less the mean of all other units; overall by the class with the greatest one."""
    return _ranked(_apart(moments), label)


def standardised_difference(moments: ClassMoments, *, label: int | None = None) -> Ranked:
    """Rank by that difference in pooled standard deviations (Cohen's d)."""
    apart_KN = _apart(moments)
    total, n = moments.n_K.sum(), moments.n_K[:, None]
    squares = moments.squares_KN.sum(axis=0) + moments.n_K @ (moments.mean_KN - moments.all_mean()) ** 2
    between = n * (total - n) / total * apart_KN**2  # what of all squares is between the class and the rest
    within = np.maximum(squares - between, 0.0)
    sd_KN = np.where(moments.all_sd() > 0, np.sqrt(within / (total - 2)), 0.0)
    return _ranked(np.divide(apart_KN, sd_KN, out=np.zeros_like(apart_KN), where=sd_KN > 0), label)


def mean_select(moments: ClassMoments, *, label: int | None = None) -> Ranked:
    """Rank by that difference as a share of the neuron's range (the "Selectivity" of Fan et al. 2023).

    Differs from their code, which takes the mean of the other units from another part of the data.
    """
    apart_KN, range_N = _apart(moments), moments.high_N - moments.low_N
    return _ranked(np.divide(apart_KN, range_N, out=np.zeros_like(apart_KN), where=range_N > 0), label)


def _apart(moments: ClassMoments) -> NDArray[np.float64]:
    """Give each class's mean less that of all other units; shape (K, N)."""
    n, total = moments.n_K[:, None], moments.n_K.sum()
    rest_KN = (moments.n_K @ moments.mean_KN - n * moments.mean_KN) / np.maximum(total - n, 1)
    apart_KN: NDArray[np.float64] = moments.mean_KN - rest_KN
    return apart_KN


def _ranked(values_KN: NDArray[np.float64], label: int | None) -> Ranked:
    if label is not None:
        return by_scores(np.abs(values_KN[label]), signs=values_KN[label])
    return best_of_classes(np.abs(values_KN), values_KN)
