"""The papers' figures, drawn of our models side by side."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc

from neurolect.paper.churn import read_looks, replaced_by_chance
from neurolect.paper.finding import layer_of_neurons
from neurolect.results import layer_ranks, numbers, provenance, rank
from neurolect.results.field_numbers import MIN_LABELLED
from neurolect.store import Run
from neurolect.views.palette import CYAN, DIM, GREY, INDIGO, ROSE, SEQUENCE, WINE
from neurolect.views.plots.style import Drawn, layer_axis, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {"pretrained": INDIGO, "random": GREY, "sentiment": ROSE}
STYLES = {"pretrained": "-", "random": ":", "sentiment": "--"}
NAMES = {"pretrained": "pre-trained", "random": "random", "sentiment": "fine-tuned (sentiment)"}


def _panels(n: int, *, width: float, height: float, shared: bool) -> tuple[Any, list["Axes"]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, list(figure.subplots(1, n, squeeze=False, sharey=shared)[0])


def draw_churn(run: Run) -> Drawn:
    """Draw new entries at each look and the law of random order ([E] figure 1)."""
    looks = read_looks(run)
    size = run.table("lists/top", columns=["neuron_id"]).num_rows // run.n_neurons
    figure, axes = new_figure(f"New entries of the top-{size:,} lists since the look before", width=6.4, height=3.6)
    read = np.array([look.n_sentences for look in looks])
    law = [replaced_by_chance(look.n_sentences - look.n_new, look.n_new, list_size=size) for look in looks]
    axes.plot(read, law, color=DIM, linestyle="--", linewidth=1.4, label="any list, in random order: N m / (n + m)")
    measured = [look.churn * size for look in looks]
    axes.plot(
        read, measured, color=COLOURS["pretrained"], marker="o", markersize=3.5, linewidth=0, label="measured, mean"
    )
    axes.set_ylim(0, None)
    axes.set_xlim(0, None)
    axes.set_xlabel("sentences read")
    axes.set_ylabel("entries")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.legend()
    return Drawn(
        figure, "New entries at each look, mean over neurons, and what a random order gives any list.", None
    )


def draw_maps_of_models(runs: Mapping[str, Run]) -> Drawn:
    """Draw the t-SNE maps of neurons by layer ([E] figure 2)."""
    figure, panels = _panels(len(runs), width=4.6 * len(runs), height=4.0, shared=False)
    points: Any = None
    for axes, (name, run) in zip(panels, runs.items(), strict=True):
        table = run.table("relations/maps")
        table = table.filter(pc.equal(table.column("of"), "top vectors"))
        layers = layer_of_neurons(run)[table.column("neuron_id").to_numpy()]
        order = np.random.default_rng(0).permutation(len(layers))  # no layer is drawn over all others
        x, y = (table.column(axis).to_numpy()[order] for axis in ("x", "y"))
        points = axes.scatter(x, y, c=layers[order], cmap=SEQUENCE, s=2.5, linewidths=0, rasterized=True)
        axes.set_title(NAMES[name])
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[["left", "bottom"]].set_visible(False)
    figure.colorbar(points, ax=panels, label="layer", shrink=0.8)
    return Drawn(figure, "Neurons by the mean vector of their sentences (t-SNE), coloured by layer.", None)


def draw_boxes(runs: Mapping[str, Run], *, by: str) -> Drawn:
    """Draw where the neurons of each layer are in a ranking ([E] figures 3 and 4)."""
    figure, panels = _panels(len(runs), width=3.7 * len(runs), height=3.4, shared=True)
    label = ""
    for axes, (name, run) in zip(panels, runs.items(), strict=True):
        ranking = rank(run, by=by, side="top", limit=1)
        layers, facts = layer_ranks(ranking), provenance(ranking).details
        label = facts["label"]
        last = max(facts["n_ranked"] - 1, 1)
        boxes = []
        for each in layers:
            q = [100 * (place - 1) / last for place in each.quartiles]
            boxes.append({"whislo": q[0], "q1": q[1], "med": q[2], "q3": q[3], "whishi": q[4], "fliers": []})
        axes.bxp(
            boxes,
            positions=list(range(len(boxes))),
            widths=0.62,
            showfliers=False,
            patch_artist=True,
            boxprops={"facecolor": CYAN, "edgecolor": DIM, "linewidth": 0.8},
            medianprops={"color": WINE, "linewidth": 2},
            whiskerprops={"color": DIM, "linewidth": 0.8},
            capprops={"color": DIM, "linewidth": 0.8},
        )
        layer_axis(axes, [str(each.layer) for each in layers])
        axes.set_title(NAMES[name])
    panels[0].set_ylim(102, -2)
    panels[0].set_ylabel("rank, % of all (first at the top)")
    return Drawn(figure, f"Ranks by {label}; box from the first to the third quartile, line at the median.", None)


def draw_curves(runs: Mapping[str, Run], *, by: str) -> Drawn:
    """Draw a number against the rank, a line for each model ([E] figure 5)."""
    label = numbers(next(iter(runs.values())), by).label
    figure, axes = new_figure(f"{label[:1].upper()}{label[1:]}", width=5.6, height=3.6)
    for name, run in runs.items():
        values = numbers(run, by).values
        falling = np.sort(values[np.isfinite(values)])[::-1]
        # neurons without the number count as well: the axis is of all
        share = 100 * np.arange(1, len(falling) + 1) / len(values)
        axes.plot(share, falling, color=COLOURS[name], linestyle=STYLES[name], linewidth=1.8, label=NAMES[name])
    axes.set_xlim(0, 100)
    axes.set_ylim(0, None)
    axes.set_xlabel("neurons, ranked (%)")
    axes.set_ylabel("standard deviation")
    axes.legend()
    caption = (
        f"{label} of the top lists, neurons in falling order. Lines end where lists have fewer than {MIN_LABELLED} "
        "sentences with a value."
    )
    return Drawn(figure, f"{caption[:1].upper()}{caption[1:]}", None)
