"""How all figures look: quiet axes, colours that colour-blind readers can tell apart, text that stays text."""

import textwrap
from typing import TYPE_CHECKING, Any, NamedTuple

from neurolect.errors import require_extra

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

    from neurolect.results import Numbers

INK, DIM = "#1d1c1a", "#6a6660"
SEQUENCE = "viridis"
"""For what has an order: layers, numbers. Its lightness rises evenly, so it also reads in grey."""
CATEGORIES = (
    *("#332288", "#88ccee", "#44aa99", "#117733", "#999933"),
    *("#ddcc77", "#cc6677", "#882255", "#aa4499", "#888888"),
)
"""For what has no order: Paul Tol's muted colours, safe for the usual kinds of colour blindness."""
_SETTINGS: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": DIM,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": DIM,
    "ytick.color": DIM,
    "legend.frameon": False,
    "text.parse_math": False,  # values of metadata may hold dollar signs
    "svg.fonttype": "none",
    "svg.hashsalt": "neurolect",
    "pdf.fonttype": 42,
}


class Drawn(NamedTuple):
    """A finished figure."""

    figure: "Figure"
    """Of matplotlib."""
    caption: str
    """What it shows, in a sentence or two; for pages and screen readers."""
    titles: list[str] | None
    """What the page says of each point of the collection ``points``, in their order."""


def styled() -> Any:  # noqa: ANN401 - matplotlib's context
    """Set the style for a while."""
    return require_extra("matplotlib", extra="relate", purpose="to draw figures").rc_context(_SETTINGS)


def new_figure(title: str, *, width: float = 6.4, height: float = 4.2) -> tuple["Figure", "Axes"]:
    """Start a figure with one set of axes.

    Returns: figure: matplotlib.figure.Figure. Not known to pyplot, so nothing has to be closed.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(textwrap.fill(title, int(11 * width)))
    return figure, axes


def on_white() -> "Colormap":
    """Give the colours of what has an order without the lightest: yellow points and lines get lost on white.

    Returns: :data:`SEQUENCE` up to nine tenths.
    """
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    whole = colormaps[SEQUENCE]
    return ListedColormap([whole(step / 255 * 0.9) for step in range(256)])


def numbers_title(found: "Numbers", side: str) -> str:
    """Say what a number is and whose.

    Returns: Begins with a capital; names no lists where the number is the neuron's own.
    """
    whose = "" if found.of_neuron else f", {side} lists"
    return f"{found.label[:1].upper()}{found.label[1:]}{whose}"


def layer_axis(axes: "Axes", labels: list[str]) -> None:
    """Label the horizontal axis with layers, not more of them than have room."""
    step = -(-len(labels) // 24)
    places = list(range(0, len(labels), step))
    axes.set_xticks(places, [labels[place] for place in places])
    if any(not label.isdecimal() for label in labels):
        axes.tick_params(axis="x", labelrotation=60)
    axes.set_xlabel("layer")
