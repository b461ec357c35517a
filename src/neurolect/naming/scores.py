"""How well a judge's choice of sentences agrees with the neuron's: shares, their mean, intervals. Arrays only."""

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

CHANCE = 0.5
"""Balanced accuracy of any choice that knows nothing of the neuron: all, none, or some at random."""


class Score(NamedTuple):
    """A number with its interval."""

    value: float
    low: float
    high: float


def wilson(n_right: int, n: int, *, interval: float) -> tuple[float, float]:
    """Give Wilson's interval of a share.

    Reference: E. B. Wilson (1927), Probable Inference, the Law of Succession, and Statistical Inference.

    Examples
    --------
    >>> [round(each, 3) for each in wilson(9, 10, interval=0.95)]
    [0.596, 0.982]
    """
    z = NormalDist().inv_cdf(0.5 + interval / 2)
    share = n_right / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * float(np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)))
    return max(0.0, middle - half), min(1.0, middle + half)


def balanced_accuracy(chosen: NDArray[np.bool_], fits: NDArray[np.bool_], *, interval: float = 0.95) -> Score:
    """Average the share of the neuron's sentences that were chosen and that of the others that were not.

    ``chosen, fits``: bool, shape (n,). What the judge chose, and what is the neuron's; some are, and some are not.
    Returns: The mean of the two shares, with the interval that their Wilson intervals give it (Newcombe's method,
        which does not shrink to nothing where all is right).

    Reference: R. G. Newcombe (1998), Interval Estimation for the Difference between Independent Proportions.

    Examples
    --------
    >>> fits = np.repeat([True, False], 10)
    >>> [round(each, 3) for each in balanced_accuracy(fits, fits)]
    [1.0, 0.804, 1.0]
    >>> round(balanced_accuracy(np.ones(20, bool), fits).value, 3)
    0.5
    """
    shares, below, above = [], 0.0, 0.0
    for own, right in ((fits, chosen), (~fits, ~chosen)):
        n, n_right = int(np.count_nonzero(own)), int(np.count_nonzero(own & right))
        low, high = wilson(n_right, n, interval=interval)
        shares.append(n_right / n)
        below, above = below + (shares[-1] - low) ** 2, above + (high - shares[-1]) ** 2
    value = sum(shares) / 2
    return Score(value, max(0.0, value - below**0.5 / 2), min(1.0, value + above**0.5 / 2))


def graded_auroc(values: NDArray[np.float64], fits: NDArray[np.bool_], *, interval: float = 0.95) -> Score:
    """Give the chance that a sentence of the neuron has a higher value than another one, ties half.

    ``values``: float64, shape (n,). How sure the judge is that a sentence fits. ``fits``: bool, shape (n,). What is
        the neuron's; some are, and some are not. Of values that are 0 and 1 it is the balanced accuracy.
    Returns: The area under the curve, with Newcombe's interval, which does not shrink to nothing at 1.

    Reference: R. G. Newcombe (2006), Confidence Intervals for an Effect Size Measure Based on the Mann-Whitney
        Statistic, Part 2: method 5.

    Examples
    --------
    >>> fits = np.repeat([True, False], 10)
    >>> [round(each, 3) for each in graded_auroc(np.linspace(1, 0, 20), fits)]
    [1.0, 0.8, 1.0]
    >>> round(graded_auroc(np.ones(20), fits).value, 3)
    0.5
    """
    above = values[fits][:, None] - values[~fits][None, :]
    value = float(((above > 0) + 0.5 * (above == 0)).mean())
    z, n, m = NormalDist().inv_cdf(0.5 + interval / 2), int(fits.sum()), int((~fits).sum())
    more = (n + m) / 2 - 1

    def is_far(area: float) -> bool:
        spread = 1 + more * (1 - area) / (2 - area) + more * area / (1 + area)
        return abs(value - area) > z * math.sqrt(area * (1 - area) * spread / (n * m))

    return Score(value, *(_border(value, end, is_far) for end in (0.0, 1.0)))


def _border(near: float, far: float, is_far: Callable[[float], bool]) -> float:
    """Halve the way between a number that is within and one that may be out until the border is known."""
    if not is_far(far):
        return far
    for _ in range(50):
        middle = (near + far) / 2
        near, far = (near, middle) if is_far(middle) else (middle, far)
    return near


def mean_over_neurons(
    values: NDArray[np.float64], *, n_bootstrap: int = 1_000, interval: float = 0.95, seed: int = 0
) -> Score | None:
    """Average over neurons, with an interval by drawing neurons again; None of none.

    ``values``: float64, shape (n,). NaN is left out.

    Examples
    --------
    >>> mean_over_neurons(np.array([0.5, np.nan, 0.5]))
    Score(value=0.5, low=0.5, high=0.5)
    """
    own = values[np.isfinite(values)]
    if not len(own):
        return None
    draws = np.random.default_rng(seed).integers(0, len(own), size=(n_bootstrap, len(own)))
    tail = (1 - interval) / 2
    low, high = np.quantile(own[draws].mean(axis=1), [tail, 1 - tail])
    return Score(float(own.mean()), float(low), float(high))
