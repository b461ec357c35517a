"""What steering did, as a figure: concept, fluency and log-probability by strength, a line a number of neurons."""

from pathlib import Path
from typing import Any

from neurolect.interventions import Steering
from neurolect.views.palette import DIM, GREY, INDIGO, TEAL, WINE
from neurolect.views.plots.style import Drawn, new_figure, on_white, save, styled

_PANELS = (
    ("concept", "of the concept (probability)"),
    ("loss", "loss of the texts (nats a token)"),
    ("distinct", "distinct-2"),
    ("preference", "held-out texts, with less without (nats)"),
    ("kl", "divergence (nats a token)"),
)
_STYLES = {"experts": ("-", "o"), "random": (":", "x"), "direction": ("--", "s")}
_LABELS = {"experts": "first {n:,}", "random": "random {n:,}", "direction": "mean difference"}


def write_steering_figure(made: Steering, path: Path) -> None:
    """Draw it into a file."""
    with styled():
        save(_drawn(made), path)


def _drawn(made: Steering) -> Drawn:
    rows = made.table.to_pylist()
    panels = [(name, label) for name, label in _PANELS if rows[0].get(name) is not None]
    title = f"{made.facts['model']} steered to {made.facts['concept']}"
    columns = min(3, len(panels))
    n_rows = -(-len(panels) // columns)
    figure, first = new_figure(title, width=3.6 * columns, height=3.0 * n_rows + 0.6)
    figure.delaxes(first)
    figure.suptitle(title, x=0.01, ha="left", fontsize=10, fontweight="bold")
    for place, (name, label) in enumerate(panels):
        axes = figure.add_subplot(n_rows, columns, place + 1)
        axes.set_title(label, fontweight="normal")
        _panel(axes, rows, name)
        axes.set_xlabel("strength")
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5, fontsize=8)
    caption = (
        "Bars are intervals over resampled prompts, or held-out texts. Grey: no edit; red: a plain prompt. Loss is "
        f"of the unedited model; strength 1 sets neurons to {made.facts['to']}, or adds the direction once."
    )
    return Drawn(figure, caption, None)


def _panel(axes: Any, rows: list[dict[str, Any]], name: str) -> None:  # noqa: ANN401 - matplotlib's axes
    """Draw one number by strength, the settings without a strength as lines across."""
    sizes = sorted({row["n_neurons"] for row in rows if row["n_neurons"]})
    shades = [on_white()(place / max(1, len(sizes) - 1)) for place in range(len(sizes))]
    for method, colour, label in (("plain", GREY, "no edit"), ("prompt", WINE, "plain prompt")):
        value = next((row[name] for row in rows if row["method"] == method), None)
        if value is not None:
            axes.axhline(value, color=colour, linewidth=1.2, label=label, zorder=1)
    keys: list[tuple[str, int, Any]] = [("direction", 0, TEAL)]
    keys += [(each, n, shades[at]) for at, n in enumerate(sizes) for each in ("experts", "random")]
    strengths = sorted({row["strength"] for row in rows if row["strength"] is not None}) or [1.0]
    for number, (method, n, colour) in enumerate(keys):
        own = [row for row in rows if (row["method"], row["n_neurons"]) == (method, n) and row[name] is not None]
        if not own:
            continue
        nudge = 0.012 * (number - len(keys) / 2)
        x = [strengths.index(row["strength"] or strengths[0]) + nudge for row in own]
        y = [row[name] for row in own]
        low = [max(0.0, value - row[f"{name}_low"]) for value, row in zip(y, own, strict=True)]
        high = [max(0.0, row[f"{name}_high"] - value) for value, row in zip(y, own, strict=True)]
        line, mark = _STYLES[method]
        axes.errorbar(
            x, y, yerr=[low, high], linestyle=line, marker=mark, markersize=4, linewidth=1.2, elinewidth=0.6,
            color=colour or INDIGO, label=_LABELS[method].format(n=n),
        )  # fmt: skip
    axes.set_xticks(range(len(strengths)), [f"{each:g}" for each in strengths])
    axes.grid(axis="y", color=DIM, alpha=0.15)
