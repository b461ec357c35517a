"""Fit a linear discriminant to every list: its sentences against the background's, on its own evidence.

One pass gathers mean and covariance of a list's features in both classes; the weights of each kind of evidence
alone and of all together are solutions of blocks of the same equations.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

TINY = 1e-9


@njit(nogil=True, cache=True, fastmath=True)
def _dot(a: NDArray[np.floating], b: NDArray[np.floating], n: int) -> float:
    total = 0.0
    for place in range(n):
        total += a[place] * b[place]
    return total


@njit(nogil=True, cache=True)
def _gather(
    offsets: NDArray[np.int64],
    codes: NDArray[np.int32],
    values: NDArray[np.float32],
    rows: NDArray[np.int32],
    left_out: NDArray[np.bool_],
    local: NDArray[np.int32],
    mean: NDArray[np.float64],
    gram: NDArray[np.float64],
    found: NDArray[np.int32],
    held: NDArray[np.float64],
    vectors: NDArray[np.float32],
    centroids: NDArray[np.float32],
    first_sense: int,
) -> int:
    """Add up the features of some sentences and the products of their pairs; give the number of sentences.

    Columns from `first_sense` on are cosines of the sentence's vector and the list's `centroids`.
    """
    n_rows = 0
    for place in range(len(rows)):
        row = rows[place]
        if row < 0 or left_out[row]:
            continue
        n_rows += 1
        n = 0
        for entry in range(np.uint64(offsets[row]), np.uint64(offsets[row + 1])):
            column = local[np.uint64(codes[entry])]
            if column >= 0:
                found[n] = column
                held[n] = values[entry]
                n += 1
        for sense in range(len(centroids)):
            found[n], held[n] = first_sense + sense, _dot(vectors[row], centroids[sense], vectors.shape[1])
            n += 1
        for a in range(n):
            value, column = held[a], found[a]
            mean[column] += value
            line = gram[column]
            for b in range(a + 1):
                line[found[b]] += value * held[b]
    return n_rows


@njit(nogil=True, cache=True)
def _solve(
    matrix: NDArray[np.float64], right: NDArray[np.float64], factor: NDArray[np.float64], out: NDArray[np.float64]
) -> None:
    """Solve by Cholesky; of `matrix` the lower triangle is read."""
    n = len(right)
    for row in range(n):
        for column in range(row):
            total = matrix[row, column] - _dot(factor[row], factor[column], column)
            factor[row, column] = total / factor[column, column]
        rest = matrix[row, row] - _dot(factor[row], factor[row], row)
        factor[row, row] = np.sqrt(max(rest, TINY))
    for row in range(n):
        out[row] = (right[row] - _dot(factor[row], out, row)) / factor[row, row]
    for row in range(n - 1, -1, -1):
        total = out[row]
        for below in range(row + 1, n):
            total -= factor[below, row] * out[below]
        out[row] = total / factor[row, row]


@njit(nogil=True, cache=True)
def _pool(
    mean: NDArray[np.float64], gram: NDArray[np.float64], n: int, n_list: int, n_background: int, ridge: float
) -> None:
    """Turn sums into means, and sums of products into the covariance of both classes, in place of the first."""
    mean[0, :n] /= n_list
    mean[1, :n] /= n_background
    for a in range(n):
        for b in range(a + 1):
            inside = gram[0, a, b] / n_list - mean[0, a] * mean[0, b]
            outside = gram[1, a, b] / n_background - mean[1, a] * mean[1, b]
            gram[0, a, b] = 0.5 * (inside + outside)
        gram[0, a, a] = gram[0, a, a] * (1.0 + ridge) + TINY


@njit(nogil=True, cache=True)
def fit_lists(
    offsets: NDArray[np.int64],
    codes: NDArray[np.int32],
    values: NDArray[np.float32],
    lists: NDArray[np.int32],
    background: NDArray[np.int32],
    list_features: NDArray[np.int32],
    list_offsets: NDArray[np.int64],
    kind_starts: NDArray[np.int64],
    ridge: float,
    member: NDArray[np.bool_],
    local: NDArray[np.int32],
    first: int,
    last: int,
    vectors: NDArray[np.float32],
    centroids: NDArray[np.float32],
    sense_starts: NDArray[np.int64],
    alone: NDArray[np.float32],
    together: NDArray[np.float32],
) -> None:
    """Fit the lists from `first` to `last`.

    `lists` are the sentences of each list that are fitted on, -1 for none; `member` is false and `local` -1
    everywhere before and after. The last features of a list are its senses: `centroids` from `sense_starts` on, and
    the `vectors` of the sentences. Filled are the weights `alone` and `together`, one for each of `list_features`.
    """
    longest = 0
    for each in range(first, last):
        longest = max(longest, list_offsets[each + 1] - list_offsets[each])
    gram = np.empty((2, longest, longest))
    mean = np.empty((2, longest))
    factor = np.empty((longest, longest))
    out = np.empty(longest)
    found = np.empty(longest, np.int32)
    held = np.empty(longest)
    nobody = np.zeros(len(member), np.bool_)
    for each in range(first, last):
        begin = list_offsets[each]
        n = list_offsets[each + 1] - begin
        gram[:, :n, :n] = 0.0
        mean[:, :n] = 0.0
        for column in range(n):
            local[list_features[begin + column]] = column
        for row in lists[each]:
            if row >= 0:
                member[row] = True
        senses = centroids[sense_starts[each] : sense_starts[each + 1]]
        first_sense = n - len(senses)
        rest = (local, mean[0], gram[0], found, held, vectors, senses, first_sense)
        n_list = _gather(offsets, codes, values, lists[each], nobody, *rest)
        rest = (local, mean[1], gram[1], found, held, vectors, senses, first_sense)
        n_background = _gather(offsets, codes, values, background, member, *rest)
        for row in lists[each]:
            if row >= 0:
                member[row] = False
        if n_list > 0 and n_background > 0:
            pooled = gram[0]
            _pool(mean, gram, n, n_list, n_background, ridge)
            difference = mean[0, :n] - mean[1, :n]
            _solve(pooled[:n, :n], difference, factor, out)
            together[begin : begin + n] = out[:n]
            start = 0
            for kind in range(len(kind_starts) - 1):
                stop = start
                while stop < n and list_features[begin + stop] < kind_starts[kind + 1]:
                    stop += 1
                if stop > start:
                    _solve(pooled[start:stop, start:stop], difference[start:stop], factor, out)
                    alone[begin + start : begin + stop] = out[: stop - start]
                start = stop
        for column in range(n):
            local[list_features[begin + column]] = -1


@njit(nogil=True, cache=True)
def score_sentences(
    starts: NDArray[np.int64],
    rows: NDArray[np.int32],
    values: NDArray[np.float32],
    list_features: NDArray[np.int32],
    alone: NDArray[np.float32],
    together: NDArray[np.float32],
    kind_starts: NDArray[np.int64],
    scores: NDArray[np.float32],
) -> None:
    """Score all sentences by one list's signature: by all its evidence, then by each kind alone.

    `starts`, `rows` and `values` give the sentences that have each feature; `list_features`, `alone` and `together`
    are the list's own. Filled are `scores`, shape (1 + n_kinds, n_sentences).
    """
    scores[:] = 0.0
    every = scores[0]
    kind = 0
    for place in range(len(list_features)):
        feature = list_features[place]
        while feature >= kind_starts[kind + 1]:
            kind += 1  # of a sense no sentence is listed
        own = scores[1 + kind]
        weight, weight_alone = together[place], alone[place]
        for entry in range(starts[feature], starts[feature + 1]):
            row = np.uint64(rows[entry])
            every[row] += weight * values[entry]
            own[row] += weight_alone * values[entry]
