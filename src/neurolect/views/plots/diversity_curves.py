"""Diversity of layers: the error of k-means over their strongest sentences ([J] figure 3)."""

import pyarrow.compute as pc

from neurolect.store import Run
from neurolect.store.sides import check_side
from neurolect.views.plots.style import DIM, Drawn, new_figure, on_white

LINES = ("-", "--", ":", "-.")
"""Of the run's sites, in their order."""


def draw_diversity(run: Run, *, side: str = "top") -> Drawn:
    """Draw the error against the number of groups, a line a layer."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    check_side(side, run.sides, of=run.folder)
    table = run.table("relations/diversity")
    rows = table.filter(pc.equal(table.column("side"), side)).to_pylist()
    layers = list(dict.fromkeys((row["site"], row["layer"]) for row in rows))
    numbers_of_layers = [layer for _, layer in layers]
    scale = Normalize(min(numbers_of_layers, default=0), max(numbers_of_layers, default=1))
    colours = on_white()
    figure, axes = new_figure(f"Diversity of each layer's strongest sentences, {side} lists", width=5.8)
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
        f"Each layer's strongest sentences ({side} lists), grouped by k-means of their vectors: the more error is "
        "left, the more the sentences differ."
    )
    return Drawn(figure, caption, None)
