"""The choice of l1 and l2: penalties whose top neurons carry the concept and whose bottom ones do not.

References: N. Durrani et al. (2020), Analyzing individual neurons in pre-trained language models, EMNLP.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.probing.labels import Parts
from neurolect.probing.probes.fitting import fit_path
from neurolect.probing.probes.options import LinearOptions
from neurolect.probing.rankings.lca import join_parts, lca_order
from neurolect.probing.rankings.ranked import columns_of_neurons
from neurolect.probing.rows import Rows, as_rows

GRID = (0.0, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1)


class Tried(NamedTuple):
    """One pair of penalties; accuracies are of the validation units."""

    l1: float
    l2: float
    accuracy: float
    top: float
    """With all neurons masked but the top ones."""
    bottom: float
    """With all neurons masked but the bottom ones."""
    score: float
    """alpha (top - bottom) - beta (accuracy without penalties - accuracy)."""


class Search(NamedTuple):
    """Penalties tried, and the best."""

    best: Tried
    """The greatest score; ties to the greater l1, then l2."""
    tried: list[Tried]
    """In the order of fitting."""
    free: float
    """Accuracy without penalties."""


def search_penalties(
    rows: Rows | NDArray[Any],
    labels: NDArray[np.int64],
    *,
    parts: Parts,
    grid: Sequence[float] = GRID,
    share: float = 0.2,
    weights: tuple[float, float] = (0.5, 0.5),
    options: LinearOptions | None = None,
    n_parts: int = 1,
    device: str = "cpu",
) -> Search:
    """Fit a probe of every pair of penalties and score it; `weights`: alpha and beta; `share`: of the top.

    `n_parts`: columns of a neuron; 2 of pairs of words.
    """
    rows, options = as_rows(rows), options or LinearOptions(gap=0.01, gradient=1e-4, max_steps=100)
    pairs = penalty_path(grid)
    if (0.0, 0.0) not in pairs:
        pairs = [*pairs, (0.0, 0.0)]
    probes = fit_path(
        rows, labels, penalties=pairs, chosen=parts.train, options=replace(options, task="classes"), device=device
    )
    free = probes[pairs.index((0.0, 0.0))].accuracy(rows, labels, parts.dev)
    n = rows.n_neurons // n_parts
    n_kept = max(1, round(share * n))
    tried = []
    for (l1, l2), probe in zip(pairs, probes, strict=True):
        if l1 not in grid or l2 not in grid:
            continue
        order = lca_order(join_parts(probe.weights, n_parts=n_parts)).order
        ends = [
            columns_of_neurons(each, n_neurons=n, n_parts=n_parts) for each in (order[:n_kept], order[-n_kept:])
        ]
        accuracy, top, bottom = (probe.accuracy(rows, labels, parts.dev, kept=kept) for kept in (None, *ends))
        score = weights[0] * (top - bottom) - weights[1] * (free - accuracy)
        tried.append(Tried(l1, l2, accuracy, top, bottom, score))
    return Search(max(tried, key=lambda each: (each.score, each.l1, each.l2)), tried, free)


def penalty_path(grid: Sequence[float]) -> list[tuple[float, float]]:
    """Order all pairs so that each is next to the one before: l2 falling, l1 falling and rising in turn."""
    falling = sorted(set(grid), reverse=True)
    pairs = []
    for place, l2 in enumerate(falling):
        pairs += [(l1, l2) for l1 in (falling if place % 2 == 0 else falling[::-1])]
    return pairs
