"""How all figures look: quiet axes, colours that colour-blind readers can distinguish, text that stays text."""

import io
import re
import textwrap
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from neurolect.errors import require_extra
from neurolect.folders.atomic import replacing, write_text
from neurolect.views.palette import DIM, INK, SEQUENCE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

    from neurolect.results import Numbers


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

    Returns: :data:`~neurolect.views.palette.SEQUENCE` up to nine tenths.
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


# Write a figure: as a picture, or as a page that holds the drawing itself.
ENDINGS = (".png", ".svg", ".pdf", ".html")
POINTS = "points"
"""Mark of the collection whose points get a title in pages."""
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ margin: 2rem auto; max-width: 62rem; padding: 0 1rem; background: #fff; color: {ink};
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }}
figure {{ margin: 0; }} svg {{ width: 100%; height: auto; }} figcaption {{ color: {dim}; max-width: 75ch; }}
use:hover {{ stroke: {ink}; stroke-width: 2; }}
</style>
</head>
<body>
<figure>
{drawing}
<figcaption>{caption}</figcaption>
</figure>
</body>
</html>
"""


def save(drawn: Drawn, path: Path) -> None:
    """Write a figure, whole or not at all.

    ``path``: Its ending says how; the same run gives the same bytes with the same libraries.
    """
    ending = path.suffix.lower()
    if ending == ".html":
        write_text(
            path,
            _PAGE.format(
                title=escape(_title(drawn)), drawing=as_svg(drawn), caption=escape(drawn.caption), ink=INK, dim=DIM
            ),
        )
        return
    # no date in the file: the same figure is the same bytes
    metadata = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}, ".png": {}}[ending]
    with replacing(path) as temporary:
        drawn.figure.savefig(temporary, format=ending[1:], dpi=200, metadata=metadata)


def as_svg(drawn: Drawn) -> str:
    """Draw as SVG that fits into a page; points say what they are when they are pointed at."""
    buffer = io.StringIO()
    drawn.figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    label = escape(drawn.caption, quote=True)
    text = text.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)
    return _with_titles(text, drawn.titles) if drawn.titles else text


def _with_titles(text: str, titles: list[str]) -> str:
    """Put a title into each point of the marked group."""
    start = text.index(f'<g id="{POINTS}">')
    head, rest = text[:start], text[start:]
    places = list(re.finditer(r"<use ([^>]*?)/>", rest))[: len(titles)]
    parts, at = [head], 0
    for place, title in zip(places, titles, strict=True):
        parts += [rest[at : place.start()], f"<use {place[1]}><title>{escape(title)}</title></use>"]
        at = place.end()
    return "".join([*parts, rest[at:]])


def _title(drawn: Drawn) -> str:
    """Take the title of the first axes."""
    axes = drawn.figure.axes
    return str(axes[0].get_title(loc="left") or axes[0].get_title()) if axes else "figure"
