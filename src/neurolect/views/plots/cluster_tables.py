"""Clusters of neurons against layers, and the share of neurons with a twin."""

import numpy as np
import pyarrow.compute as pc

from neurolect.clustering.quality import best_assignment
from neurolect.errors import RunFolderError
from neurolect.relations.alike import THRESHOLDS
from neurolect.store import Run
from neurolect.store.sides import check_side
from neurolect.views.palette import CATEGORIES, SEQUENCE
from neurolect.views.plots.style import Drawn, layer_axis, new_figure


def draw_clusters(run: Run, *, side: str = "top") -> Drawn:
    """Draw how many neurons of each layer are in each cluster, clusters in the order of their matched layers."""
    check_side(side, run.sides, of=run.folder)
    wanted = (pc.field("vectors") == "words") & (pc.field("lists") == side) & (pc.field("grouping") == "layer")
    found = run.table("relations/clusters").filter(wanted & (pc.field("k") == pc.field("n_groups"))).to_pylist()
    if not found:
        what = f"The run {run.folder} has one layer: there is nothing to compare clusters with."
        raise RunFolderError(what, hint="Collect more layers: --set model.layers=none reads all of them.")
    figures = found[0]
    table = run.table("relations/crossed").filter(wanted & (pc.field("k") == figures["k"]))
    layers = list(dict.fromkeys(table.column("group").to_pylist()))
    counts = np.zeros((figures["k"], len(layers)), dtype=np.int64)
    for row in table.to_pylist():
        counts[row["cluster"], layers.index(row["group"])] = row["n_lists"]
    matched = best_assignment(counts)
    order = np.argsort(np.where(matched < 0, len(layers), matched), kind="stable")
    title = f"Clusters of {side} lists against layers"
    figure, axes = new_figure(title, width=5.4, height=4.6)
    image = axes.imshow(counts[order], cmap=SEQUENCE, aspect="auto")
    layer_axis(axes, layers)
    axes.set_yticks(range(len(order)), [str(each + 1) for each in order])
    axes.set_ylabel("cluster (in the order of its matched layer)")
    figure.colorbar(image, ax=axes, label="neurons")
    caption = (
        f"k-means of {figures['n_lists']:,} neuron vectors into {figures['k']} clusters. On the diagonal, matched "
        f"one to one, are {figures['accuracy']:.1%} (95 % interval {figures['low']:.1%} to {figures['high']:.1%}); "
        f"chance gives {figures['chance']:.1%}."
    )
    return Drawn(figure, caption, None)


def draw_redundancy(run: Run) -> Drawn:
    """Draw the share of each layer's neurons that have a twin, for several thresholds."""
    table = run.table("relations/redundancy")
    rows = table.filter(pc.is_valid(table.column("layer"))).to_pylist()
    layers = list(dict.fromkeys((row["site"], row["layer"]) for row in rows))
    several = len({site for site, _ in layers}) > 1
    title = "Neurons with a twin, by layer"
    figure, axes = new_figure(title, width=max(5.2, 0.42 * len(layers) + 1.8))
    shown = [each for each in THRESHOLDS if each in (0.5, 0.7, 0.8, 0.9)]
    for threshold, colour in zip(shown, CATEGORIES[::2], strict=False):
        here = [row for row in rows if abs(row["threshold"] - threshold) < 1e-6]
        for key, line, where in (
            ("share_with_twin", "-", "anywhere"),
            ("share_with_twin_in_layer", ":", "same layer"),
        ):
            label: str | None = f"{threshold:.1f} {where}"
            for site in dict.fromkeys(site for site, _ in layers):  # nothing leads from one site's last layer on
                places = [place for place, row in enumerate(here) if row["site"] == site]
                values = [100 * here[place][key] for place in places]
                axes.plot(places, values, line, color=colour, marker="o", markersize=3, label=label)
                label = None
    layer_axis(axes, [f"{site} {layer}" if several else str(layer) for site, layer in layers])
    axes.set_ylabel("neurons with a twin (%)")
    axes.set_ylim(-2, 102)
    axes.legend(title="correlation at least", fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    n = run.array("sample/activations").shape[1]
    caption = (
        "Share of each layer's neurons for which some other neuron's activations over the sample "
        f"({n:,} sentences) correlate at least so much, by absolute value; dotted: another one of the same layer."
    )
    return Drawn(figure, caption, None)
