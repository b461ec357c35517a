"""Geometry of the report's figure on convergence: three small line charts over the sentences read."""

from collections.abc import Sequence
from html import escape
from typing import Any, NamedTuple

import numpy as np
import pyarrow.compute as pc

from neurolect.errors import RunFolderError
from neurolect.store import SIDES, Run
from neurolect.views.palette import BOTTOM, GREY, INK, LINE, SHEET, TOP
from neurolect.views.texts.bars import number, percent

WIDTH, HEIGHT = 300.0, 120.0
_N_TICKS = 3
_LEAST_STEPS = 3


class Line(NamedTuple):
    """A line of a chart, in its coordinates, y downwards."""

    style: str
    label: str
    points: str
    """For the attribute ``points`` of a polyline."""
    marks: list[tuple[float, float, str]]
    """x, y and what to tell there."""


class Panel(NamedTuple):
    """One chart."""

    title: str
    lines: list[Line]
    ticks: list[tuple[float, str]]
    """y and label."""
    last: str
    """Sentences read at the right edge."""


def convergence_panels(run: Run) -> list[Panel]:
    """Lay out how the lists settled while the run was collected.

    Returns: How much of the lists is new at each look, and what chance alone gives; how much of their evidence
        they keep while the sentences read double; how far their last sentence lies from the neuron's mean. Empty
        where the run was collected without a monitor or looked at fewer than three times.
    """
    if not run.files.has("convergence/steps.parquet"):
        return []
    steps = run.table("convergence/steps").to_pylist()
    if len(steps) < _LEAST_STEPS:
        return []
    sides = [side for side in SIDES if f"churn_{side}" in steps[0]]
    sizes = [row["n_sentences"] for row in steps]
    new = [(side, f"{side} lists", [row[f"churn_{side}"] for row in steps]) for side in sides]
    new.append(("chance", "by chance", [row["expected_churn"] for row in steps]))
    kept = [
        ("kept", "evidence kept, mean", [row["stability"] for row in steps]),
        ("settled", "neurons settled", [row["share_settled"] for row in steps]),
    ]
    reach = [(side, f"{side} lists", reach_of(run, side, sizes)) for side in sides]
    return [
        panel("New in the lists since the look before", sizes, new, top=1.0, share=True),
        panel("Kept while the sentences read double", sizes, kept, top=1.0, share=True),
        panel("Last sentence of a list, deviations from the mean", sizes, reach, top=None, share=False),
    ]


def panel(
    title: str,
    sizes: Sequence[int],
    series: Sequence[tuple[str, str, Sequence[float | None]]],
    *,
    top: float | None,
    share: bool,
) -> Panel:
    """Lay out one chart.

    ``sizes``: Sentences read at each look, ascending.
    ``series``: sequence of (style, label, values). A line each; None where there is no value.
    ``top``: Upper end of the scale, which begins at 0; a little above the highest value when not given.

    Examples
    --------
    >>> made = panel("New", [10, 20], [("top", "top lists", [None, 0.5])], top=1.0, share=True)
    >>> made.lines[0].points, made.ticks
    ('300.0,60.0', [(120.0, '0%'), (60.0, '50%'), (0.0, '100%')])
    """
    write = percent if share else number
    known = [value for _, _, values in series for value in values if value is not None]
    scale = top if top is not None else max(known, default=1.0) * 1.1 or 1.0
    lines = []
    for style, label, values in series:
        marks = [
            (
                round(WIDTH * size / sizes[-1], 1),
                round(HEIGHT * (1 - value / scale), 1),
                f"{size:,}: {write(value)}",
            )
            for size, value in zip(sizes, values, strict=True)
            if value is not None
        ]
        lines.append(Line(style, label, " ".join(f"{x},{y}" for x, y, _ in marks), marks))
    ticks = [
        (round(HEIGHT * (1 - place / (_N_TICKS - 1)), 1), write(scale * place / (_N_TICKS - 1)))
        for place in range(_N_TICKS)
    ]
    return Panel(title, lines, ticks, f"{sizes[-1]:,}")


def reach_of(run: Run, side: str, sizes: Sequence[int]) -> list[float | None]:
    """Give the median over neurons of the distance between a list's last activation and the mean, in deviations."""
    moments: dict[str, Any] = run.table("neurons", columns=["mean", "std"]).to_pydict()
    mean, std = (np.array(moments[name], dtype=np.float64) for name in ("mean", "std"))
    rows = run.table("convergence/neurons", columns=["neuron_id", "side", "n_sentences", "threshold"])
    rows = rows.filter(pc.equal(rows.column("side"), side))
    ids, seen = rows.column("neuron_id").to_numpy(), rows.column("n_sentences").to_numpy()
    last = rows.column("threshold").to_numpy(zero_copy_only=False).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.abs(last - mean[ids]) / std[ids]
    found: list[float | None] = []
    for size in sizes:
        there = distance[seen == size]
        there = there[np.isfinite(there)]
        found.append(float(np.median(there)) if len(there) else None)
    return found


# How the lists settled, as a picture by itself: the report's three charts one below the other.
_LEFT, _TOP, _GAP, _RIGHT = 52.0, 54.0, 84.0, 20.0
_COLOURS = {"top": TOP, "bottom": BOTTOM, "chance": GREY, "kept": TOP, "settled": BOTTOM}
_DASHED = ("chance", "settled")


def convergence_picture(run: Run) -> str:
    """Draw how the lists settled while a run was collected.

    Returns: An SVG document: what :func:`neurolect.views.report.convergence.convergence_panels` lays out.
    """
    panels = convergence_panels(run)
    if not panels:
        what = (
            f"{run.folder} was looked at fewer than three times while it was collected: there is no line to draw."
        )
        raise RunFolderError(
            what, hint="Collect again with a smaller collect.monitor_every, or with more sentences."
        )
    width = _LEFT + 2 * WIDTH + _RIGHT
    height = _TOP + len(panels) * (HEIGHT + _GAP) - _GAP + 34
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" font-family="system-ui, sans-serif" font-size="12" fill="{INK}">',
        f'<rect width="{width}" height="{height}" fill="{SHEET}"/>',
    ]
    for place, each in enumerate(panels):
        parts += _chart(each, _TOP + place * (HEIGHT + _GAP))
    return "\n".join([*parts, "</svg>", ""])


def _chart(panel: Panel, top: float) -> list[str]:
    """Draw one chart, twice as wide as it is laid out."""
    right = _LEFT + 2 * WIDTH
    parts = [f'<text x="{_LEFT}" y="{top - 32}" font-weight="600" font-size="13">{escape(panel.title)}</text>']
    at = _LEFT
    for line in panel.lines:
        dash = ' stroke-dasharray="5 3"' if line.style in _DASHED else ""
        stroke = f'stroke="{_COLOURS[line.style]}" stroke-width="2"{dash}'
        parts.append(f'<line x1="{at}" x2="{at + 22}" y1="{top - 16}" y2="{top - 16}" {stroke}/>')
        parts.append(f'<text x="{at + 28}" y="{top - 12}">{escape(line.label)}</text>')
        at += 44 + 7.0 * len(line.label)
    for y, label in panel.ticks:
        parts.append(f'<line x1="{_LEFT}" x2="{right}" y1="{top + y}" y2="{top + y}" stroke="{LINE}"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{top + y + 4}" text-anchor="end">{escape(label)}</text>')
    parts.append(f'<text x="{_LEFT}" y="{top + HEIGHT + 18}">0</text>')
    last = f"{panel.last} sentences"
    parts.append(f'<text x="{right}" y="{top + HEIGHT + 18}" text-anchor="end">{last}</text>')
    for line in panel.lines:
        colour, dash = _COLOURS[line.style], ' stroke-dasharray="5 3"' if line.style in _DASHED else ""
        points = " ".join(f"{_LEFT + 2 * x:.1f},{top + y:.1f}" for x, y, _ in line.marks)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
        for x, y, title in line.marks:
            place = f'cx="{_LEFT + 2 * x:.1f}" cy="{top + y:.1f}" r="2.5" fill="{colour}"'
            parts.append(f"<circle {place}><title>{escape(f'{line.label}, {title}')}</title></circle>")
    return parts
