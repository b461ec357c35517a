"""Which held-out sentences a signature matches, and others as long and as hard that it does not.

Dims: S held-out sentences. Knows arrays only.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.statistics.significance import false_discoveries

MATCHES_ABOVE, CONTROLS_UP_TO = 0.75, 0.5
"""Shares of the sentences that a signature scores lower than those that it matches, and at least as high as
controls."""
FEWEST = 5
"""With fewer sentences that match nothing is measured."""


class Matched(NamedTuple):
    """Sentences that a signature matches, the first first, and a control for each."""

    matched: NDArray[np.int64]
    controls: NDArray[np.int64]


def match_sentences(
    predicted: NDArray[np.float32],
    usable: NDArray[np.bool_],
    *,
    n_tokens: NDArray[np.int64],
    loss: NDArray[np.float64],
    n: int,
) -> Matched:
    """Choose sentences for a signature.

    ``predicted``: What it gives each sentence, shape (S,).
    ``usable``: Which sentences can be measured.
    ``loss``: Of the network as it is, shape (S,); NaN where there is none.
    ``n``: Sentences that match, at most: those it scores highest, above three quarters of all, ties by place.
    Returns: As many controls: for each sentence that matches, in order, the one most like it in length and loss
        among those that the signature scores in the lower half and that are not taken.
    """
    there = np.flatnonzero(usable)
    if not len(there):
        return Matched(there, there)
    scores = predicted[there].astype(np.float64)
    high, low = np.quantile(scores, (MATCHES_ABOVE, CONTROLS_UP_TO))
    order = np.argsort(-scores, kind="stable")
    matched = there[order[scores[order] > high][:n]]
    free = there[scores <= low]
    free = free[~np.isin(free, matched)]
    matched = matched[: len(free)]
    traits = np.stack([np.log(np.maximum(n_tokens, 1)), np.nan_to_num(loss)], axis=1)
    spread = traits[there].std(axis=0)
    traits = traits / np.where(spread > 0, spread, 1.0)
    taken = np.zeros(len(free), dtype=np.bool_)
    controls = np.empty(len(matched), dtype=np.int64)
    for place, each in enumerate(matched.tolist()):
        distance = np.square(traits[free] - traits[each]).sum(axis=1)
        distance[taken] = np.inf
        best = int(np.argmin(distance))
        taken[best], controls[place] = True, free[best]
    return Matched(matched, controls)


def times_as_much(
    own: NDArray[np.float64], other: NDArray[np.float64], *, paired: bool, n_permutations: int, seed: int
) -> tuple[float, float]:
    """Say how many times as large one set of effects is as another, and how likely that is by chance.

    ``own, other``: Effects, 0 or more. With ``paired`` of the same sentences.
    Returns: The ratio of geometric means; one-sided p by sign flips of the pairs' log ratios, or by permuting which
        effect is whose.
    """
    a, b = (np.log(np.maximum(each, TINY)) for each in (own, other))
    found = float(a.mean() - b.mean())
    if paired:
        drawn = _flips(len(a), n_permutations, seed) @ (a - b)
    else:
        drawn = _permutations(len(a), len(b), n_permutations, seed) @ np.concatenate([a, b])
    p = (1 + np.count_nonzero(drawn >= found - 1e-12)) / (1 + n_permutations)
    return float(np.exp(found)), float(p)


@lru_cache(maxsize=8)
def _flips(n: int, n_permutations: int, seed: int) -> NDArray[np.float64]:
    """Draw signs, the same for every neuron; times differences they give means, shape (n_permutations, n)."""
    signs = np.random.default_rng(seed).integers(0, 2, size=(n_permutations, n))
    return np.asarray((2.0 * signs - 1.0) / n)


@lru_cache(maxsize=8)
def _permutations(n: int, m: int, n_permutations: int, seed: int) -> NDArray[np.float64]:
    """Draw which n of n + m are the first; times effects they give differences of means."""
    order = np.argsort(np.random.default_rng(seed).random((n_permutations, n + m)), axis=1)
    return np.where(order < n, 1.0 / n, -1.0 / m)


TINY = 1e-10
"""Effects are at least so large: logarithms are taken of them, and float32 tells no less."""


def corrected(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the smallest false-discovery rate at which each test passes (Benjamini and Hochberg); NaN stays.

    Examples
    --------
    >>> corrected(np.array([0.01, 0.04, np.nan, 0.03])).round(3).tolist()
    [0.03, 0.04, nan, 0.04]
    """
    found, there = np.full(len(p), np.nan), np.isfinite(p)
    surprise = -np.log(p[there])
    every = surprise[surprise > 0]
    found[there] = false_discoveries(surprise, every=every, n_tests=len(surprise), rate=0.05).q
    return found
