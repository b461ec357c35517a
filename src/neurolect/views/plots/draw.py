"""Draw one figure of a related run into a file."""

import inspect
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from neurolect.errors import OptionError, nearest
from neurolect.store import Run, open_run
from neurolect.store.stages import check_current
from neurolect.views.plots.style import ENDINGS, Drawn, save, styled

FIGURES: dict[str, tuple[str, str] | Callable[..., Drawn]] = {
    "map": ("neuron_maps", "draw_map"),
    "ranks": ("rank_figures", "draw_ranks"),
    "curve": ("rank_figures", "draw_curve"),
    "heatmap": ("heat_maps", "draw_heat_map"),
    "same-index": ("heat_maps", "draw_same_index"),
    "clusters": ("cluster_tables", "draw_clusters"),
    "diversity": ("rank_figures", "draw_diversity"),
    "groups": ("neuron_maps", "draw_groups"),
    "redundancy": ("cluster_tables", "draw_redundancy"),
    "metadata": ("metadata_bars", "draw_metadata"),
}
"""Names of figures, and the module and function that draws each, loaded when it is drawn; or a function that was
added."""
_OWN = frozenset(FIGURES)
_RELATED = ("map", "clusters", "diversity", "groups", "redundancy")  # figures of what relate has made


def register_figure(name: str, draw: Callable[..., Drawn]) -> None:
    """Add a figure to those that :func:`plot` draws in this process.

    Parameters
    ----------
    name : str
        One of the same name that was added before is replaced.
    draw : callable
        Takes the run, and of :func:`plot`'s options those that its parameters name; gives a ``Drawn``.

    Raises
    ------
    OptionError
        If the name is that of one of neurolect's own.
    """
    if name in _OWN:
        what = f"The figure {name!r} is neurolect's own."
        raise OptionError(what, expected="another name")
    FIGURES[name] = draw


def unregister_figure(name: str) -> None:
    """Take an added figure away again.

    Parameters
    ----------
    name : str
        One that was added; nothing happens with any other.
    """
    if name not in _OWN:
        FIGURES.pop(name, None)


def plot(
    run: Run | str | Path,
    figure: str,
    *,
    out: str | Path,
    by: str | None = None,
    value: str | None = None,
    side: str = "top",
    layer: int | None = None,
    method: str | None = None,
    site: str | None = None,
    indices: tuple[int, int] | None = None,
    neurons: Sequence[str] | None = None,
) -> Path:
    """Draw a figure.

    Parameters
    ----------
    run : Run, str or Path
        A described run; ``map``, ``clusters``, ``diversity``, ``groups`` and ``redundancy`` need a related one.
    figure : str
        ``map`` (neurons by their sentences), ``ranks`` (box and whiskers of ranks by layer), ``curve`` (the number
        against the rank), ``heatmap`` (the number by layer and index), ``same-index`` (correlation of layers),
        ``clusters`` (clusters against layers), ``diversity`` (error of k-means by layer), ``groups`` (neurons by
        their responses), ``redundancy`` (share with a twin by layer), ``metadata`` (bars of the values
        that chosen neurons' lists hold).
    out : str or Path
        Ends in ``.png``, ``.svg``, ``.pdf`` or ``.html`` (self-contained); replaced if it exists.
    by : str, optional
        The number shown, as in :func:`neurolect.results.numbers`; ``map`` also takes ``layer``, its
        default, ``diversity`` ``words`` or ``encoder``, ``metadata`` ``field=NAME``.
    value : str, optional
        One part of speech or one value of the field.
    side : str
        ``top`` or ``bottom``.
    layer : int, optional
        Only this layer, for ``map`` and ``groups``; ``groups`` has a map of its own of the layers that ``relate``
        grouped by themselves.
    method : str, optional
        ``tsne`` or ``umap``, for ``map`` and ``groups``; the first that the run has when not given.
    site : str, optional
        Whose neurons, for ``heatmap``, ``same-index`` and ``groups``; the first that the run has when not given.
    indices : tuple of two int, optional
        The first and the last index shown, from 0, for ``heatmap``.
    neurons : sequence of str, optional
        Addresses, for ``metadata``.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    OptionError
        If there is no such figure, ending, number, side or layer, or an option does not go with the figure.
    RunFolderError
        If the run has not been related, or was described again since.
    MissingExtraError
        If matplotlib is not installed.
    """
    run = open_run(run)
    path = Path(out)
    if figure not in FIGURES:
        what = f"There is no figure {figure!r}."
        raise OptionError(what, expected=", ".join(FIGURES), hint=f"The nearest: {nearest(figure, FIGURES)}.")
    if path.suffix.lower() not in ENDINGS:
        what = f"A figure cannot be written as {path.name!r}."
        raise OptionError(what, expected=f"a name that ends in {', '.join(ENDINGS)}")
    draw = _function_of(FIGURES[figure])
    given: dict[str, Any] = {"by": by, "value": value, "side": side, "layer": layer, "method": method, "site": site}
    given |= {"indices": indices, "neurons": neurons}
    taken = set(inspect.signature(draw).parameters)
    ignored = [name for name, each in given.items() if name not in taken and each not in (None, "top")]
    if ignored:
        what = f"The figure {figure!r} takes no {ignored[0]}; {given[ignored[0]]!r} was given."
        listed = ", ".join(name for name in given if name in taken)
        raise OptionError(what, expected=listed or "no options")
    layers = sorted({each["layer"] for each in run.manifest["model"]["sites"]})
    if layer is not None and layer not in layers:
        what = f"The run {run.folder} has no layer {layer}."
        raise OptionError(what, expected=f"one of {', '.join(map(str, layers))}")
    if figure in _RELATED:
        check_current(run.folder, run.manifest, "relate")
    with styled():
        drawn = draw(run, **{name: each for name, each in given.items() if name in taken and each is not None})
        save(drawn, path)
    return path


def _function_of(entry: tuple[str, str] | Callable[..., Drawn]) -> Callable[..., Drawn]:
    if not isinstance(entry, tuple):
        return entry
    module, function = entry
    draw: Callable[..., Drawn] = getattr(import_module(f"neurolect.views.plots.{module}"), function)
    return draw
