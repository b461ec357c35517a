"""Two models compared: a row for each neuron, a row for each two layers."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from neurolect.collector.process import n_own_cores, threads_each
from neurolect.comparison.common_ground import CommonGround, same_addresses
from neurolect.comparison.joint_moments import JointMoments
from neurolect.comparison.layers import LayerAxes, Likeness, axes_of, layer_pair, layer_scatters, likeness
from neurolect.comparison.options import CompareOptions
from neurolect.comparison.overlaps import BestShared, best_shared, list_rows, shared_shares
from neurolect.comparison.regression import held_out_r2
from neurolect.folders.parts import Parts
from neurolect.model.neurons import NeuronIndex
from neurolect.progress import Task
from neurolect.store import Run

# For every neuron of one model the neuron of another that goes with it best, and what became of it there.
FATES = ("kept", "moved within the layer", "moved to another layer", "vanished", "appeared")
_ROWS = 1024
_LEAST = 1e-6
"""A neuron that varies less than this, in units of its usual deviation, is constant."""


class Matches(NamedTuple):
    """Best partners."""

    best: NDArray[np.int64]
    """Neuron of the other model with the greatest absolute correlation, the first of equals; -1: none."""

    correlation: NDArray[np.float32]
    """Pearson correlation with it; NaN where there is none."""


def standard_deviations(moments: JointMoments, model: int) -> NDArray[np.float64]:
    """Give the standard deviation of every neuron of a model, scaled; 0 for constant ones."""
    squares = moments.squares(model).sum(axis=0)
    n = max(1, moments.n_sentences)
    variances = squares / n - moments.mean(model) ** 2
    return np.where(variances > _LEAST, np.sqrt(np.maximum(variances, 0)), 0.0)


def best_matches(moments: JointMoments, first: int, second: int) -> tuple[Matches, Matches]:
    """Find the best partners between two models, for the neurons of the first and for those of the second.

    Reference: Bau, Belinkov, Sajjad, Durrani, Dalvi, Glass: Identifying and Controlling Important Neurons in Neural
        Machine Translation (2019), section 3.2: maximum correlation.
    """
    left, right = standard_deviations(moments, first), standard_deviations(moments, second)
    mine, theirs = _nothing(len(left)), _nothing(len(right))
    n = max(1, moments.n_sentences)
    for start in range(0, len(left), _ROWS):
        rows = slice(start, min(start + _ROWS, len(left)))
        with np.errstate(divide="ignore", invalid="ignore"):
            block = moments.scatter(first, second, rows=rows) / (n * np.outer(left[rows], right))
        block[~np.isfinite(block)] = 0
        np.clip(block, -1, 1, out=block)
        size = np.abs(block)
        _take(mine, rows, size.argmax(axis=1), block, axis=1)
        at = size.argmax(axis=0)
        better = size[at, np.arange(len(right))] > np.abs(np.nan_to_num(theirs.correlation))
        theirs.best[better] = at[better] + start
        theirs.correlation[better] = block[at, np.arange(len(right))][better]
    for each, deviations in ((mine, left), (theirs, right)):
        constant = (deviations == 0) | (each.correlation == 0)
        each.best[constant] = -1
        each.correlation[constant] = np.nan
    return mine, theirs


def same_neurons(
    moments: JointMoments, first: int, second: int, *, pairs: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Correlate each neuron of ``first`` with one of ``second`` (-1: none); NaN: none, or one is constant."""
    left, right = standard_deviations(moments, first), standard_deviations(moments, second)
    found = np.full(len(left), np.nan, dtype=np.float32)
    n = max(1, moments.n_sentences)
    own = np.flatnonzero(pairs >= 0)
    if len(own):
        scatter = moments.scatter_of_pairs(first, second, partners=np.maximum(pairs, 0))
        with np.errstate(divide="ignore", invalid="ignore"):
            values = scatter[own] / (n * left[own] * right[pairs[own]])
        found[own] = np.where(np.isfinite(values), np.clip(values, -1, 1), np.nan)
    return found


def _nothing(n: int) -> Matches:
    return Matches(np.full(n, -1, dtype=np.int64), np.full(n, np.nan, dtype=np.float32))


def _take(matches: Matches, rows: slice, at: NDArray[np.intp], block: NDArray[np.float64], *, axis: int) -> None:
    matches.best[rows] = at
    matches.correlation[rows] = np.take_along_axis(block, at[:, None], axis=axis)[:, 0]


def fates_of(
    *,
    same: NDArray[np.float32],
    best: NDArray[np.float32],
    layers: NDArray[np.int64],
    best_layers: NDArray[np.int64],
    match: float,
    gone: str,
) -> list[str]:
    """Say what became of every neuron; a partner at the same address goes before a better one elsewhere.

    ``same`` and ``best`` are correlations with the neuron of the same address and with the best partner, float32
    (n,), NaN where there is none; layers are different numbers for different sites, too. ``gone`` is what a neuron
    without a partner is called: ``vanished`` in the model that comes first, else ``appeared``.
    """
    kept = np.abs(np.nan_to_num(same)) >= match
    partner = np.abs(np.nan_to_num(best)) >= match
    found = []
    for index in range(len(same)):
        if kept[index]:
            found.append("kept")
        elif partner[index]:
            found.append(FATES[1] if layers[index] == best_layers[index] else FATES[2])
        else:
            found.append(gone)
    return found


Lists = dict[str, list[NDArray[np.int64]]]


class Side(NamedTuple):
    """One of the runs that are compared."""

    number: int
    """Its place among the runs."""

    label: str
    """Its name."""

    run: Run
    """The run."""

    lists: Lists
    """Sentences of every neuron's lists by side, where lists are compared."""

    names: list[str | None] | None
    """Names of the top lists, neuron by neuron; None where it was not described."""

    layers: list[tuple[str, int, slice]]
    """Site, layer and neurons."""

    layer_of: NDArray[np.int64]
    """Number of the layer of each neuron; two runs use the same number for the same site and layer."""


def read_side(number: int, run: Run, ground: CommonGround) -> Side:
    """Read of a run what the comparison needs, into memory."""
    lists = {side: list_rows(run, side, size=ground.list_size) for side in ground.sides}
    return Side(number, ground.labels[number], run, lists, _names(run), *_layers(run.index))


def _names(run: Run) -> list[str | None] | None:
    if not run.is_current("describe"):
        return None
    table = run.table("signatures/summary", columns=["neuron_id", "side", "name"])
    table = table.filter(pc.equal(table.column("side"), "top"))
    names: list[str | None] = [None] * run.n_neurons
    for neuron, name in zip(table.column("neuron_id").to_pylist(), table.column("name").to_pylist(), strict=True):
        names[neuron] = name
    return names


def _layers(index: NeuronIndex) -> tuple[list[tuple[str, int, slice]], NDArray[np.int64]]:
    bounds = index.offsets.tolist()
    layers = [
        (each.site, each.layer, slice(bounds[at], bounds[at + 1])) for at, each in enumerate(index.site_layers)
    ]
    sites = list(dict.fromkeys(("hidden", "mlp", "attn", "head", *(site for site, _, _ in layers))))
    numbers = [sites.index(site) * 100_000 + layer for site, layer, _ in layers]
    return layers, np.repeat(np.array(numbers, dtype=np.int64), [each.width for each in index.site_layers])


def match_table(
    moments: JointMoments, first: Side, second: Side, *, options: CompareOptions, parts: Parts, task: Task
) -> tuple[pa.Table, pa.Table]:
    """Compare the neurons of two models, both ways: a row for each neuron, as ``matches.parquet``."""

    @cache
    def both() -> tuple[tuple[Matches, Matches], tuple[BestShared, BestShared]]:
        return best_matches(moments, first.number, second.number), _best_by_lists(first, second)

    def made(number: int) -> pa.Table:
        own, other = (first, second) if number == 0 else (second, first)
        matches, shared = both()[0][number], both()[1][number]
        how: dict[str, Any] = {"of": own.number, "by": other.number, "ridge": options.ridge}
        r2 = held_out_r2(moments, **how, parts=parts.of(f"r2-{number}"), task=task)
        return _rows(moments, own, other, matches, shared, r2, options.match, ("vanished", "appeared")[number])

    found = []
    for number in range(2):
        there = parts.has(f"matches-{number}")
        found.append(parts.table(f"matches-{number}", partial(made, number)))
        if there:
            task.resume(1)
    return found[0], found[1]


def _rows(
    moments: JointMoments,
    own: Side,
    other: Side,
    matches: Matches,
    by_lists: BestShared,
    r2: NDArray[np.float32],
    match: float,
    gone: str,
) -> pa.Table:
    same = same_addresses(own.run, other.run)
    same_r = same_neurons(moments, own.number, other.number, pairs=same)
    partner_layers = np.where(matches.best >= 0, other.layer_of[matches.best], -1)
    addresses = other.run.index.addresses()
    fates = fates_of(
        same=same_r,
        best=matches.correlation,
        layers=own.layer_of,
        best_layers=partner_layers,
        match=match,
        gone=gone,
    )
    n = own.run.n_neurons
    columns: dict[str, Any] = {
        "run": pa.array([own.label] * n),
        "other": pa.array([other.label] * n),
        "neuron_id": pa.array(np.arange(n), pa.int32()),
        "address": pa.array(own.run.index.addresses()),
        "layer": pa.array(np.repeat([layer for _, layer, _ in own.layers], _widths(own)), pa.int16()),
        "fate": pa.array(fates),
        "best_address": pa.array([addresses[at] if at >= 0 else None for at in matches.best], pa.string()),
        "correlation": _floats(matches.correlation),
        "same_correlation": _floats(same_r),
        "r2": _floats(r2),
        "shared": _floats(_shared_with_best(own, other, matches)),
        "same_shared": _floats(_shared(own, other, "top", "top", same)),
        "best_shared_address": pa.array([addresses[at] if at >= 0 else None for at in by_lists.best], pa.string()),
        "best_shared": _floats(by_lists.shares),
        "name": pa.array(own.names or [None] * n, pa.string()),
        "best_name": pa.array(_named(other, matches.best), pa.string()),
        "same_name": pa.array(_named(other, same), pa.string()),
    }
    return pa.table(columns)


def _widths(side: Side) -> list[int]:
    return [at.stop - at.start for _, _, at in side.layers]


def _floats(values: NDArray[np.float32]) -> pa.Array:
    return pa.array(values, pa.float32(), from_pandas=True)


def _named(other: Side, partners: NDArray[np.int64]) -> list[str | None]:
    names = other.names
    return [names[at] if names is not None and at >= 0 else None for at in partners.tolist()]


def _shared(own: Side, other: Side, side: str, other_side: str, partners: NDArray[np.int64]) -> NDArray[np.float32]:
    if side not in own.lists or other_side not in other.lists:
        return np.full(len(partners), np.nan, dtype=np.float32)
    return shared_shares(own.lists[side], other.lists[other_side], partners=partners)


def _best_by_lists(first: Side, second: Side) -> tuple[BestShared, BestShared]:
    """Find partners by top lists, both ways; none where lists are not compared."""
    if "top" in first.lists and "top" in second.lists:
        return best_shared(first.lists["top"], second.lists["top"])
    of_first, of_second = (
        BestShared(np.full(n, -1, dtype=np.int64), np.full(n, np.nan, dtype=np.float32))
        for n in (first.run.n_neurons, second.run.n_neurons)
    )
    return of_first, of_second


def _shared_with_best(own: Side, other: Side, matches: Matches) -> NDArray[np.float32]:
    """Compare top lists; where the partner goes the other way, with its bottom list."""
    along = _shared(own, other, "top", "top", np.where(matches.correlation > 0, matches.best, -1))
    against = _shared(own, other, "top", "bottom", np.where(matches.correlation < 0, matches.best, -1))
    return np.where(np.isnan(along), against, along)


def layer_rows(
    moments: JointMoments,
    first: Side,
    second: Side,
    *,
    partners: pa.Table,
    options: CompareOptions,
    parts: Parts,
    task: Task,
) -> tuple[list[dict[str, Any]], tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Compare the layers of two models, as ``layers.parquet``; ``partners`` is the first's table of matches.

    Returns: The rows, and for either model's neurons what the directions shared with the layer that has most of
        them say of them (``svcca`` of ``matches.parquet``).
    """
    alike_layers = likenesses(moments, first, second, kept=options.variance, parts=parts, task=task)
    shared = np.zeros(first.run.n_neurons), np.zeros(second.run.n_neurons)
    shares = _partner_shares(partners, first, second, match=options.match)
    rows = []
    for here, (site, layer, _) in enumerate(first.layers):
        for there, (other_site, other_layer, _) in enumerate(second.layers):
            alike = alike_layers[here][there]
            for own, side, at, each in zip(shared, (first, second), (here, there), alike.shared, strict=True):
                own[side.layers[at][2]] = np.maximum(own[side.layers[at][2]], each)
            rows.append(
                {
                    "run": first.label,
                    "site": site,
                    "layer": layer,
                    "other": second.label,
                    "other_site": other_site,
                    "other_layer": other_layer,
                    "svcca": alike.same,
                    "svcca_held_out": alike.held_out,
                    "n_directions": alike.n_directions,
                    "share_of_partners": float(shares[here, there]),
                }
            )
    return rows, shared


def likenesses(
    moments: JointMoments, first: Side, second: Side, *, kept: float, parts: Parts, task: Task
) -> list[list[Likeness]]:
    """Compare every layer of one model with every layer of another: a row for each layer of the first.

    ``kept`` is the share of the variance that directions hold. Decompositions of a few hundred rows gain nothing
    by more threads, and lose where threads are many: each is made by one, several at a time.
    """
    widths = _widths(second)
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(threads_each(n_own_cores())) as pool:

        @cache
        def axes(which: int) -> list[tuple[int, slice, LayerAxes]]:
            side = (first, second)[which]
            scatters = [layer_scatters(moments, side.number, at) for _, _, at in side.layers]
            made = pool.map(partial(axes_of, kept=kept), scatters)
            return [(side.number, at, each) for (_, _, at), each in zip(side.layers, made, strict=True)]

        def row(here: int) -> dict[str, NDArray[Any]]:
            own = axes(0)[here]
            return _as_arrays(list(pool.map(likeness, [layer_pair(moments, own, other) for other in axes(1)])))

        made = [parts.made(f"layer-{here}", partial(row, here), task=task) for here in range(len(first.layers))]
    return [_from_arrays(each, widths) for each in made]


def _as_arrays(row: Sequence[Likeness]) -> dict[str, NDArray[Any]]:
    """Put the comparisons of a layer with all of another model into arrays."""
    numbers = np.array([[each.same, each.held_out, each.n_directions] for each in row])
    own, others = (np.concatenate([each.shared[which] for each in row]) for which in range(2))
    return {"numbers": numbers, "own": own, "others": others}


def _from_arrays(arrays: Mapping[str, NDArray[Any]], widths: Sequence[int]) -> list[Likeness]:
    """Make comparisons of a layer of what :func:`_as_arrays` gave; ``widths`` are of the other model's layers."""
    own, others = np.split(arrays["own"], len(widths)), np.split(arrays["others"], np.cumsum(widths)[:-1])
    return [
        Likeness(numbers[0], numbers[1], int(numbers[2]), (own[at], others[at]))
        for at, numbers in enumerate(arrays["numbers"].tolist())
    ]


def _partner_shares(partners: pa.Table, first: Side, second: Side, *, match: float) -> NDArray[np.float64]:
    """Say which share of a layer's neurons has its partner in which layer."""
    places = {address: number for number, address in enumerate(second.run.index.addresses())}
    found = [places.get(each, -1) for each in partners.column("best_address").to_pylist()]
    sizes = np.abs(partners.column("correlation").to_numpy(zero_copy_only=False).astype(np.float64))
    best = np.where(np.nan_to_num(sizes) >= match, np.array(found), -1)
    return np.array(
        [
            [((best[at] >= other.start) & (best[at] < other.stop)).mean() for _, _, other in second.layers]
            for _, _, at in first.layers
        ]
    )


def across_models(tables: Sequence[pa.Table]) -> pa.Table:
    """Rank every run's neurons by how well all other models know them.

    Returns: One row a neuron: greatest and least best correlation, mean r2 and svcca over the other models, with
        ranks from 1.

    Reference: Bau et al. (2019), section 3.2: maximum correlation, minimum correlation, linear regression, SVCCA
        (there of directions; here each neuron has its share in them).
    """
    sizes = np.abs(np.stack([_numbers(each, "correlation") for each in tables]))
    measures = {
        "max_correlation": np.nan_to_num(sizes).max(axis=0),
        "min_correlation": np.nan_to_num(sizes).min(axis=0),
        "r2": np.nan_to_num(np.stack([_numbers(each, "r2") for each in tables])).mean(axis=0),
        "svcca": np.stack([_numbers(each, "svcca") for each in tables]).mean(axis=0),
    }
    table = tables[0].select(["run", "neuron_id", "address"])
    for name, values in measures.items():
        ranks = np.empty(len(values), dtype=np.int32)
        ranks[np.argsort(-values, kind="stable")] = np.arange(1, len(values) + 1)
        table = table.append_column(name, pa.array(values, pa.float32()))
        table = table.append_column(f"rank_{name}", pa.array(ranks, pa.int32()))
    return table


def _numbers(table: pa.Table, name: str) -> NDArray[np.float64]:
    numbers: NDArray[np.float64] = table.column(name).to_numpy(zero_copy_only=False).astype(np.float64)
    return numbers
