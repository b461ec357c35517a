"""Rank neurons by a number: who is first, and where each layer's neurons are."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.errors import OptionError
from neurolect.results.number import Numbers
from neurolect.results.registry import numbers
from neurolect.results.table import list_names, provenance, ranking_table
from neurolect.statistics.sorting import descending_ranks, mean_ranks
from neurolect.store import Run, open_run
from neurolect.store.sides import check_side, list_columns


class LayerRanks(NamedTuple):
    """Where the lists of one layer are in a ranking."""

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


def rank(
    run: Run | str | Path,
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
    run : Run, str or Path
        A described run.
    by : str
        ``pos``, ``tag``, ``length``, ``field=NAME`` or any number of
        :func:`neurolect.results.numbers_of`.
    value : str, optional
        One part of speech, or one value of the field; several values, separated by commas: only these count.
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
        ``rank`` (from 1), ``address``, ``side``, ``score``, ``sign`` (of the concept of ``corpus``: -1 of bottom
        lists; else null), ``evidence`` (the tag or value it rests on, else null), ``name`` (of that side). Lists
        without the number are left out; ties in order of neuron and side. The details of its provenance are
        ``label`` (what the number is), ``n_ranked`` (lists or neurons that have it), ``of_neurons``, ``notes`` and
        ``layers`` (see :func:`layer_ranks`), which `layer`,
        `site` and `limit` leave alone.

    Raises
    ------
    OptionError
        If there is no such number, field, value, side, layer or site.
    RunFolderError
        If the run has not been described, or the number cannot be had.
    """
    run = open_run(run)
    inside = in_blocks(run, layer=layer, site=site)
    if limit is not None and limit < 1:
        what = f"The limit is {limit}."
        raise OptionError(what, expected="1 or more")
    if side is not None:
        check_side(side, run.sides, of=run.folder)
    sides = run.sides if side is None else (side,)
    found = [numbers(run, by, side=sides[0], value=value)]
    if found[0].of_neuron:
        sides = sides[:1]
    found += [numbers(run, by, side=each, value=value) for each in sides[1:]]
    values = np.stack([each.values for each in found], axis=1).ravel()
    ranks = descending_ranks(values)
    n_ranked = int(np.isfinite(values).sum())
    order = np.argsort(ranks, kind="stable")[:n_ranked]
    order = order[inside[order // len(sides)]][:limit]
    notes = list(dict.fromkeys(note for each in found for note in each.notes))
    if n_ranked > 1 and np.nanmin(values) == np.nanmax(values):
        notes.append("All have the same number: they come in the order of the neurons.")
    columns = list_columns(order, sides) | {"rank": ranks[order], "score": values[order]}
    if found[0].signed:
        columns["sign"] = np.array([1 if sides[each % len(sides)] == "top" else -1 for each in order], np.int8)
    columns["evidence"] = pa.array([_evidence(found, each) for each in order.tolist()], pa.string())
    columns["name"] = list_names(run, pa.table(columns))
    details = {
        "label": found[0].label,
        "n_ranked": n_ranked,
        "of_neurons": found[0].of_neuron,
        "notes": notes,
        "layers": [each._asdict() for each in _layers(run, mean_ranks(-values), values, n_sides=len(sides))],
    }
    options = {"by": by, "value": value, "side": side, "layer": layer, "site": site, "limit": limit}
    return ranking_table(columns, runs=run, method="rank", options=options, details=details)


def layer_ranks(table: pa.Table) -> list[LayerRanks]:
    """Give where each layer's lists are in a ranking of :func:`rank`.

    Parameters
    ----------
    table : pyarrow.Table
        From :func:`rank`.

    Returns
    -------
    list of LayerRanks
        Layer by layer, of all lists that have the number.
    """
    return [
        LayerRanks(**each | {"quartiles": tuple(each["quartiles"])}) for each in provenance(table).details["layers"]
    ]


def _evidence(found: list[Numbers], number: int) -> str | None:
    """Look up what the number of a list rests on."""
    neuron, place = divmod(number, len(found))
    evidence = found[place].evidence
    return evidence[neuron] if evidence else None


def in_blocks(run: Run, *, layer: int | None = None, site: str | None = None) -> NDArray[np.bool_]:
    """Tell which neurons are of a layer and a site.

    Returns: bool, shape (n_neurons,). In the order of neuron ids.
    """
    blocks: Sequence[Mapping[str, Any]] = run.manifest["model"]["sites"]
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


def _layers(run: Run, ranks: NDArray[np.float64], values: NDArray[np.float64], *, n_sides: int) -> list[LayerRanks]:
    """Say where each layer's lists are."""
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
