"""Rankings by their definitions, with Python's loops, sets and sorts."""

import itertools
import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def top_set(weights: list[float], mass: float) -> set[int]:
    """The first neurons by absolute weight whose share is at least `mass`, the one that reaches it included."""
    order = sorted(range(len(weights)), key=lambda j: (-abs(weights[j]), j))
    total, running, found = sum(map(abs, weights)), 0.0, set()
    for neuron in order:
        if total == 0:
            break
        running += abs(weights[neuron])
        found.add(neuron)
        if running / total >= mass:
            break
    return found


def entry_mass(weights: list[float], neuron: int) -> float:
    order = sorted(range(len(weights)), key=lambda j: (-abs(weights[j]), j))
    total = sum(map(abs, weights))
    before = order[: order.index(neuron) + 1]
    return sum(abs(weights[each]) for each in before) / total if total else 1.0


def probeless(rows: Array, labels: list[int], label: int | None = None) -> list[float]:
    means = {each: rows[[own == each for own in labels]].mean(axis=0) for each in set(labels)}
    pairs = itertools.combinations(sorted(means), 2)
    if label is not None:
        pairs = ((label, each) for each in means if each != label)  # type: ignore[assignment]
    found: list[float] = sum(np.abs(means[one] - means[other]) for one, other in pairs).tolist()
    return found


def overlap(values: list[float], own: set[int], size: int, *, below: bool = False) -> float:
    """Intersection over union of a set of units and those strictly above the unit at a place."""
    signed = [-value for value in values] if below else values
    edge = sorted(signed, reverse=True)[min(size, len(values) - 1)]
    active = {unit for unit, value in enumerate(signed) if value > edge}
    union = active | own
    return len(active & own) / len(union) if union else 0.0


def hypergeometric_band(n: int, n_good: int, n_drawn: int, level: float = 0.95) -> tuple[int, int]:
    """Least and greatest count between which the middle of the distribution is, by adding up its terms."""
    total, low, high, running = math.comb(n, n_drawn), None, None, 0.0
    for count in range(n_drawn + 1):
        running += math.comb(n_good, count) * math.comb(n - n_good, n_drawn - count) / total
        if low is None and running >= (1 - level) / 2:
            low = count
        if high is None and running >= 1 - (1 - level) / 2 - 1e-12:
            high = count
    return low or 0, n_drawn if high is None else high
