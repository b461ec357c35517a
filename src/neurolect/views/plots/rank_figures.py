"""Rankings as figures: box and whiskers of ranks by layer, and the sorted curve ([E] figures 3 to 5)."""

import textwrap

import numpy as np

from neurolect.relations.diversity import encoder_words, read_diversity
from neurolect.results import layer_ranks, numbers, provenance, rank
from neurolect.store import Run
from neurolect.store.sides import check_side
from neurolect.views.palette import CYAN, DIM, INDIGO, ROSE, TEAL, WINE
from neurolect.views.plots.style import Drawn, layer_axis, new_figure, numbers_title, on_white

BOX, MEDIAN, CURVE = CYAN, WINE, INDIGO


def draw_ranks(run: Run, *, by: str = "pos", value: str | None = None, side: str = "top") -> Drawn:
    """Draw where each layer's neurons are in a ranking."""
    ranking = rank(run, by=by, value=value, side=side, limit=1)
    facts, layers = provenance(ranking).details, layer_ranks(ranking)
    whose = "" if facts["of_neurons"] else f", {side} lists"
    figure, axes = new_figure(f"Ranks by {facts['label']}{whose}", width=max(4.8, 0.42 * len(layers) + 1.6))
    boxes = [
        {"whislo": q[0], "q1": q[1], "med": q[2], "q3": q[3], "whishi": q[4], "fliers": []}
        for q in (each.quartiles for each in layers)
    ]
    axes.bxp(
        boxes,
        positions=list(range(len(boxes))),
        widths=0.62,
        showfliers=False,
        patch_artist=True,
        boxprops={"facecolor": BOX, "edgecolor": DIM, "linewidth": 0.8},
        medianprops={"color": MEDIAN, "linewidth": 2},
        whiskerprops={"color": DIM, "linewidth": 0.8},
        capprops={"color": DIM, "linewidth": 0.8},
    )
    several = len({each.site for each in layers}) > 1
    layer_axis(axes, [f"{each.site} {each.layer}" if several else str(each.layer) for each in layers])
    axes.set_ylim(facts["n_ranked"] * 1.02, -facts["n_ranked"] * 0.02)
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.set_ylabel("rank (first at the top)")
    how = f"all {facts['n_ranked']:,} are ranked by {facts['label']}{whose}"
    caption = (
        f"Where the neurons of each layer are when {how}: box "
        "from the first to the third quartile, line at the median, whiskers to the first and last."
    )
    return Drawn(figure, " ".join([caption, *facts["notes"]]), None)


def draw_curve(run: Run, *, by: str = "pos", value: str | None = None, side: str = "top") -> Drawn:
    """Draw the number against the rank, for all neurons and for the first and last third of the layers."""
    found = numbers(run, by, side=side, value=value)
    figure, axes = new_figure(numbers_title(found, side), width=5.6)
    layers = run.neurons().column("layer").to_numpy()
    distinct = np.unique(layers)
    third = max(1, len(distinct) // 3)
    parts = {"all layers": layers == layers}
    if third < len(distinct):
        parts["first third"], parts["last third"] = layers <= distinct[third - 1], layers >= distinct[-third]
    styles = {
        "all layers": (CURVE, "-", 2.2),
        "first third": (TEAL, "--", 1.4),
        "last third": (ROSE, ":", 1.8),
    }
    for name, here in parts.items():
        values = np.sort(found.values[here & np.isfinite(found.values)])[::-1]
        colour, line, width = styles[name]
        share = np.linspace(0, 100, num=len(values))
        axes.plot(share, values, color=colour, linestyle=line, linewidth=width, label=name)
    axes.legend()
    axes.set_xlabel("neurons, ranked (%)")
    axes.set_ylabel(textwrap.fill(found.label, 48))
    axes.set_xlim(0, 100)
    caption = f"{numbers_title(found, side)}: neurons in falling order; parts of the layers ranked by themselves."
    return Drawn(figure, " ".join([caption, *found.notes]), None)


# Diversity of layers: the error of k-means over their strongest sentences ([J] figure 3).
LINES = ("-", "--", ":", "-.")
"""Of the run's sites, in their order."""


def draw_diversity(run: Run, *, by: str | None = None, side: str = "top") -> Drawn:
    """Draw the error against the number of groups, a line a layer.

    ``by``: Sentence vectors of ``words`` or of the ``encoder``; the latter where there are any when not given.
    """
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    check_side(side, run.sides, of=run.folder)
    table, kind = read_diversity(run, side=side, vectors=by)
    rows = table.to_pylist()
    layers = list(dict.fromkeys((row["site"], row["layer"]) for row in rows))
    numbers_of_layers = [layer for _, layer in layers]
    scale = Normalize(min(numbers_of_layers, default=0), max(numbers_of_layers, default=1))
    colours = on_white()
    whose = {"words": "mean word vectors", "encoder": encoder_words(run)}[kind]
    title = f"Diversity of each layer's strongest sentences, {side} lists, by {whose}"
    figure, axes = new_figure(title, width=5.8)
    sites = list(dict.fromkeys(site for site, _ in layers))
    for site, layer in layers:
        here = [row for row in rows if (row["site"], row["layer"]) == (site, layer)]
        line = LINES[sites.index(site) % len(LINES)]
        error = [row["sse"] / row["n_sentences"] for row in here]
        axes.plot([row["k"] for row in here], error, line, color=colours(scale(layer)), marker="o", markersize=3)
    if len(sites) > 1:
        for site, line in zip(sites, LINES, strict=False):
            axes.plot([], [], line, color=DIM, label=site)
        axes.legend(title="site", loc="lower left")
    ticks = sorted({row["k"] for row in rows})
    axes.set_xscale("log", base=2)
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.set_xlabel("groups (k)")
    axes.set_ylabel("squared error a sentence")
    figure.colorbar(ScalarMappable(scale, colours), ax=axes, label="layer")
    caption = (
        f"Each layer's strongest sentences ({side} lists), grouped by k-means of their vectors ({whose}): the more "
        "error is left, the more the sentences differ."
    )
    return Drawn(figure, caption, None)
