"""What the whole protocol found, as figures: accuracy by number of neurons and by layer; layers of neurons."""

from pathlib import Path
from typing import Any

import numpy as np

from neurolect.probing import Probing
from neurolect.views.palette import CATEGORIES, DIM, GREY
from neurolect.views.plots.style import Drawn, layer_axis, new_figure, save, styled

FIGURES = ("accuracy.svg", "layers.svg", "by-layer.svg")


def write_protocol_figures(made: Probing) -> None:
    """Draw the three figures into the protocol's folder."""
    with styled():
        for name, draw in zip(FIGURES, (_by_size, _distribution, _by_layer), strict=True):
            save(draw(made), Path(made.folder) / name)


def _by_size(made: Probing) -> Drawn:
    found, fit = made.steps["minimal"], made.steps["fit"]
    figure, axes = new_figure(f"{made.facts['concept']}: accuracy by number of neurons", width=8.0)
    rows = found["sizes"]
    sizes = [each["k"] for each in rows]
    for name, key, colour in (("first of the ranking", "top", CATEGORIES[0]), ("last", "bottom", CATEGORIES[1])):
        values = [each[key] for each in rows]
        axes.plot(sizes, [each["value"] for each in values], marker="o", markersize=3, color=colour, label=name)
        axes.fill_between(
            sizes,
            [each["low"] for each in values],
            [each["high"] for each in values],
            color=colour,
            alpha=0.15,
            linewidth=0,
        )
    drawn = [each for each in rows if each["random"]]
    axes.plot(
        [each["k"] for each in drawn],
        [np.mean(each["random"]) for each in drawn],
        marker="o",
        markersize=3,
        color=GREY,
        label="random (mean)",
    )
    if found["met"]:
        axes.axvline(found["k"], color=DIM, linestyle="-.", linewidth=0.9, label=f"minimal set: {found['k']:,}")
    axes.axhline(fit["test"]["value"], color=DIM, linestyle="--", linewidth=0.9, label="all neurons")
    axes.axhline(fit["majority"], color=DIM, linestyle=":", linewidth=0.9, label="most frequent class")
    if fit["of_type"] is not None:
        axes.axhline(
            fit["of_type"], color=CATEGORIES[6], linestyle=":", linewidth=1.2, label="most frequent of the word"
        )
    axes.set_xscale("log")
    ticks = _ticks(sizes)
    axes.set_xticks(ticks, [f"{each:,}" for each in ticks])
    axes.set_xticks([], minor=True)
    axes.set_xlabel("neurons that the probe is fitted on")
    axes.set_ylabel("accuracy, test part")
    figure.legend(loc="outside right center")
    return Drawn(figure, "Accuracy of probes fitted on the first k neurons, the last k, and k random ones.", None)


def _ticks(sizes: list[int]) -> list[int]:
    """Choose sizes that are far enough from each other on a logarithmic axis."""
    found = sizes[:1]
    for each in sizes[1:]:
        if each >= 1.6 * found[-1]:
            found.append(each)
    return found


def _distribution(made: Probing) -> Drawn:
    found = made.steps["minimal"]["layers"]
    title = f"{made.facts['concept']}: layers of the first neurons"
    figure, first = new_figure(title, width=9.0, height=3.4)
    figure.delaxes(first)
    figure.suptitle(title, x=0.01, ha="left", fontsize=10, fontweight="bold")
    for axes, (name, rows) in zip(figure.subplots(1, len(found)), found.items(), strict=True):
        places = np.arange(len(rows))
        colours = [CATEGORIES[0] if _is_odd(each) else GREY for each in rows]
        axes.bar(places, [each["n"] for each in rows], color=colours, width=0.7)
        axes.errorbar(
            places,
            [each["expected"] for each in rows],
            yerr=[
                [each["expected"] - each["low"] for each in rows],
                [each["high"] - each["expected"] for each in rows],
            ],
            fmt="_",
            color=DIM,
            capsize=3,
            linewidth=1.0,
        )
        axes.yaxis.get_major_locator().set_params(integer=True)
        axes.set_title(f"{name}: {sum(each['n'] for each in rows):,}", fontweight="normal")
        layer_axis(axes, _short(each["layer"] for each in rows))
    figure.axes[0].set_ylabel("neurons")
    caption = "Neurons by layer; marks: what no preference gives, with the middle 95 %; coloured: outside of it."
    return Drawn(figure, caption, None)


def _is_odd(each: dict[str, Any]) -> bool:
    return not each["low"] <= each["n"] <= each["high"]


def _short(names: Any) -> list[str]:  # noqa: ANN401 - an iterable of names
    """Leave the site out where there is one only."""
    names = list(names)
    return (
        [each.rpartition(".")[2] for each in names]
        if len({each.partition(".")[0] for each in names}) == 1
        else names
    )


def _by_layer(made: Probing) -> Drawn:
    found, fit = made.steps["layers"], made.steps["fit"]
    figure, axes = new_figure(f"{made.facts['concept']}: accuracy by layer", width=8.0)
    names = [each["layer"] for each in found["alone"]]
    depths = {each["depth"]: each["test"] for each in found["up_to"]}
    places = np.arange(len(names))
    axes.plot(
        places,
        [each["test"] for each in found["alone"]],
        marker="o",
        markersize=4,
        color=CATEGORIES[0],
        label="this layer alone",
    )
    axes.plot(
        places,
        [depths[int(each.rpartition(".")[2])] for each in names],
        marker="s",
        markersize=4,
        color=CATEGORIES[1],
        label="all layers up to it",
    )
    axes.axhline(fit["test"]["value"], color=DIM, linestyle="--", linewidth=0.9, label="all neurons")
    if fit["of_type"] is not None:
        axes.axhline(
            fit["of_type"], color=CATEGORIES[6], linestyle=":", linewidth=1.2, label="most frequent of the word"
        )
    layer_axis(axes, _short(names))
    axes.set_ylabel("accuracy, test part")
    figure.legend(loc="outside right center")
    return Drawn(figure, "Accuracy of probes fitted on one layer, and on all layers up to it.", None)
