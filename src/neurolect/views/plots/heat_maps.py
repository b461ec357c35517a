"""Numbers by layer and index, and how alike layers are at the same index ([J] figure 2)."""

import numpy as np
from numpy.typing import NDArray

from neurolect.errors import OptionError
from neurolect.relations.same_index import layers_of_site, rank_correlations, same_index
from neurolect.results import Numbers, numbers
from neurolect.store import Run
from neurolect.views.palette import LINE, SEQUENCE
from neurolect.views.plots.style import Drawn, layer_axis, new_figure, numbers_title


def draw_heat_map(
    run: Run,
    *,
    by: str = "length",
    value: str | None = None,
    side: str = "top",
    site: str | None = None,
    indices: tuple[int, int] | None = None,
) -> Drawn:
    """Draw a number of every neuron by layer and index.

    ``indices``: The first and the last that are shown, from 0; all when not given.
    """
    found, layers, labels, where = _layers(run, by, value, side, site)
    first, last = _checked(indices, layers.shape[1])
    layers = layers[:, first : last + 1]
    height = max(2.4, 0.26 * len(layers) + 1.3)
    figure, axes = new_figure(f"{numbers_title(found, side)}{where}", width=9, height=height)
    finite = layers[np.isfinite(layers)]
    low, high = np.quantile(finite, [0.01, 0.99]) if len(finite) else (0.0, 1.0)
    image = axes.imshow(
        layers,
        aspect="auto",
        cmap=SEQUENCE,
        interpolation="nearest",
        vmin=float(low),
        vmax=float(high),
        extent=(first - 0.5, last + 0.5, len(layers) - 0.5, -0.5),
    )
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylabel("layer")
    axes.set_xlabel("index in the layer")
    figure.colorbar(image, ax=axes, label=found.label, pad=0.01)
    caption = (
        f"{numbers_title(found, side)}{where}; a row is a layer, a column an index. Vertical stripes: the index "
        "keeps its role from layer to layer. Colours span the 1st to the 99th percentile."
    )
    if indices is not None:
        caption += f" Only the indices {first:,} to {last:,}, from 0."
    return Drawn(figure, " ".join([caption, *found.notes]), None)


def _checked(indices: tuple[int, int] | None, width: int) -> tuple[int, int]:
    """Check a range of indices."""
    first, last = indices or (0, width - 1)
    if not 0 <= first <= last < width:
        what = f"The indices {first} to {last} were asked for."
        raise OptionError(what, expected=f"two of 0 to {width - 1:,}, the first not after the last")
    return first, last


def draw_same_index(
    run: Run, *, by: str = "length", value: str | None = None, side: str = "top", site: str | None = None
) -> Drawn:
    """Draw the correlation of every two layers at the same index."""
    found, layers, labels, where = _layers(run, by, value, side, site)
    correlations = rank_correlations(layers)
    tested = same_index(layers)
    whose = where if found.of_neuron else f", {side} lists{where}"
    figure, axes = new_figure(f"Same index: {found.label}{whose}", width=5.4, height=4.6)
    np.fill_diagonal(correlations, np.nan)  # a layer with itself is not informative
    highest = float(np.nanmax(np.abs(correlations), initial=0.05))
    axes.set_facecolor(LINE)
    image = axes.imshow(correlations, cmap="PuOr_r", vmin=-highest, vmax=highest)
    layer_axis(axes, labels)
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylabel("layer")
    figure.colorbar(image, ax=axes, label="rank correlation", shrink=0.85)
    caption = (
        f"Rank correlation of {found.label}{whose} between layers at the same index: mean over all pairs "
        f"{tested.correlation:.3f}, over neighbouring layers {tested.neighbouring:.3f}; shuffled indices give "
        f"{tested.chance_low:.3f} to {tested.chance_high:.3f} (p = {tested.p:.3g})."
    )
    return Drawn(figure, caption, None)


def _layers(
    run: Run, by: str, value: str | None, side: str, site: str | None
) -> tuple[Numbers, NDArray[np.float64], list[str], str]:
    """Lay a number of one site's neurons out by layer and index; say which site where there are several."""
    sites = run.manifest["model"]["sites"]
    known = list(dict.fromkeys(each["site"] for each in sites))
    if site is not None and site not in known:
        what = f"The run {run.folder} has no site {site!r}."
        raise OptionError(what, expected=f"one of {', '.join(known)}")
    site = site or known[0]
    found = numbers(run, by, side=side, value=value)
    layers = layers_of_site(sites, found.values, site=site)
    if layers is None:
        what = f"The run {run.folder} has no two layers of the site {site!r} of one width."
        raise OptionError(what, hint="Collect more layers: --set model.layers=none reads all of them.")
    where = f", {site}" if len(known) > 1 else ""
    return found, layers, [str(each["layer"]) for each in sites if each["site"] == site], where
