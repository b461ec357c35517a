"""The fewest top neurons on which a probe, fitted again, is as good as on all; and how many such sets there are.

References: N. Durrani et al. (2020), Analyzing individual neurons in pre-trained language models, EMNLP.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.probing.labels import Parts
from neurolect.probing.probes.fitting import fit_linear
from neurolect.probing.probes.linear import LinearProbe
from neurolect.probing.probes.options import LinearOptions
from neurolect.probing.rankings.lca import join_parts, lca_order
from neurolect.probing.rankings.ranked import columns_of_neurons
from neurolect.probing.rows import Rows, as_rows

PERCENTS = (*range(1, 11), *range(15, 101, 5))


class Reached(NamedTuple):
    """Accuracy of a probe fitted on the first neurons of an order."""

    k: int
    dev: float
    test: float


class MinimalSet(NamedTuple):
    """The smallest prefix of an order that reaches the target."""

    neurons: NDArray[np.int64]
    """In the order given; all of them where the target is missed."""
    reached: Reached
    """On those."""
    target: float
    """Accuracy on the validation units that was to be reached."""
    met: bool
    tried: list[Reached]
    """Every size tried, in the order of trying."""


class Compared(NamedTuple):
    """The same number of other neurons; accuracies on the test units."""

    random: list[float]
    """A number a seed."""
    bottom: float


class Trial:
    """Fits probes on neurons of the same rows, labels and parts."""

    def __init__(
        self,
        rows: Rows | NDArray[Any],
        labels: NDArray[np.int64],
        *,
        parts: Parts,
        options: LinearOptions | None = None,
        n_parts: int = 1,
        device: str = "cpu",
    ) -> None:
        self.rows, self.labels, self.parts = as_rows(rows), labels, parts
        self.options, self.device = options or LinearOptions(), device
        self.n_parts, self.n = n_parts, self.rows.n_neurons // n_parts

    def fit(self, neurons: NDArray[np.int64], labels: NDArray[np.int64] | None = None) -> LinearProbe:
        """Fit on some neurons only (of pairs of words on both columns), to other labels if given."""
        return fit_linear(
            self.rows,
            self.labels if labels is None else labels,
            chosen=self.parts.train,
            columns=columns_of_neurons(neurons, n_neurons=self.n, n_parts=self.n_parts),
            options=self.options,
            device=self.device,
        )

    def on(self, neurons: NDArray[np.int64]) -> Reached:
        """Give the accuracy of a fit on some neurons."""
        probe = self.fit(neurons)
        dev, test = (probe.accuracy(self.rows, self.labels, part) for part in self.parts[1:])
        return Reached(len(neurons), dev, test)

    def order_of(self, neurons: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rank some neurons by a probe on them alone."""
        weights = join_parts(self.fit(neurons).weights, n_parts=self.n_parts)
        return np.sort(neurons)[lca_order(weights).order]


def minimal_set(trial: Trial, order: NDArray[np.int64], *, target: float, max_solves: int = 0) -> MinimalSet:
    """Find the smallest k whose accuracy on the validation units is at least the target.

    The first of 1, 2, ..., 10, 15, 20, ..., 100 % of the neurons that reaches it, then halving between it and the
    size before. With `max_solves`, 1 % is doubled until the target is reached, then halved; so many fits at most.
    """
    tried: dict[int, Reached] = {}

    def reaches(k: int) -> bool:
        if k not in tried:
            tried[k] = trial.on(order[:k])
        return tried[k].dev >= target

    n = len(order)
    below, found = 0, None
    for k in _doubled(n) if max_solves else _percents(n):
        if max_solves and len(tried) >= max_solves:
            break
        if reaches(k):
            found = k
            break
        below = k
    while found is not None and found - below > 1 and not (max_solves and len(tried) >= max_solves):
        middle = (found + below) // 2
        if reaches(middle):
            found = middle
        else:
            below = middle
    if found is None:
        reaches(n)
        return MinimalSet(order, tried[n], target, tried[n].dev >= target, list(tried.values()))
    return MinimalSet(order[:found], tried[found], target, True, list(tried.values()))


def _percents(n: int) -> Iterator[int]:
    yield from dict.fromkeys(max(1, round(percent * n / 100)) for percent in PERCENTS)


def _doubled(n: int) -> Iterator[int]:
    k = max(1, round(n / 100))
    while k < n:
        yield k
        k *= 2
    yield n


def compare_sizes(
    trial: Trial, order: NDArray[np.int64], *, k: int, seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
) -> Compared:
    """Fit on as many random neurons, a seed each, and on the last of the order."""
    drawn = [np.random.default_rng(seed).choice(order, k, replace=False) for seed in seeds]
    return Compared([trial.on(each).test for each in drawn], trial.on(order[-k:]).test)


def disjoint_sets(
    trial: Trial, order: NDArray[np.int64], *, target: float, max_sets: int = 20, max_solves: int = 0
) -> list[MinimalSet]:
    """Take minimal sets out one after the other, ranking what is left again, until the target is missed.

    The last set is the one that missed, unless `max_sets` or the neurons ended it.
    """
    found, left = list[MinimalSet](), order
    while len(found) < max_sets and len(left):
        found.append(minimal_set(trial, left, target=target, max_solves=max_solves))
        if not found[-1].met:
            break
        rest = np.setdiff1d(left, found[-1].neurons)
        left = trial.order_of(rest) if len(rest) else rest
    return found
