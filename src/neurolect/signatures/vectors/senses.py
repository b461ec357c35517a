"""The senses of a list: clusters of its sentences, as many as the silhouette supports, often one."""

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurolect.clustering.k_means_in_step import MAX_ROUNDS, assign, cluster_each
from neurolect.clustering.quality import draw_one_cluster, fill_silhouettes, silhouettes
from neurolect.signatures.inputs import Lists
from neurolect.signatures.options import DescribeOptions

N_STARTS = 2
SETTLING_ROUNDS = 3
"""Rounds in which clusters found on some of a list's sentences settle on all of them."""
LISTS_PER_BLOCK = 64


class ListSenses(NamedTuple):
    """The senses of one list; senses are numbered from 0, the largest first."""

    labels: NDArray[np.int8]
    """Sense of each entry of the list; -1 where a sentence has no vector."""
    silhouettes: NDArray[np.float32]
    """Mean silhouette of each sense's sentences; NaN for a single sense."""
    medoids: NDArray[np.int64]
    """Entry of the list nearest to the centre of each sense."""
    silhouette: float
    """Of the best split of the sentences k was chosen on, whether it was taken or not; NaN without one."""
    null_silhouette: float
    """Of the same split of one cluster with the same mean and covariance."""


class Senses(NamedTuple):
    """The senses of all lists."""

    labels: NDArray[np.int8]
    """Sense of each entry, from 0, shape of the lists' rows; -1 for none."""
    of_list: list[ListSenses]
    """What was found for each list; its labels lie in `labels`."""


def find_senses(
    vectors: NDArray[np.float32],
    lists: Lists,
    *,
    options: DescribeOptions,
    workers: int = 1,
    advance: Callable[[int], None] | None = None,
) -> Senses:
    """Find the senses of every list.

    ``vectors``: float32, shape (n_sentences, D). Unit vectors; zeros for a sentence without one.
    ``options``: ``max_senses``, ``sense_sentences``, ``sense_margin``, ``sense_share``, ``seed``.
    ``workers``: Threads; the result is the same for any number.
    ``advance``: Called now and then with the number of lists done.
    """
    labels = np.full(lists.rows.shape, -1, np.int8)
    random = np.random.default_rng([options.seed, 7])
    draws = random.random((N_STARTS, max(options.max_senses, 1)))
    normal = random.standard_normal((options.sense_sentences, vectors.shape[1]))
    has_vector = np.asarray(vectors.any(axis=1))

    def block(start: int) -> list[ListSenses]:
        done = []
        for each in range(start, min(start + LISTS_PER_BLOCK, len(labels))):
            rows = lists.rows[each]
            entries = np.flatnonzero((rows >= 0) & has_vector[rows])
            points = vectors[rows[entries]]
            found = senses_of(points, draws=draws, normal=normal, options=options)
            labels[each, entries] = found.labels
            done.append(found._replace(labels=labels[each], medoids=entries[found.medoids]))
        return done

    of_list: list[ListSenses] = []
    starts = range(0, len(labels), LISTS_PER_BLOCK)
    with ThreadPoolExecutor(max(1, workers)) as pool:
        for done in pool.map(block, starts):
            of_list += done
            if advance is not None:
                advance(len(done))
    return Senses(labels, of_list)


def senses_of(
    points: NDArray[np.float32],
    *,
    draws: NDArray[np.float64],
    normal: NDArray[np.float64],
    options: DescribeOptions,
) -> ListSenses:
    """Find the senses of one list.

    ``points``: float32, shape (N, D). Unit vectors of its sentences, by rank.
    ``draws``: float64, shape (n_starts, max_senses), 0 to 1. For the starts of k-means.
    ``normal``: float64, shape (sense_sentences, D). Standard normal numbers for the null.

    k is the number from 2 on with the highest mean silhouette on at most ``sense_sentences`` sentences, evenly
    spread over the ranks; it is taken if that silhouette exceeds, by ``sense_margin``, the one that k-means
    with the same k gets from a single normal cluster with the mean and covariance of those sentences, and if
    no sense is smaller than ``sense_share``. Otherwise there is one sense. See decision 10.
    """
    size = min(len(points), options.sense_sentences)
    numbers = np.arange(2, min(options.max_senses, size // 2) + 1)
    if not len(numbers):
        return _one_sense(points, math.nan, math.nan)
    chosen = points[np.linspace(0, len(points) - 1, size).astype(np.int64)]
    centers, silhouette, null = _best_split(chosen, numbers, draws, normal[:size])
    if silhouette < null + options.sense_margin:
        return _one_sense(points, silhouette, null)
    settled = assign(points, centers, n_rounds=SETTLING_ROUNDS)
    sizes = np.bincount(settled.labels, minlength=len(centers))
    if sizes.min() < max(options.sense_share * len(points), 2):
        return _one_sense(points, silhouette, null)
    return _in_order(points, settled.labels, sizes)._replace(silhouette=silhouette, null_silhouette=null)


@njit(cache=True, nogil=True)
def _best_split(
    points: NDArray[np.float32], numbers: NDArray[np.int64], draws: NDArray[np.float64], normal: NDArray[np.float64]
) -> tuple[NDArray[np.float32], float, float]:
    """Give the centres of the split with the highest mean silhouette, that silhouette, and one cluster's."""
    labels, centers, firsts = cluster_each(points, numbers, draws, MAX_ROUNDS)
    best, highest, values = 0, -np.inf, np.empty(len(points), np.float32)
    means = np.empty(len(numbers))
    for each in range(len(numbers)):
        values[:] = 0.0
        fill_silhouettes(points, labels[each], numbers[each], values)
        means[each] = values.astype(np.float64).mean()
        if round(means[each], 6) > highest:
            best, highest = each, round(means[each], 6)
    drawn = np.empty(normal.shape, np.float32)
    draw_one_cluster(points, normal, drawn)
    of_null, _, _ = cluster_each(drawn, numbers[best : best + 1], draws, MAX_ROUNDS)
    values[:] = 0.0
    fill_silhouettes(drawn, of_null[0], numbers[best], values)
    return centers[firsts[best] : firsts[best + 1]], means[best], values.astype(np.float64).mean()


def _in_order(points: NDArray[np.float32], found: NDArray[np.int16], sizes: NDArray[np.intp]) -> ListSenses:
    """Give senses numbers by size, and find their medoids."""
    order = np.argsort(-sizes, kind="stable")
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    labels = rank[found]
    values = silhouettes(points, labels.astype(np.int16), n_clusters=len(order))
    medoids, means = [], []
    for sense in range(len(order)):
        members = np.flatnonzero(labels == sense)
        medoids.append(members[_medoid(points[members])])
        means.append(values[members].mean())
    return ListSenses(
        labels.astype(np.int8), np.array(means, np.float32), np.array(medoids, np.int64), math.nan, math.nan
    )


def _medoid(points: NDArray[np.float32]) -> int:
    """Find the point nearest to the mean: of unit vectors the one with the least sum of squared distances."""
    # rounded, so that the choice among equally near sentences does not depend on the machine
    return int(np.argmax(np.round(np.einsum("nd,d->n", points, points.mean(axis=0)), 5)))


def _one_sense(points: NDArray[np.float32], silhouette: float, null_silhouette: float) -> ListSenses:
    labels = np.zeros(len(points), np.int8)
    medoids = np.array([_medoid(points)] if len(points) else [], np.int64)
    return ListSenses(labels, np.full(len(medoids), np.nan, np.float32), medoids, silhouette, null_silhouette)
