"""Linguistic correlation analysis: neurons in the order in which they enter the top ones of some class.

The order is exact: what NeuroX approaches as its number of steps grows. Dims: K rows of weights, N neurons.
References: F. Dalvi et al. (2019), What is one grain of sand in the desert?, AAAI.
"""

import numpy as np
from numpy.typing import NDArray

from neurolect.probing.rankings.ranked import Ranked, by_scores


def entry_masses(weights_KN: NDArray[np.floating]) -> NDArray[np.float64]:
    """Give the share of a class's absolute weight that a neuron and those before it have; shape (K, N).

    In a class, neurons are sorted by absolute weight, falling, ties by neuron id. Where all weights are 0: 1.
    """
    size_KN = np.abs(np.asarray(weights_KN, np.float64))
    order_KN = np.argsort(-size_KN, axis=1, kind="stable")
    running_KN = np.cumsum(np.take_along_axis(size_KN, order_KN, 1), axis=1)
    total_K1 = running_KN[:, -1:]
    shares_KN = np.divide(running_KN, total_K1, out=np.ones_like(running_KN), where=total_K1 > 0)
    masses_KN: NDArray[np.float64] = np.empty_like(shares_KN)
    np.put_along_axis(masses_KN, order_KN, shares_KN, 1)
    return masses_KN


def top_neurons(weights_N: NDArray[np.floating], *, mass: float) -> NDArray[np.int64]:
    """Give the first neurons of a class that together have a share of its weight, with the one that completes it.

    Returns: int64 array, shape (n_top,). Largest weight first.
    """
    size_N = np.abs(np.asarray(weights_N, np.float64))
    order = np.argsort(-size_N, kind="stable")
    running = np.cumsum(size_N[order])
    if running[-1] == 0:
        return order[:0]
    return order[: int(np.searchsorted(running / running[-1], mass)) + 1]


def lca_order(weights_KN: NDArray[np.floating]) -> Ranked:
    """Rank by the least entry mass of any class; ties by the greatest share of a class's weight, then neuron id.

    The score is 1 less that mass, the sign that of the weight in the class where it is least.
    """
    masses_KN = entry_masses(weights_KN)
    first_N = masses_KN.argmin(axis=0)[None]
    least_N = np.take_along_axis(masses_KN, first_N, 0)[0]
    size_KN = np.abs(np.asarray(weights_KN, np.float64))
    total_K1 = size_KN.sum(axis=1, keepdims=True)
    share_N = np.divide(size_KN, total_K1, out=np.zeros_like(size_KN), where=total_K1 > 0).max(axis=0)
    order = np.lexsort((np.arange(len(least_N)), -share_N, least_N))
    signs = np.sign(np.take_along_axis(np.asarray(weights_KN), first_N, 0)[0]).astype(np.int8)
    return Ranked(order, 1.0 - least_N, signs, 1.0 - masses_KN)


def join_parts(weights_KN: NDArray[np.floating], *, n_parts: int) -> NDArray[np.float64]:
    """Add up absolute weights of a neuron's columns (in pairs: of the two words), and keep the greater's sign.

    Returns: float64 array, shape (K, N / n_parts). For `lca_order` and all else here.
    """
    parts_KPN = np.asarray(weights_KN, np.float64).reshape(len(weights_KN), n_parts, -1)
    greatest = np.abs(parts_KPN).argmax(axis=1)[:, None]
    signs_KN = np.sign(np.take_along_axis(parts_KPN, greatest, 1)[:, 0])
    joined_KN: NDArray[np.float64] = np.abs(parts_KPN).sum(axis=1) * signs_KN
    return joined_KN


def lca_order_of_class(weights_N: NDArray[np.floating]) -> Ranked:
    """Rank for one class by absolute weight."""
    return by_scores(np.abs(weights_N), signs=weights_N)


def linear_mean(weights_KN: NDArray[np.floating]) -> Ranked:
    """Rank by the mean absolute weight over classes (Antverg and Belinkov 2022)."""
    size_KN = np.abs(np.asarray(weights_KN, np.float64))
    return by_scores(size_KN.mean(axis=0), class_scores=size_KN)


def n_for_mass(weights_KN: NDArray[np.floating], *, mass: float = 0.5) -> NDArray[np.int64]:
    """Count each class's top neurons at a share of its weight: few where it is localised; shape (K,)."""
    return np.array([len(top_neurons(each, mass=mass)) for each in weights_KN], np.int64)


def n_classes_of(weights_KN: NDArray[np.floating], *, mass: float = 0.5) -> NDArray[np.int64]:
    """Count the classes that each neuron is a top neuron of: several where it is polysemous; shape (N,)."""
    counts = np.zeros(weights_KN.shape[1], np.int64)
    for each in weights_KN:
        counts[top_neurons(each, mass=mass)] += 1
    return counts
