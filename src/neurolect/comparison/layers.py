"""How far apart the activations of one sentence are in two models, on the mean over sentences."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.comparison.folder import RANKINGS
from neurolect.comparison.joint_moments import HALVES, JointMoments
from neurolect.errors import RunFolderError
from neurolect.results import layer_ranks, provenance, rank
from neurolect.store import Run
from neurolect.visible import quoted


class Distances(NamedTuple):
    """Means over sentences."""

    n_sentences: int
    """Sentences."""

    manhattan: NDArray[np.float64]
    """Mean sum of absolute differences, layer by layer and last of all neurons: shape (n_layers + 1,)."""

    euclidean: NDArray[np.float64]
    """Mean root of the sum of squared differences, likewise."""

    norm: NDArray[np.float64]
    """Mean Euclidean length of the first model's activations, likewise: what a distance can be held against."""


class DistanceSums:
    """Sums of distances over sentences; ``bounds`` has the first neuron of every layer, and the number of neurons.

    Reference: The Japanese paper before Oba et al. (2021), table 3: distances before and after fine-tuning, on
        sentences trained on, sentences of the same kind, and sentences of another.
    """

    def __init__(self, bounds: NDArray[np.int64]) -> None:
        self.bounds = np.asarray(bounds, dtype=np.int64)
        self.n = 0
        self.sums = np.zeros((3, len(self.bounds)), dtype=np.float64)

    def update(self, first: NDArray[np.float32], second: NDArray[np.float32]) -> None:
        """Take in the activations of the next sentences in both models, shape (n_sentences, n_neurons)."""
        difference = first.astype(np.float64) - second
        for row, values in enumerate((np.abs(difference), difference**2, first.astype(np.float64) ** 2)):
            by_layer = np.add.reduceat(values, self.bounds[:-1], axis=1)
            whole = np.concatenate([by_layer, by_layer.sum(axis=1, keepdims=True)], axis=1)
            self.sums[row] += (whole if row == 0 else np.sqrt(whole)).sum(axis=0)
        self.n += len(first)

    def merge(self, other: "DistanceSums") -> None:
        """Take in what another state saw of the same layers."""
        if not np.array_equal(self.bounds, other.bounds):
            what = "Distances over different neurons cannot be merged."
            raise RunFolderError(what, expected="the same layers")
        self.n += other.n
        self.sums += other.sums

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Give the state as arrays: ``bounds``, ``n``, ``sums``."""
        return {"bounds": self.bounds, "n": np.array(self.n), "sums": self.sums}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[np.generic]]) -> "DistanceSums":
        """Make a state that continues exactly as the one whose arrays these are."""
        state = cls(arrays["bounds"].astype(np.int64))
        state.n, state.sums = int(arrays["n"].astype(np.int64)), arrays["sums"].astype(np.float64)
        return state

    def means(self) -> Distances:
        """Give the mean distances; NaN where there was no sentence."""
        with np.errstate(invalid="ignore"):
            means = self.sums / self.n if self.n else np.full_like(self.sums, np.nan)
        return Distances(self.n, means[0], means[1], means[2])


# Rankings of several models side by side: where each layer's lists are.
_QUARTILES = ("rank_least", "rank_q1", "rank_median", "rank_q3", "rank_greatest")


def usual_rankings(runs: Sequence[Run]) -> tuple[str, ...]:
    """Say what runs are ranked by without being asked: parts of speech where tagged, length where described."""
    if not all(run.is_current("describe") for run in runs):
        return ()
    tagged = all(run.table("signatures/tags", columns=["tag"]).num_rows for run in runs)
    return ("pos", "length") if tagged else ("length",)


def layer_rankings(runs: Sequence[Run], *, labels: Sequence[str], by: Sequence[str]) -> pa.Table:
    """Rank the lists of every described run by the same numbers, as ``rankings.parquet``."""
    rows = []
    for number in by:
        for run, label in zip(runs, labels, strict=True):
            if not run.is_current("describe"):
                what = f"The run {run.folder} has not been described, so its lists cannot be ranked by {number!r}."
                raise RunFolderError(what, hint=f"neurolect describe {quoted(run.folder)}")
            ranking = rank(run, by=number, limit=1)
            facts = provenance(ranking).details
            for each in layer_ranks(ranking):
                # as shares, from 0: the first, to 1: the last; so models of other sizes can be compared
                shares = [(place - 1) / max(1, facts["n_ranked"] - 1) for place in each.quartiles]
                rows.append(
                    {
                        "by": number,
                        "label": facts["label"],
                        "run": label,
                        "site": each.site,
                        "layer": each.layer,
                        "n": each.n,
                        "mean": each.mean,
                        **dict(zip(_QUARTILES, shares, strict=True)),
                    }
                )
    return pa.Table.from_pylist(rows, schema=RANKINGS)


_ROUNDING = 1e-7
"""Share of a variance that may be a rounding error."""


# How alike two layers are whatever their neurons are called: singular vector canonical correlation analysis.
class Likeness(NamedTuple):
    """How alike two layers are."""

    same: float
    """Mean canonical correlation on the sentences it was found on, 0 to 1; high by chance where few."""

    held_out: float
    """Mean correlation of the same directions on the other half of the sentences, both ways; about 0 by chance."""

    n_directions: int
    """Directions correlated: those of the layer that has fewer."""

    shared: tuple[NDArray[np.float64], NDArray[np.float64]]
    """Of either layer's neurons, shape (n_neurons,): the share of their variance along those directions, each times
    its correlation on the other half (0 where negative); both ways. 0 for constant neurons."""


class LayerScatters(NamedTuple):
    """Sums of products of a layer's own neurons, shape (n_neurons, n_neurons) each."""

    whole: NDArray[np.float64]
    """Over all sentences."""

    halves: tuple[NDArray[np.float64], NDArray[np.float64]]
    """Over each half."""

    scale: NDArray[np.float64]
    """What one of the moments' units is in the neuron's own, shape (n_neurons,)."""

    n: tuple[int, int]
    """Sentences in each half."""


class LayerAxes(NamedTuple):
    """The directions in which a layer varies, each of variance 1."""

    whole: NDArray[np.float64]
    """From all sentences, shape (n_neurons, n_directions)."""

    halves: tuple[NDArray[np.float64], NDArray[np.float64]]
    """From each half."""

    scatters: tuple[NDArray[np.float64], NDArray[np.float64]]
    """Those of :class:`LayerScatters` over each half."""


class LayerPair(NamedTuple):
    """All that the likeness of two layers follows from."""

    axes: tuple[LayerAxes, LayerAxes]
    """Of either layer."""

    whole: NDArray[np.float64]
    """Sums of products of the one's neurons and the other's, shape (n_neurons, n_neurons of the other)."""

    halves: tuple[NDArray[np.float64], NDArray[np.float64]]
    """The same over each half."""

    n: tuple[int, int]
    """Sentences in each half."""


def layer_scatters(moments: JointMoments, model: int, neurons: slice) -> LayerScatters:
    """Take of the moments what the directions of a layer (of a model, its neurons) follow from."""
    one, two = (moments.scatter(model, model, half=half, rows=neurons, columns=neurons) for half in range(HALVES))
    whole = moments.scatter(model, model, rows=neurons, columns=neurons)
    n = moments.n.tolist()
    return LayerScatters(whole, (one, two), moments.scales[model][neurons].astype(np.float64), (n[0], n[1]))


def axes_of(scatters: LayerScatters, *, kept: float) -> LayerAxes:
    """Find the directions of a layer that hold a share of its variance, 0 to 1."""

    def of(scatter: NDArray[np.float64], n: int) -> NDArray[np.float64]:
        # in the neurons' own units: SVCCA lets those that vary more count for more
        return _axes(scatter / max(1, n) * np.outer(scatters.scale, scatters.scale), scatters.scale, kept)

    one, two = (of(*each) for each in zip(scatters.halves, scatters.n, strict=True))
    whole = of(scatters.whole, sum(scatters.n))
    # a half in which the layer does not vary has but rounding errors, which are no directions
    still = [np.trace(each) <= _ROUNDING * max(np.trace(scatters.whole), 0.0) for each in scatters.halves]
    one, two = (each[:, :0] if is_still else each for each, is_still in zip((one, two), still, strict=True))
    return LayerAxes(whole, (one, two), scatters.halves)


def _axes(covariance: NDArray[np.float64], scale: NDArray[np.float64], kept: float) -> NDArray[np.float64]:
    values, vectors = np.linalg.eigh(covariance)
    values, vectors = values[::-1], vectors[:, ::-1]
    sound = values > max(values[0], 0) * _ROUNDING
    values, vectors = values[sound], vectors[:, sound]
    if not len(values):
        return np.empty((len(scale), 0))
    share = np.cumsum(values) / values.sum()
    n = min(len(values), int(np.searchsorted(share, kept)) + 1)
    # weights for the scaled values the moments hold
    axes: NDArray[np.float64] = scale[:, None] * vectors[:, :n] / np.sqrt(values[:n])
    return axes


def layer_pair(
    moments: JointMoments,
    first: tuple[int, slice, LayerAxes],
    second: tuple[int, slice, LayerAxes],
) -> LayerPair:
    """Take of the moments what two layers have to do with each other; each is (model, neurons, axes)."""
    (a, rows, left), (b, columns, right) = first, second
    one, two = (moments.scatter(a, b, half=half, rows=rows, columns=columns) for half in range(HALVES))
    n = moments.n.tolist()
    return LayerPair((left, right), moments.scatter(a, b, rows=rows, columns=columns), (one, two), (n[0], n[1]))


def likeness(pair: LayerPair) -> Likeness:
    """Compare two layers; NaN where a layer does not vary.

    Reference: Raghu, Gilmer, Yosinski, Sohl-Dickstein: SVCCA (2017).
    """
    left, right = pair.axes
    n_directions = min(left.whole.shape[1], right.whole.shape[1])
    if not n_directions:
        return Likeness(np.nan, np.nan, 0, (np.zeros(len(left.whole)), np.zeros(len(right.whole))))
    crossed = left.whole.T @ (pair.whole / max(1, sum(pair.n))) @ right.whole
    same = np.linalg.svd(crossed, compute_uv=False)[:n_directions]
    tried, *shared = zip(*(_on_other_half(pair, half) for half in range(HALVES)), strict=True)
    one, other = (np.mean(each, axis=0) for each in shared)
    return Likeness(float(np.clip(same, 0, 1).mean()), float(np.mean(tried)), n_directions, (one, other))


def _on_other_half(pair: LayerPair, half: int) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Find canonical directions on one half, correlate them on the other: the mean, what neurons have of them."""
    left, right = pair.axes
    other = 1 - half
    crossed = left.halves[half].T @ pair.halves[half]
    u, _, v = np.linalg.svd(crossed @ right.halves[half] / max(1, pair.n[half]), full_matrices=False)
    in_a, in_b = left.halves[half] @ u, right.halves[half] @ v.T
    between = np.einsum("ik,ij,jk->k", in_a, pair.halves[other], in_b, optimize=True)
    of_a, of_b = (
        np.einsum("ik,ij,jk->k", each, axes.scatters[other], each, optimize=True)
        for axes, each in ((left, in_a), (right, in_b))
    )
    least = _ROUNDING * max(1, pair.n[other])  # of directions whose variance is 1 on the half they were found on
    varies = (of_a > least) & (of_b > least)
    found = np.divide(between, np.sqrt(np.abs(of_a * of_b)), out=np.full(len(between), np.nan), where=varies)
    known = np.nan_to_num(found).clip(0, 1)
    n = max(1, pair.n[half])
    mine, theirs = (_along(axes.scatters[half] / n, each, known) for axes, each in ((left, in_a), (right, in_b)))
    mean = np.nanmean(found) if not np.isnan(found).all() else np.nan  # a half in which nothing varies
    return float(mean), mine, theirs


def _along(
    covariance: NDArray[np.float64], directions: NDArray[np.float64], known: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Sum each neuron's squared correlations with directions of variance 1, times what is known of them."""
    variances = np.diag(covariance)
    squared = (covariance @ directions) ** 2 @ known
    return np.divide(squared, variances, out=np.zeros_like(squared), where=variances > 1e-6)
