"""Bars of metadata: which values the lists of a few chosen neurons hold, next to the corpus ([J] figure 1)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.errors import OptionError
from neurolect.results.field_numbers import check_field, fields_of
from neurolect.results.field_values import CodedField, coded_field
from neurolect.results.list_entries import read_list_entries
from neurolect.store import Run
from neurolect.store.sides import check_side
from neurolect.views.palette import CATEGORIES, DIM
from neurolect.views.plots.style import Drawn

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_VALUES, MOST_PANELS, MOST_NEURONS = 12, 6, len(CATEGORIES)


class FieldShares(NamedTuple):
    """A field's values in the lists of chosen neurons."""

    field: str
    values: list[str]
    """Those shown, the most common of the lists first."""
    shares: NDArray[np.float64]
    """Of each neuron's labelled sentences, shape (n_neurons, n_values); NaN where it has none."""
    n_labelled: list[int]
    """Sentences of each list with any value."""
    background: NDArray[np.float64]
    """Of the corpus's labelled sentences, shape (n_values,)."""


def field_shares(run: Run, field: str, *, neurons: Sequence[int], side: str) -> FieldShares:
    """Count a field's values among the labelled sentences of lists."""
    sentences = run.table("sentences", columns=["sentence_id", field])
    coded = coded_field(run, field, sentences=sentences)
    entries = read_list_entries(run, side, sentence_ids=sentences.column("sentence_id").to_numpy())
    counts = np.zeros((len(neurons), len(coded.values)), dtype=np.int64)
    for row, neuron in enumerate(neurons):
        codes = coded.codes[entries.positions[entries.starts[neuron] : entries.starts[neuron + 1]]]
        counts[row] = np.bincount(codes[codes >= 0], minlength=len(coded.values))
    n_labelled = counts.sum(axis=1)
    with np.errstate(invalid="ignore"):
        shares = np.where(n_labelled[:, None] > 0, counts / np.maximum(n_labelled, 1)[:, None], np.nan)
    return _shown(coded, shares, n_labelled.tolist())


def _shown(coded: CodedField, shares: NDArray[np.float64], n_labelled: list[int]) -> FieldShares:
    """Keep the most common values."""
    greatest = np.nan_to_num(shares).max(axis=0, initial=0.0)
    order = np.argsort(-greatest, kind="stable")[:MOST_VALUES]
    background = coded.background / max(int(coded.background.sum()), 1)
    values = [coded.values[each] for each in order]
    return FieldShares(coded.name, values, shares[:, order], n_labelled, background[order])


def draw_metadata(
    run: Run, *, neurons: Sequence[str] | None = None, by: str | None = None, side: str = "top"
) -> Drawn:
    """Draw bars of metadata of chosen neurons.

    ``neurons``: Their addresses.
    ``by``: ``field=NAME``; all fields of few values when not given.
    """
    check_side(side, run.sides, of=run.folder)
    if not neurons:
        what = "Bars of metadata are of chosen neurons, and none was named."
        raise OptionError(what, expected="addresses, e.g. --neurons hidden.6.200,hidden.11.309")
    if len(neurons) > MOST_NEURONS:
        what = f"Bars of {len(neurons)} neurons were asked for."
        raise OptionError(what, expected=f"at most {MOST_NEURONS}: each has a colour of its own")
    ids = [run.index.neuron_id(each) for each in neurons]
    found = [field_shares(run, field, neurons=ids, side=side) for field in _fields(run, by)]
    from matplotlib.figure import Figure

    rows = [0.7 + len(each.values) * (0.14 * len(ids) + 0.1) for each in found]
    n_lines = -(-(len(ids) + 1) // 4)
    height = sum(rows) + 0.3 + 0.22 * n_lines
    figure = Figure(figsize=(6.6, height))
    # the solver of "constrained" differs in the last digits from one drawing to the next
    figure.set_layout_engine("tight", rect=(0, 0, 1, 1 - (0.1 + 0.22 * n_lines) / height))
    panels = figure.subplots(len(found), 1, squeeze=False, height_ratios=rows)[:, 0]
    for axes, each in zip(panels, found, strict=True):
        _bars(axes, each, neurons)
    known = dict(zip(*reversed(panels[0].get_legend_handles_labels()), strict=True))
    handles = [known[name] for name in dict.fromkeys([*neurons, "corpus"])]
    figure.legend(handles=handles, loc="upper left", ncols=min(4, len(handles)), fontsize=8)
    caption = (
        f"Share of each value among those sentences of the {side} lists that have one"
        f" ({'; '.join(_sizes(each, neurons) for each in found)}); lines: the same of the corpus."
    )
    return Drawn(figure, caption, None)


def _fields(run: Run, by: str | None) -> list[str]:
    """Choose the fields: the one asked for, else those of few values."""
    fields = fields_of(run)
    if by is not None:
        name = by.removeprefix("field=")
        check_field(name, fields)
        return [name]
    kinds = {each["name"]: each["kind"] for each in run.manifest["corpus"]["fields"]}
    table = run.table("background/metadata").to_pylist()
    n_values = {name: len({row["value"] for row in table if row["field"] == name} - {None}) for name in fields}
    few = [name for name in fields if kinds[name] == "category" and 1 < n_values[name] <= MOST_VALUES]
    if not few:
        what = f"The corpus has no metadata field of 2 to {MOST_VALUES} values."
        raise OptionError(what, expected="--by field=NAME", hint=f"its fields: {', '.join(fields) or 'none'}")
    return few[:MOST_PANELS]


def _bars(axes: "Axes", found: FieldShares, neurons: Sequence[str]) -> None:
    """Draw one field: a group of bars a value, a bar a neuron."""
    height = 0.8 / len(neurons)
    places = np.arange(len(found.values))
    for number, neuron in enumerate(neurons):
        at = places + (number - (len(neurons) - 1) / 2) * height
        shares = 100 * np.nan_to_num(found.shares[number])
        axes.barh(at, shares, height=height * 0.92, color=CATEGORIES[number], label=neuron)
    for place, share in enumerate(100 * found.background):
        label = None if place else "corpus"
        axes.plot([share] * 2, [place - 0.45, place + 0.45], color=DIM, linewidth=1.6, label=label)
    axes.set_yticks(places, [value if len(value) <= 28 else f"{value[:27]}\u2026" for value in found.values])
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel("% of the labelled sentences")
    axes.set_title(found.field)


def _sizes(found: FieldShares, neurons: Sequence[str]) -> str:
    sizes = ", ".join(f"{neuron} {n:,}" for neuron, n in zip(neurons, found.n_labelled, strict=True))
    return f"{found.field}: {sizes}"
