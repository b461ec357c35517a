"""The senses of a list: clusters of its sentences, as many as the silhouette supports, often one."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurolect.clustering.k_means_in_step import MAX_ROUNDS, cluster_each, settle
from neurolect.clustering.quality import draw_one_cluster, fill_silhouettes
from neurolect.signatures.inputs import Lists
from neurolect.signatures.options import DescribeOptions

N_STARTS = 2
SETTLING_ROUNDS = 3
"""Rounds in which clusters found on some of a list's sentences settle on all of them."""
LISTS_PER_BLOCK = 64


class Senses(NamedTuple):
    """The senses of all lists; those of a list are numbered from 0, the largest first. At most M of a list."""

    labels: NDArray[np.int8]
    """Sense of each entry, shape of the lists' rows; -1 where a sentence has no vector."""
    n_senses: NDArray[np.int8]
    """Of each list, shape (n_lists,)."""
    sizes: NDArray[np.int32]
    """Sentences of each sense, shape (n_lists, M); 0 after the last."""
    silhouettes: NDArray[np.float32]
    """Mean silhouette of each sense's sentences, shape (n_lists, M); NaN for a single sense and after the last."""
    medoids: NDArray[np.int32]
    """Entry of the list nearest to the centre of each sense, shape (n_lists, M); -1 after the last."""
    silhouette: NDArray[np.float64]
    """Of the best split of the sentences k was chosen on, taken or not, shape (n_lists,); NaN without one."""
    null_silhouette: NDArray[np.float64]
    """Of the same split of one cluster with the same mean and covariance, shape (n_lists,)."""


class _Choice(NamedTuple):
    """What a list's senses are chosen by; see :class:`DescribeOptions`."""

    draws: NDArray[np.float64]
    """For the starts of k-means, shape (n_starts, max_senses), 0 to 1."""
    normal: NDArray[np.float64]
    """Standard normal numbers for the null, shape (sense_sentences, D)."""
    max_senses: int
    sense_sentences: int
    margin: float
    share: float


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

    k is the number from 2 on with the highest mean silhouette on at most ``sense_sentences`` sentences, evenly
    spread over the ranks; it is taken if that silhouette exceeds, by ``sense_margin``, the one that k-means
    with the same k gets from a single normal cluster with the mean and covariance of those sentences, and if
    no sense is smaller than ``sense_share``. Otherwise there is one sense. See decision 10.
    """
    n_lists, most = len(lists.rows), max(options.max_senses, 1)
    senses = Senses(
        np.full(lists.rows.shape, -1, np.int8),
        np.zeros(n_lists, np.int8),
        np.zeros((n_lists, most), np.int32),
        np.full((n_lists, most), np.nan, np.float32),
        np.full((n_lists, most), -1, np.int32),
        np.full(n_lists, np.nan),
        np.full(n_lists, np.nan),
    )
    random = np.random.default_rng([options.seed, 7])
    draws = random.random((N_STARTS, most))
    normal = random.standard_normal((options.sense_sentences, vectors.shape[1]))
    sizes = options.max_senses, options.sense_sentences
    choice = _Choice(draws, normal, *sizes, float(options.sense_margin), float(options.sense_share))
    has_vector = np.asarray(vectors.any(axis=1))

    def block(start: int) -> int:
        part = slice(start, start + LISTS_PER_BLOCK)
        own = Senses._make(column[part] for column in senses)
        _find_in_lists(vectors, has_vector, lists.rows[part], choice, own)
        return len(own.n_senses)

    with ThreadPoolExecutor(max(1, workers)) as pool:
        for n in pool.map(block, range(0, n_lists, LISTS_PER_BLOCK)):
            if advance is not None:
                advance(n)
    return senses


@njit(cache=True, nogil=True)
def _find_in_lists(
    vectors: NDArray[np.float32],
    has_vector: NDArray[np.bool_],
    lists: NDArray[np.int32],
    choice: _Choice,
    senses: Senses,
) -> None:
    """Fill `senses` of some lists: no thread waits for another's Python."""
    for each in range(len(lists)):
        entries, n = np.empty(lists.shape[1], np.int64), 0
        for place in range(lists.shape[1]):
            if lists[each, place] >= 0 and has_vector[lists[each, place]]:
                entries[n] = place
                n += 1
        points = np.empty((n, vectors.shape[1]), np.float32)
        for place in range(n):
            points[place] = vectors[lists[each, entries[place]]]
        found, n_senses = np.zeros(n, np.int16), min(n, 1)
        size = min(n, choice.sense_sentences)
        most = min(choice.max_senses, size // 2)
        if most >= 2:
            evenly = np.empty((size, vectors.shape[1]), np.float32)
            for place in range(size):
                evenly[place] = points[int(place * ((n - 1) / (size - 1))) if place < size - 1 else n - 1]
            numbers = np.arange(2, most + 1)
            centers, best, null = _best_split(evenly, numbers, choice.draws, choice.normal[:size])
            senses.silhouette[each], senses.null_silhouette[each] = best, null
            if not best < null + choice.margin:
                settled, _ = settle(points, centers, SETTLING_ROUNDS)
                smallest = np.bincount(settled, minlength=len(centers)).min()
                if smallest >= max(choice.share * n, 2):
                    found, n_senses = settled, len(centers)
        senses.n_senses[each] = n_senses
        if n_senses > 0:
            _fill(points, entries, found, n_senses, each, senses)


@njit(cache=True, nogil=True)
def _fill(
    points: NDArray[np.float32],
    entries: NDArray[np.int64],
    found: NDArray[np.int16],
    n_senses: int,
    each: int,
    senses: Senses,
) -> None:
    """Fill `senses` of one list, the largest first."""
    sizes = np.bincount(found, minlength=n_senses)
    order, rank = np.argsort(-sizes, kind="mergesort"), np.empty(n_senses, np.int16)
    rank[order] = np.arange(n_senses).astype(np.int16)
    labels = rank[found]
    for place in range(len(points)):
        senses.labels[each, entries[place]] = labels[place]
    values = np.zeros(len(points), np.float32)
    if n_senses > 1:
        fill_silhouettes(points, labels, n_senses, values)
    for sense in range(n_senses):
        members = np.flatnonzero(labels == sense)
        senses.sizes[each, sense] = len(members)
        senses.medoids[each, sense] = entries[members[_medoid(points, members)]]
        if n_senses > 1:
            senses.silhouettes[each, sense] = values[members].astype(np.float64).mean()


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _medoid(points: NDArray[np.float32], members: NDArray[np.int64]) -> int:
    """Find the member nearest to the mean: of unit vectors the one with the least sum of squared distances."""
    mean = np.zeros(points.shape[1], np.float32)
    for member in members:
        for d in range(len(mean)):
            mean[d] += points[member, d]
    mean /= np.float32(len(members))
    best, nearest = -1, -np.inf
    for place in range(len(members)):
        point, near = points[members[place]], np.float32(0)
        for d in range(len(mean)):
            near += point[d] * mean[d]
        rounded = np.rint(1e5 * near)  # the choice among equally near sentences does not depend on the machine
        if rounded > nearest:
            best, nearest = place, rounded
    return best


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
