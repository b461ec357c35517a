"""What the folder of a comparison has for people: a summary and a figure."""

from io import BytesIO
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from neurolect.comparison import Comparison
from neurolect.errors import MissingExtraError, require_extra
from neurolect.folders.atomic import replacing, write_text
from neurolect.progress import NullProgress, Progress
from neurolect.views.comparisons.text import comparison_text
from neurolect.views.palette import GREEN, GREY, SAND

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from neurolect.comparison import Comparison


# One figure of a comparison: which layers are alike, and what became of each layer's neurons.
_FATES = (("kept", GREEN), ("moved", SAND), ("vanished", GREY))
_MOST_LABELS = 24


def comparison_figure(made: "Comparison", summary: dict[str, Any]) -> bytes:
    """Draw a row for every two runs: likeness of layers (SVCCA, held out), fates by layer.

    Returns: bytes. A PNG file.
    """
    require_extra("matplotlib", extra="relate", purpose="to draw the figure of a comparison")
    from matplotlib.figure import Figure

    pairs = list(combinations(made.labels, 2))
    figure = Figure(figsize=(10.5, 4.0 * len(pairs)), layout="constrained")
    panels: Any = figure.subplots(len(pairs), 2, squeeze=False)
    for row, (pair, (first, second)) in enumerate(zip(summary["pairs"], pairs, strict=True)):
        image = _likeness(panels[row][0], made.layers, first, second)
        figure.colorbar(image, ax=panels[row][0], label="canonical correlation, held out")
        _fates(panels[row][1], pair)
    file = BytesIO()
    # a file's bytes depend on what is drawn alone
    figure.savefig(file, format="png", dpi=150, metadata={"Software": "neurolect"})
    return file.getvalue()


def _likeness(axes: "Axes", layers: pa.Table, first: str, second: str) -> Any:  # noqa: ANN401 - matplotlib's image
    rows = [row for row in layers.to_pylist() if (row["run"], row["other"]) == (first, second)]
    own = list(dict.fromkeys((row["site"], row["layer"]) for row in rows))
    other = list(dict.fromkeys((row["other_site"], row["other_layer"]) for row in rows))
    values = np.full((len(own), len(other)), np.nan)
    for row in rows:
        at = own.index((row["site"], row["layer"])), other.index((row["other_site"], row["other_layer"]))
        values[at] = np.nan if row["svcca_held_out"] is None else row["svcca_held_out"]
    image = axes.imshow(values, vmin=0, vmax=1, origin="lower", cmap="viridis")
    _label(axes.xaxis, other)
    _label(axes.yaxis, own)
    axes.set_xlabel(f"layer of {second}")
    axes.set_ylabel(f"layer of {first}")
    axes.set_title("How alike are the layers?", loc="left", fontsize=10)
    return image


def _label(axis: Any, places: list[tuple[str, int]]) -> None:  # noqa: ANN401 - matplotlib's axis
    several = len({site for site, _ in places}) > 1
    step = -(-len(places) // _MOST_LABELS)
    shown = range(0, len(places), step)
    axis.set_ticks(
        list(shown), [f"{places[at][0]}.{places[at][1]}" if several else str(places[at][1]) for at in shown]
    )


def _fates(axes: "Axes", pair: dict[str, Any]) -> None:
    layers = pair["layers"]
    below = np.zeros(len(layers))
    for name, colour in _FATES:
        shares = np.array([each[name] for each in layers])
        axes.bar(range(len(layers)), shares, bottom=below, color=colour, label=name, width=0.8)
        below += shares
    _label(axes.xaxis, [(each["site"], each["layer"]) for each in layers])
    axes.set_ylim(0, 1)
    axes.set_xlabel(f"layer of {pair['run']}")
    axes.set_ylabel("share of its neurons")
    axes.set_title(f"What became of them in {pair['other']}?", loc="left", fontsize=10)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=3, frameon=False)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def write_pages(made: Comparison, summary: dict[str, Any], *, progress: Progress | None = None) -> None:
    """Put ``summary.txt`` and ``layers.png`` into a comparison's folder, where they are not yet."""
    if made.folder is None:
        return
    text, figure = made.folder / "summary.txt", made.folder / "layers.png"
    if not text.is_file():
        write_text(text, comparison_text(summary))
    if figure.is_file():
        return
    try:
        drawn = comparison_figure(made, summary)
    except MissingExtraError as error:
        (progress or NullProgress()).message(f"No figure was drawn. {error}")
        return
    with replacing(figure) as temporary:
        temporary.write_bytes(drawn)
