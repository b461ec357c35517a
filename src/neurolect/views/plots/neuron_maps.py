"""Maps of neurons: a point is a neuron, near ones have alike sentences or alike responses."""

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from neurolect.errors import OptionError, RunFolderError
from neurolect.results import numbers
from neurolect.store import Run
from neurolect.store.sides import check_side
from neurolect.views.palette import CATEGORIES, DIM, LINE
from neurolect.views.plots.style import POINTS, Drawn, new_figure, on_white
from neurolect.visible import quoted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection

METHODS = {"tsne": "t-SNE", "umap": "UMAP"}


def draw_map(
    run: Run,
    *,
    by: str = "layer",
    value: str | None = None,
    side: str = "top",
    layer: int | None = None,
    method: str | None = None,
) -> Drawn:
    """Draw neurons by their vectors, coloured by layer, by site or by a number.

    ``layer``: Only this layer; the others stay as a grey ground.
    ``method``: ``tsne`` or ``umap``; the first that the run has when not given.
    """
    check_side(side, run.sides, of=run.folder)
    if value is not None and by in ("layer", "site", "cluster"):
        what = f"A value ({value!r}) goes with pos, tag or field=NAME, not with {by!r}."
        raise OptionError(what, hint="Leave --value out, or show one of these.")
    ids, xy, method = _coordinates(run, f"{side} vectors", method)
    where = "" if layer is None else f" (layer {layer})"
    figure, axes = new_figure(f"Neurons by the sentences of their {side} lists{where}", width=6.6, height=5.4)
    here = _only_layer(axes, run, ids, xy, layer)
    if by in ("site", "cluster"):
        labels = run.neurons().column("site").to_pylist() if by == "site" else _clusters(run, side)
        names = _in_order(labels)
        codes = [names.index(labels[each]) for each in ids[here]]
        # sites lie over each other: a name in the middle of one would be on the other's
        _categories(axes, xy[here], codes, names, title=by, in_place=by != "site")
        shown, extra = by, None
    else:
        found = None if by == "layer" else numbers(run, by, side=side, value=value)
        colours = run.neurons().column("layer").to_numpy().astype(float) if found is None else found.values
        shown, extra = ("layer", None) if found is None else (found.label, found)
        # layers keep their colours when only one is drawn
        low, high = (colours.min(), colours.max()) if found is None else _robust(colours[ids[here]])
        points = axes.scatter(
            xy[here, 0],
            xy[here, 1],
            c=colours[ids[here]],
            cmap=on_white(),
            vmin=low,
            vmax=high,
            s=_size(len(here)),
            linewidths=0,
            gid=POINTS,
        )
        figure.colorbar(points, ax=axes, label=shown, shrink=0.8)
    _empty_axes(axes)
    caption = (
        f"{len(here):,} neurons{where}; each is where the mean of its {side} list's sentence vectors does "
        f"({METHODS[method]}), coloured by {shown}."
    )
    return Drawn(figure, caption, _titles(run, ids[here], side, extra.values if extra else None))


def draw_groups(run: Run, *, layer: int | None = None, site: str | None = None, method: str | None = None) -> Drawn:
    """Draw neurons by their responses to the sample, coloured by response group ([J] figure 4).

    ``layer``: Only this layer: grouped and mapped by itself where the run has that, else the others stay as a grey
        ground.
    ``site``: Whose neurons, where a layer is grouped by itself; the first that the run has when not given.
    ``method``: ``tsne`` or ``umap``; the first that the run has when not given.
    """
    if layer is not None and method is None:
        own = _of_one_layer(run, layer=layer, site=site)
        if own.num_rows:
            return _layer_groups(run, own)
    ids, xy, method = _coordinates(run, "responses", method)
    where = "" if layer is None else f" (layer {layer})"
    figure, axes = new_figure(f"Neurons by their responses to the same sentences{where}", width=6.6, height=5.4)
    here = _only_layer(axes, run, ids, xy, layer)
    groups = run.table("relations/responses").column("response_group").to_numpy(zero_copy_only=False)
    here = here[np.isfinite(groups[ids[here]].astype(float))]
    codes = groups[ids[here]].astype(int)
    names = [str(number + 1) for number in range(int(groups[np.isfinite(groups)].max(initial=0)) + 1)]
    _categories(axes, xy[here], codes.tolist(), names, title="group")
    _empty_axes(axes)
    n = run.array("sample/activations").shape[1]
    caption = (
        f"{len(here):,} neurons{where}; near neurons respond alike to the {n:,} sentences of the sample "
        f"({METHODS[method]} of standardised activations), coloured by k-means group, the largest first."
    )
    return Drawn(figure, caption, _titles(run, ids[here], run.sides[0], None))


def _of_one_layer(run: Run, *, layer: int, site: str | None) -> pa.Table:
    """Read the groups that a layer's neurons have by themselves; of a run related before there were any, none."""
    if "relations/layer_groups" not in run.tables():
        return pa.table({})
    table = run.table("relations/layer_groups")
    table = table.filter((pc.field("layer") == layer) & pc.is_valid(pc.field("x")))
    sites = list(dict.fromkeys(table.column("site").to_pylist()))
    return table.filter(pc.field("site") == (site or (sites or [""])[0]))


def _layer_groups(run: Run, table: pa.Table) -> Drawn:
    """Draw one layer's neurons on their own map."""
    made = run.manifest["options"]["relate"]
    layer, n = table.column("layer")[0].as_py(), table.column("n_sentences")[0].as_py()
    figure, axes = new_figure(f"Neurons of layer {layer} by their responses", width=6.6, height=5.4)
    ids, codes = (table.column(name).to_numpy().astype(np.int64) for name in ("neuron_id", "group"))
    xy = np.stack([table.column(axis).to_numpy() for axis in ("x", "y")], axis=1)
    sizes = np.bincount(codes)
    names = [f"{number + 1} ({size:,})" for number, size in enumerate(sizes.tolist())]
    _categories(axes, xy, codes.tolist(), names, title="group (neurons)", in_place=False)
    _empty_axes(axes)
    how = "standardised" if made["group_responses"] == "standard" else "raw"
    caption = (
        f"{len(ids):,} neurons of layer {layer} by their {how} responses to the same {n:,} sentences "
        f"({METHODS[made['maps'][0]]}), coloured by k-means group of this layer alone, the largest first."
    )
    return Drawn(figure, caption, _titles(run, ids, run.sides[0], None))


def _coordinates(run: Run, of: str, method: str | None) -> tuple[NDArray[np.int64], NDArray[np.float32], str]:
    """Read a map: by the method asked for, else the first that there is."""
    if method is not None and method not in METHODS:
        what = f"There is no method {method!r} to draw maps by."
        raise OptionError(what, expected=" or ".join(METHODS))
    table = run.table("relations/maps")
    table = table.filter(pc.equal(table.column("of"), of))
    made = list(dict.fromkeys(table.column("method").to_pylist()))
    if not made or method not in (None, *made):
        what = f"The run {run.folder} has no map of {of}" + (f" by {method}." if method else ".")
        wanted = ",".join([*made, method or "tsne"])
        raise RunFolderError(what, hint=f"neurolect relate {quoted(run.folder)} --set relate.maps={wanted}")
    method = method or str(made[0])
    table = table.filter(pc.equal(table.column("method"), method))
    xy = np.stack([table.column(axis).to_numpy(zero_copy_only=False) for axis in ("x", "y")], axis=1)
    placed = np.isfinite(xy).all(axis=1)
    if not placed.any():
        what = f"The run {run.folder} has {len(xy)} neurons: too few for a map."
        raise RunFolderError(what, hint="Collect more neurons: --set model.layers=none reads all layers.")
    return table.column("neuron_id").to_numpy().astype(np.int64)[placed], xy[placed], method


def _clusters(run: Run, side: str) -> list[str]:
    """Name the cluster of every neuron's list, where there are as many clusters as layers; from 1."""
    k = len({each["layer"] for each in run.manifest["model"]["sites"]})
    wanted = (pc.field("vectors") == "words") & (pc.field("lists") == side) & (pc.field("k") == k)
    table = run.table("relations/members").filter(wanted)
    labels = ["None"] * run.n_neurons
    for neuron, cluster in zip(
        table.column("neuron_id").to_pylist(), table.column("cluster").to_pylist(), strict=True
    ):
        labels[neuron] = str(cluster + 1)
    return labels


def _only_layer(
    axes: "Axes", run: Run, ids: NDArray[np.int64], xy: NDArray[np.float32], layer: int | None
) -> NDArray[np.int64]:
    """Choose the points of a layer and draw all others in grey."""
    if layer is None:
        # in neuron order the last layer would cover the others
        return np.random.default_rng(0).permutation(len(ids))
    inside = run.neurons().column("layer").to_numpy()[ids] == layer
    axes.scatter(xy[~inside, 0], xy[~inside, 1], c=LINE, s=_size(len(ids)), linewidths=0)
    return np.flatnonzero(inside)


def _categories(
    axes: "Axes",
    xy: NDArray[np.float32],
    codes: list[int],
    names: list[str],
    *,
    title: str,
    in_place: bool = True,
) -> "PathCollection":
    """Draw points in colours of their groups, with a legend; several groups also say their name in place."""
    from matplotlib.patheffects import withStroke

    colours = [CATEGORIES[code % len(CATEGORIES)] for code in codes]
    points = axes.scatter(xy[:, 0], xy[:, 1], c=colours, s=_size(len(codes)), linewidths=0, gid=POINTS)
    halo = [withStroke(linewidth=3.0, foreground="white")]
    for number, name in enumerate(names[:20]):
        axes.scatter([], [], c=CATEGORIES[number % len(CATEGORIES)], s=18, label=name)
        inside = xy[np.array(codes) == number]
        # colours come again after ten groups, and not everybody tells them apart
        if in_place and len(inside) and len(names) > 1:
            x, y = _middle(inside)
            axes.text(x, y, name, ha="center", va="center", fontsize=11, weight="bold", path_effects=halo)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), title=title, fontsize=8)
    return points


def _middle(points: NDArray[np.float32]) -> tuple[float, float]:
    """Find the point nearest to the medians: it lies in the group, the medians may not."""
    far = np.abs(points - np.median(points, axis=0)).sum(axis=1)
    x, y = points[int(np.argmin(far))].tolist()
    return x, y


def _in_order(labels: list[str]) -> list[str]:
    """List the groups, numbers by size."""
    distinct = set(labels)
    if all(each.isdecimal() or each == "None" for each in distinct):
        return sorted(distinct, key=lambda each: (each == "None", int(each) if each.isdecimal() else 0))
    return list(dict.fromkeys(labels))


def _size(n: int) -> float:
    """Choose the points' size by how many there are."""
    return float(np.clip(20000 / max(n, 1), 2.5, 30))


def _robust(values: NDArray[np.float64]) -> tuple[float | None, float | None]:
    """Let a few extreme numbers not take all the colours."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return None, None
    low, high = np.quantile(finite, [0.01, 0.99])
    return (float(low), float(high)) if high > low else (None, None)


def _empty_axes(axes: "Axes") -> None:
    """Take the scales away: a map has no units."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_aspect("equal", adjustable="datalim")
    for spine in axes.spines.values():
        spine.set_color(DIM)
        spine.set_alpha(0.3)
        spine.set_visible(True)


def _titles(run: Run, ids: NDArray[np.int64], side: str, values: NDArray[np.float64] | None) -> list[str]:
    """Say of each point which neuron it is and what it is about."""
    table = run.table("signatures/summary", columns=["neuron_id", "side", "name"])
    table = table.filter(pc.equal(table.column("side"), side))
    names = dict(zip(table.column("neuron_id").to_pylist(), table.column("name").to_pylist(), strict=True))
    titles = [f"{run.index.address(each)}: {names.get(each) or 'no clear theme'}" for each in ids.tolist()]
    if values is None:
        return titles
    return [f"{title} ({values[each]:.3g})" for title, each in zip(titles, ids.tolist(), strict=True)]
