"""Rank neurons by a number: who is first, and where each layer's neurons stand."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.errors import OptionError
from neurolect.relations.numbers import Numbers, numbers
from neurolect.statistics.ranks import descending_ranks, mean_ranks
from neurolect.store import Run
from neurolect.store.sides import check_side


class LayerRanks(NamedTuple):
    """Where the lists of one layer stand in a ranking."""

    site: str
    """Site."""
    layer: int
    """Layer."""
    n: int
    """Lists ranked."""
    quartiles: tuple[float, float, float, float, float]
    """Least, first quartile, median, third quartile and greatest rank; 1 is first, equal numbers share their mean
    rank."""
    mean: float
    """Mean number of the layer."""


class Ranking(NamedTuple):
    """Lists in the order of a number."""

    table: pa.Table
    """``rank``, ``address``, ``side``, ``value``, ``evidence``, ``name``; first comes first."""
    layers: list[LayerRanks]
    """Layer by layer."""
    label: str
    """What the number is."""
    n_ranked: int
    """Lists (neurons) that have the number."""
    of_neurons: bool
    """Whether the number is the neurons', so that each comes once."""
    notes: list[str]
    """What a reader should know."""


def rank(
    run: Run,
    *,
    by: str,
    value: str | None = None,
    side: str | None = None,
    layer: int | None = None,
    site: str | None = None,
    limit: int | None = None,
) -> pa.Table:
    """Rank the lists of a run by a number, the greatest first.

    Parameters
    ----------
    run : Run
        A described run.
    by : str
        ``pos``, ``tag``, ``length``, ``field=NAME`` or any number of
        :func:`neurolect.relations.numbers.numbers`.
    value : str, optional
        One part of speech, or one value of the field.
    side : str, optional
        ``top`` or ``bottom``; both when not given, but one of them where the number is the neuron's own, such as a
        moment of its activation.
    layer : int, optional
        Only this layer's neurons; ranks stay those among all.
    site : str, optional
        Only this site's neurons; ranks stay those among all.
    limit : int, optional
        Rows at most; all when not given.

    Returns
    -------
    pyarrow.Table
        ``rank`` (from 1), ``address``, ``side``, ``value``, ``evidence`` (the tag or value it rests on, else
        null), ``name`` (of that side). Lists without the number are left out; ties in order of neuron and side.

    Raises
    ------
    OptionError
        If there is no such number, field, value, side, layer or site.
    RunFolderError
        If the run has not been described, or the number cannot be had.
    """
    return rank_neurons(run, by=by, value=value, side=side, layer=layer, site=site, limit=limit).table


def rank_neurons(
    run: Run,
    *,
    by: str,
    value: str | None = None,
    side: str | None = None,
    layer: int | None = None,
    site: str | None = None,
    limit: int | None = None,
) -> Ranking:
    """Rank lists, and say where each layer stands.

    Parameters
    ----------
    run : Run
        A described run.
    by, value, side, layer, site, limit
        As in :func:`rank`.

    Returns
    -------
    Ranking
        The table of :func:`rank` and the layers' places, which `layer`, `site` and `limit` leave alone.

    Raises
    ------
    OptionError
        If there is no such number, field, value, side, layer or site.
    RunFolderError
        If the run has not been described, or the number cannot be had.
    """
    inside = in_blocks(run, layer=layer, site=site)
    if limit is not None and limit < 1:
        what = f"The limit is {limit}."
        raise OptionError(what, expected="1 or more")
    if side is not None:
        check_side(side, run.sides, of=run.folder)
    sides = run.sides if side is None else (side,)
    found = {sides[0]: numbers(run, by, side=sides[0], value=value)}
    if found[sides[0]].of_neuron:
        sides = sides[:1]
    found |= {each: numbers(run, by, side=each, value=value) for each in sides[1:]}
    values = np.stack([each.values for each in found.values()], axis=1).ravel()
    ranks = descending_ranks(values)
    n_ranked = int(np.isfinite(values).sum())
    order = np.argsort(ranks, kind="stable")[:n_ranked]
    order = order[inside[order // len(sides)]]
    table = _table(run, found, order=order[:limit], values=values, ranks=ranks)
    first = found[sides[0]]
    notes = list(dict.fromkeys(note for each in found.values() for note in each.notes))
    if n_ranked > 1 and np.nanmin(values) == np.nanmax(values):
        notes.append("All have the same number: they come in the order of the neurons.")
    layers_ranked = _layers(run, mean_ranks(-values), values, n_sides=len(sides))
    return Ranking(table, layers_ranked, first.label, n_ranked, first.of_neuron, notes)


def in_blocks(run: Run, *, layer: int | None = None, site: str | None = None) -> NDArray[np.bool_]:
    """Tell which neurons are of a layer and a site.

    Parameters
    ----------
    run : Run
        A collected run.
    layer : int, optional
        Any when not given.
    site : str, optional
        Any when not given.

    Returns
    -------
    bool, shape (n_neurons,)
        In the order of neuron ids.

    Raises
    ------
    OptionError
        If the run has no such layer or site, or not both together; names those there are.
    """
    blocks = run.manifest["model"]["sites"]
    for name, wanted in (("site", site), ("layer", layer)):
        known = sorted({each[name] for each in blocks})
        if wanted is not None and wanted not in known:
            what = f"The run {run.folder} has no {name} {wanted if name == 'layer' else repr(wanted)}."
            raise OptionError(what, expected=f"one of {', '.join(map(str, known))}")
    inside = [layer in (None, each["layer"]) and site in (None, each["site"]) for each in blocks]
    if not any(inside):
        what = f"The run {run.folder} has no layer {layer} of the site {site!r}."
        listed = ", ".join(str(each["layer"]) for each in blocks if each["site"] == site)
        raise OptionError(what, expected=f"one of {listed}")
    return np.repeat(inside, [each["width"] for each in blocks])


def _table(
    run: Run,
    found: dict[str, Numbers],
    *,
    order: NDArray[np.intp],
    values: NDArray[np.float64],
    ranks: NDArray[np.int64],
) -> pa.Table:
    """Write the rows asked for."""
    sides = list(found)
    neurons, places = order // len(sides), order % len(sides)
    summary = run.table("signatures/summary", columns=["neuron_id", "side", "name"])
    wanted = set(neurons.tolist())
    names = {
        (neuron, side): name
        for neuron, side, name in zip(
            *(summary.column(each).to_pylist() for each in summary.column_names), strict=True
        )
        if neuron in wanted
    }
    evidence = [found[sides[place]].evidence for place in places]
    pairs = list(zip(neurons.tolist(), places.tolist(), strict=True))
    return pa.table(
        {
            "rank": pa.array(ranks[order], pa.int64()),
            "address": pa.array([run.index.address(neuron) for neuron, _ in pairs], pa.string()),
            "side": pa.array([sides[place] for _, place in pairs], pa.string()),
            "value": pa.array(values[order], pa.float64()),
            "evidence": pa.array(
                [each[neuron] if each else None for each, (neuron, _) in zip(evidence, pairs, strict=True)],
                pa.string(),
            ),
            "name": pa.array([names.get((neuron, sides[place])) for neuron, place in pairs], pa.string()),
        }
    )


def _layers(run: Run, ranks: NDArray[np.float64], values: NDArray[np.float64], *, n_sides: int) -> list[LayerRanks]:
    """Say where each layer's lists stand."""
    found = []
    first = 0
    for each in run.manifest["model"]["sites"]:
        here = slice(first * n_sides, (first + each["width"]) * n_sides)
        first += each["width"]
        has = np.isfinite(values[here])
        if has.any():
            low, q1, median, q3, high = np.quantile(ranks[here][has], [0, 0.25, 0.5, 0.75, 1]).tolist()
            mean = float(values[here][has].mean())
            found.append(LayerRanks(each["site"], each["layer"], int(has.sum()), (low, q1, median, q3, high), mean))
    return found
