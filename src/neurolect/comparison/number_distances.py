"""How far apart models are in a number of their neurons: as a whole, and neuron by neuron.

[E] section 5 asks for it of the one-sidedness in polarity, to measure the distance between two tasks that a
model was trained for: the area between the curves of its figure 5 is the first of the two distances.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.results import numbers
from neurolect.statistics.sorting import mean_ranks
from neurolect.store import Run

NUMBER_DISTANCES = pa.schema(
    [
        ("by", pa.string()),
        ("label", pa.string()),
        ("side", pa.string()),
        ("run", pa.string()),
        ("other", pa.string()),
        ("n", pa.int32()),
        ("mean", pa.float64()),
        ("other_mean", pa.float64()),
        ("curves", pa.float64()),
        ("neurons", pa.float64()),
        ("correlation", pa.float64()),
    ]
)


class NumberDistance(NamedTuple):
    """How far apart two models are in a number."""

    n: int
    """Neurons that have the number in both."""
    curves: float
    """Mean difference between the numbers of equal rank: the area between the two falling curves."""
    neurons: float
    """Mean absolute difference between the numbers of the neurons of one address."""
    correlation: float
    """Rank correlation of those; NaN where either is the same everywhere."""


def number_distance(first: NDArray[np.float64], second: NDArray[np.float64]) -> NumberDistance:
    """Measure how far apart the numbers of the same neurons are in two models.

    ``first, second``: float64, shape (n,). By address; a neuron that has none (NaN) in either is left out.

    Examples
    --------
    >>> number_distance(np.array([0.0, 1.0, np.nan]), np.array([1.0, 0.0, 5.0]))
    NumberDistance(n=2, curves=0.0, neurons=1.0, correlation=-1.0)
    """
    both = np.isfinite(first) & np.isfinite(second)
    a, b = first[both], second[both]
    if not len(a):
        return NumberDistance(0, float("nan"), float("nan"), float("nan"))
    curves = float(np.abs(np.sort(a) - np.sort(b)).mean())
    ranks = [mean_ranks(each) - (len(a) + 1) / 2 for each in (a, b)]
    lengths = float(np.sqrt((ranks[0] ** 2).sum() * (ranks[1] ** 2).sum()))
    correlation = float(ranks[0] @ ranks[1]) / lengths if lengths else float("nan")
    return NumberDistance(len(a), curves, float(np.abs(a - b).mean()), correlation)


def number_distances(runs: Sequence[Run], *, labels: Sequence[str], by: Sequence[str]) -> pa.Table:
    """Measure every two runs of the same neurons by every number, as ``number_distances.parquet``."""
    rows = []
    for (a, first), (b, second) in combinations(list(zip(labels, runs, strict=True)), 2):
        if first.index.addresses() != second.index.addresses():
            continue
        for number in by:
            for side in (each for each in first.sides if each in second.sides):
                one, two = numbers(first, number, side=side), numbers(second, number, side=side)
                found = number_distance(one.values, two.values)
                both = np.isfinite(one.values) & np.isfinite(two.values)
                means = [float(each.values[both].mean()) if found.n else None for each in (one, two)]
                facts = {name: value if np.isfinite(value) else None for name, value in found._asdict().items()}
                rows.append(
                    {"by": number, "label": one.label, "side": None if one.of_neuron else side}
                    | {"run": a, "other": b, "mean": means[0], "other_mean": means[1]}
                    | facts
                )
                if one.of_neuron:
                    break
    return pa.Table.from_pylist(rows, schema=NUMBER_DISTANCES)
