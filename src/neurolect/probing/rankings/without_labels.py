"""Rankings by factors or groups of neurons: labels only say which of them goes with a concept.

Dims: T units, N neurons, M parts of neurons, R factors, K groups.
"""

import warnings
from collections.abc import Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from neurolect.clustering.average_linkage import groups_at
from neurolect.clustering.k_means import k_means
from neurolect.clustering.planar_maps import umap
from neurolect.clustering.quality import silhouettes
from neurolect.errors import ProbingError, require_extra
from neurolect.probing.rankings.groups import correlation_merges, correlations
from neurolect.probing.rankings.ranked import Ranked, by_scores
from neurolect.statistics.sorting import descending_ranks

N_SEEDS = 3
FACTORS = (4, 8, 16)
"""Numbers of factors that are tried."""
CLUSTERS = (5, 10, 20, 40)
"""Numbers of clusters that are tried."""
CUT = 0.5
"""Distance (1 - absolute correlation) at which correlation clusters are cut."""


class Factors(NamedTuple):
    """Activations as sums of factors: how strong each is at a unit, and how much of it a neuron has."""

    strengths_TR: NDArray[np.float64]
    loadings_RN: NDArray[np.float64]
    """Of the part of each neuron, above or below 0, that has more of the factor."""
    sides_RN: NDArray[np.int8]
    """+1 where that is the part above 0."""
    stability: dict[str, float]
    """By number of factors: mean cosine of the factors of two seeds, matched one to one."""


def factorise(values_TN: NDArray[np.float32], *, seed: int, sizes: Sequence[int] = FACTORS) -> Factors:
    """Factorise non-negative parts; of several numbers of factors the most stable one, of equals the smaller.

    Neurons are brought to unit standard deviation; one that takes both signs is two parts, above 0 and below.
    References: D. Lee, H. Seung (1999), Nature 401; J. Alammar (2021), Ecco, ACL demonstrations (of activations).
    """
    library = require_extra("sklearn.decomposition", extra="probing", purpose="to factorise activations")
    sd_N = values_TN.std(axis=0, dtype=np.float64)
    scaled_TN = np.where(sd_N > 0, values_TN / np.where(sd_N > 0, sd_N, 1), 0)
    parts_TM = np.concatenate([np.maximum(scaled_TN, 0), np.maximum(-scaled_TN, 0)], axis=1)
    used_M: NDArray[np.bool_] = np.any(parts_TM, axis=0)
    possible = [each for each in sizes if each < min(len(values_TN), int(used_M.sum()))]
    if not possible:
        what = f"There are {len(values_TN)} units, and {int(used_M.sum())} parts of neurons that vary."
        raise ProbingError(what, expected=f"more than {sizes[0]} of either")
    stability, found = {}, []
    for size in possible:
        fits = [_factorised(library, parts_TM[:, used_M], size, seed + number) for number in range(N_SEEDS)]
        stability[str(size)] = float(
            np.mean([matched_cosine(one[1], other[1]) for one, other in combinations(fits, 2)])
        )
        found.append(min(fits, key=lambda fit: fit[2]))
    strengths_TR, own_RM, _ = found[int(np.argmax(list(stability.values())))]
    whole_RM = np.zeros((len(own_RM), len(used_M)))
    whole_RM[:, used_M] = own_RM
    above_RN, below_RN = np.split(whole_RM, 2, axis=1)
    sides_RN = np.where(above_RN >= below_RN, 1, -1).astype(np.int8)
    return Factors(strengths_TR, np.maximum(above_RN, below_RN), sides_RN, stability)


def _factorised(
    library: Any,  # noqa: ANN401 - a module without types
    parts_TM: NDArray[np.floating],
    size: int,
    seed: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Give strengths, loadings and what is left over."""
    made = library.NMF(size, init="random", random_state=seed, max_iter=100, tol=1e-3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one that did not converge is as good as its stability says
        strengths = made.fit_transform(parts_TM)
    return strengths.astype(np.float64), made.components_.astype(np.float64), float(made.reconstruction_err_)


def matched_cosine(one_RM: NDArray[np.float64], other_RM: NDArray[np.float64]) -> float:
    """Match the factors of two fits one to one so that the mean of their cosines is greatest; give that."""
    one, other = (
        each / np.maximum(np.linalg.norm(each, axis=1, keepdims=True), 1e-12) for each in (one_RM, other_RM)
    )
    cosines = one @ other.T
    return float(cosines[linear_sum_assignment(cosines, maximize=True)].mean())


def factor_ranking(factors: Factors, *, labels: NDArray[np.int64] | None = None) -> tuple[Ranked, int | None]:
    """Rank by the loadings of the factor that differs most between two classes; without labels, by the greatest.

    Each factor's loadings are divided by its greatest one. The sign is that of the neuron's part, turned where the
    factor is weaker in the class. Returns the ranking and the number of the factor.
    """
    shares_RN = factors.loadings_RN / np.maximum(factors.loadings_RN.max(axis=1, keepdims=True), 1e-12)
    if labels is None:
        return by_scores(shares_RN.max(axis=0)), None
    effect_R = standardised_effects(factors.strengths_TR, labels)
    best = int(np.abs(effect_R).argmax())
    return by_scores(shares_RN[best], signs=factors.sides_RN[best] * (1 if effect_R[best] >= 0 else -1)), best


def standardised_effects(values_TN: NDArray[np.floating], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Give the difference of the means of two classes in standard deviations of all; 0 of what is constant."""
    difference = values_TN[labels == 1].mean(axis=0, dtype=np.float64) - values_TN[labels == 0].mean(
        axis=0, dtype=np.float64
    )
    sd_N = values_TN.std(axis=0, dtype=np.float64)
    found: NDArray[np.float64] = np.where(sd_N > 0, difference / np.where(sd_N > 0, sd_N, 1), 0.0)
    return found


class Grouped(NamedTuple):
    """Groups of neurons."""

    groups_N: NDArray[np.int32]
    centrality_N: NDArray[np.float64]
    """How near a neuron is to the others of its group."""
    facts: dict[str, Any]


def correlation_clusters(values_TN: NDArray[np.float32], *, seed: int) -> Grouped:
    """Group neurons whose absolute correlation is above a half on the mean (average linkage)."""
    del seed
    upper_NN = np.triu(np.abs(correlations(values_TN)), 1)
    groups_N = groups_at(correlation_merges(upper_NN), height=CUT)
    both_NN = upper_NN + upper_NN.T
    same_NN = groups_N[:, None] == groups_N[None]
    others_N = np.maximum(same_NN.sum(axis=1) - 1, 1)
    return Grouped(groups_N, (both_NN * same_NN).sum(axis=1) / others_N, {"cut": CUT})


def check_umap() -> None:
    """Refuse maps where their library is not installed."""
    require_extra("umap", extra="umap", purpose="to rank by umap-clusters")


def map_clusters(values_TN: NDArray[np.float32], *, seed: int, sizes: Sequence[int] = CLUSTERS) -> Grouped:
    """Group neurons by k-means on a UMAP map of their standardised activations.

    The number of groups has the greatest product of mean silhouette and mean adjusted Rand index over seeds, each
    with a map of its own; of equals the smaller. Reference: R. Meyes et al. (2020).
    """
    check_umap()
    metrics = require_extra("sklearn.metrics", extra="probing", purpose="to compare clusters")
    centred_NT = (values_TN - values_TN.mean(axis=0)).T
    length_N1 = np.linalg.norm(centred_NT, axis=1, keepdims=True)
    unit_NT = np.where(length_N1 > 0, centred_NT / np.where(length_N1 > 0, length_N1, 1), 0).astype(np.float32)
    maps = [umap(unit_NT, seed=seed + number) for number in range(N_SEEDS)]
    if not np.isfinite(maps[0]).all() or len(unit_NT) <= sizes[0]:
        what = f"There are {len(unit_NT)} neurons to map."
        raise ProbingError(what, expected=f"more than {sizes[0]}")
    tried, found = {}, []
    for size in (each for each in sizes if each < len(unit_NT)):
        made = [k_means(each, k=size, seed=seed + number) for number, each in enumerate(maps)]
        labels = [each.labels for each in made]
        silhouette = float(silhouettes(maps[0], labels[0].astype(np.int16), n_clusters=size).mean())
        stable = float(np.mean([metrics.adjusted_rand_score(one, other) for one, other in combinations(labels, 2)]))
        tried[str(size)] = {"silhouette": silhouette, "adjusted_rand": stable}
        found.append(labels[0])
    groups_N = found[int(np.argmax([each["silhouette"] * each["adjusted_rand"] for each in tried.values()]))]
    means_K2 = np.stack([maps[0][groups_N == group].mean(axis=0) for group in range(int(groups_N.max()) + 1)])
    return Grouped(
        groups_N, -np.linalg.norm(maps[0] - means_K2[groups_N], axis=1).astype(np.float64), {"tried": tried}
    )


def group_ranking(grouped: Grouped, *, effects_N: NDArray[np.float64] | None = None) -> Ranked:
    """Rank a group after another, the group of the greatest mean absolute effect first, central neurons first.

    Without effects the most central neuron of every group comes first, then the second of each; large groups lead.
    """
    groups_N, n = grouped.groups_N, len(grouped.groups_N)
    sizes_K = np.bincount(groups_N)
    within_N = np.empty(n, np.int64)
    for group in range(len(sizes_K)):
        members = np.flatnonzero(groups_N == group)
        within_N[members] = descending_ranks(grouped.centrality_N[members]) - 1
    if effects_N is None:
        order = np.lexsort((groups_N, -sizes_K[groups_N], within_N))
    else:
        gain_K = np.bincount(groups_N, weights=np.abs(effects_N)) / sizes_K
        order = np.lexsort((within_N, groups_N, -gain_K[groups_N]))
    scores = np.empty(n)
    scores[order] = np.arange(n, 0, -1)
    return Ranked(order, scores, None if effects_N is None else np.sign(effects_N).astype(np.int8))
