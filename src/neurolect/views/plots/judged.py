"""What a judge found, as figures: accuracy on the first neurons and without them, and what the model does then."""

from pathlib import Path
from typing import Any

import numpy as np

from neurolect.probing import Judgement
from neurolect.views.palette import CATEGORIES, DIM, GREY
from neurolect.views.plots.style import Drawn, new_figure, save, styled

PANELS = (
    ("keep", "fitted again", "probe fitted on the first k"),
    ("keep", "masked by zero", "all but the first k masked"),
    ("remove", "masked by zero", "the first k masked"),
)
_LINES = ("-", "--", ":")


def write_judge_figure(made: Judgement, path: Path) -> None:
    """Draw the curves of linear probes into a file."""
    with styled():
        save(_drawn(made), path)


def write_used_figure(made: Judgement, path: Path) -> bool:
    """Draw what changes in the model when the first neurons are set, if that was measured; say whether."""
    rows = [each for each in made.facts["used"] if each["end"] == "first" and each["score"] is not None]
    if rows:
        with styled():
            save(_used(rows), path)
    return bool(rows)


def _used(rows: list[dict[str, Any]]) -> Drawn:
    figure, axes = new_figure(
        "Change of the model when the first k neurons are set together", width=7.0, height=4.4
    )
    sources = list(dict.fromkeys((each["source"], each["method"], each["looked_at_labels"]) for each in rows))
    colours = [each for each in CATEGORIES if each != GREY]
    for place, (source, method, labelled) in enumerate(sources):
        line = sorted((each for each in rows if each["source"] == source), key=lambda each: int(each["n_neurons"]))
        sizes, colour = [each["n_neurons"] for each in line], colours[place % len(colours)]
        style = "-" if labelled else "--"
        name = source if method in source else f"{source} ({method})"
        axes.plot(sizes, [each["score"] for each in line], color=colour, linestyle=style, marker="o", label=name)
        low, high, random = (
            [np.nan if each[name] is None else each[name] for each in line] for name in ("low", "high", "random")
        )
        axes.fill_between(sizes, low, high, color=colour, alpha=0.12, linewidth=0)
        axes.plot(sizes, random, color=colour, linestyle=":", linewidth=0.9)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.xaxis.set_minor_formatter("")
    axes.set_xlabel("k, neurons")
    axes.set_ylabel(str(rows[0]["unit"]))
    axes.legend(loc="upper left")
    caption = (
        "Solid: rankings that looked at labels; dashed: those that did not; bands: intervals over texts; dotted: "
        "the median of random neurons of the same layers."
    )
    return Drawn(figure, caption, None)


def _drawn(made: Judgement) -> Drawn:
    title = "Accuracy of linear probes by number of neurons"
    figure, first = new_figure(title, width=11.0, height=4.4)
    figure.delaxes(first)
    figure.suptitle(title, x=0.01, ha="left", fontsize=10, fontweight="bold")
    rows = [each for each in made.table.to_pylist() if each["probe"] == "linear" and each["k"] is not None]
    names = list(dict.fromkeys(each["ranking"] for each in rows if each["end"] == "top"))
    colours = [each for each in CATEGORIES if each != GREY]
    styles: dict[str, dict[str, Any]] = {
        name: {"color": colours[place % len(colours)], "linestyle": _LINES[place // len(colours) % len(_LINES)]}
        for place, name in enumerate(names)
    }
    styles["random"] = {"color": GREY, "linestyle": "-", "linewidth": 3, "alpha": 0.7}
    all_axes = figure.subplots(1, len(PANELS), sharey=True)
    for axes, (way, training, heading) in zip(all_axes, PANELS, strict=True):
        axes.set_title(heading, fontweight="normal")
        for name, style in styles.items():
            line = [each for each in rows if _is(each, name, way, training)]
            sizes, values = ([each[key] for each in line] for key in ("k", "value"))
            axes.plot(sizes, values, label=name, **{"linewidth": 1.4} | style)
            axes.fill_between(
                sizes,
                [each["low"] for each in line],
                [each["high"] for each in line],
                color=style["color"],
                alpha=0.12,
                linewidth=0,
            )
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.xaxis.set_minor_formatter("")
        axes.set_xlabel("k, neurons")
        axes.axhline(made.facts["majority"], color=DIM, linestyle=":", linewidth=0.9)
        axes.axhline(made.facts["all_neurons"]["value"], color=DIM, linestyle="--", linewidth=0.9)
    all_axes[0].set_ylabel("accuracy, test part")
    handles, labels = all_axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right center")
    caption = (
        "Accuracy on the test units; bands: the middle 95 % over bootstrap samples of sentences; dotted line: the "
        "most frequent class; dashed line: a probe of all neurons; grey: the mean of random orders."
    )
    return Drawn(figure, caption, None)


def _is(row: dict[str, Any], name: str, way: str, training: str) -> bool:
    return row["end"] in ("top", "random") and (row["ranking"], row["way"], row["training"]) == (
        name,
        way,
        training,
    )
