"""What the planted bench found, as a figure: average precision by method and role, a panel a noise."""

from pathlib import Path

import numpy as np

from neurolect.probing import Bench
from neurolect.probing.bench import ALL, ROLES
from neurolect.views.palette import SEQUENCE
from neurolect.views.plots.style import Drawn, new_figure, save, styled


def write_bench_figure(made: Bench, path: Path) -> None:
    """Draw it into a file."""
    with styled():
        save(_drawn(made), path)


def _drawn(made: Bench) -> Drawn:
    facts = made.facts
    found = {
        (each["noise"], each["method"], each["role"]): each["average_precision"]["value"]
        for each in facts["results"]
    }
    noises = facts["options"]["noise"]
    roles = [role for role in (*ROLES, ALL) if role == ALL or facts["roles"][role]]
    names = sorted(
        facts["in_first"], key=lambda name: -np.nanmean([found.get((each, name, ALL), np.nan) for each in noises])
    )
    title = "Average precision of planted neurons"
    columns = min(2, len(noises))
    rows = -(-len(noises) // columns)
    figure, first = new_figure(title, width=5.6 * columns, height=rows * (1.2 + 0.22 * len(names)))
    figure.delaxes(first)
    figure.suptitle(title, x=0.01, ha="left", fontsize=10, fontweight="bold")
    for place, noise in enumerate(noises):
        axes = figure.add_subplot(rows, columns, place + 1)
        axes.set_title(f"noise {noise:g}", fontweight="normal")
        values = np.array([[found.get((noise, name, role), np.nan) for role in roles] for name in names])
        image = axes.imshow(values, aspect="auto", cmap=SEQUENCE, vmin=0, vmax=1)
        for (row, column), value in np.ndenumerate(values):
            colour = "black" if value > 0.6 else "white"
            axes.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=7, color=colour)
        axes.set_yticks(range(len(names)), names if place % columns == 0 else [""] * len(names))
        axes.set_xticks(range(len(roles)), roles, rotation=40, ha="right")
    figure.colorbar(image, ax=figure.axes, label="average precision", pad=0.01, aspect=40)
    caption = (
        f"Mean over concepts and {facts['options']['seeds']} models; neurons of {facts['n_neurons']}. Methods are "
        "in the order of their mean over all roles and noises; random is chance."
    )
    return Drawn(figure, caption, None)
