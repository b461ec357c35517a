"""Geometry of the report's figure on convergence: three small line charts over the sentences read."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow.compute as pc

from neurolect.store import SIDES, Run
from neurolect.views.bars import number, percent

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

    Returns: How much of the lists is new at each look beside what chance alone gives; how much of their evidence
        they keep while the sentences read double; how far their last sentence lies from the neuron's mean. Empty
        where the run was collected without a monitor or looked at fewer than three times.
    """
    if not (run.folder / "convergence" / "steps.parquet").is_file():
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
    reach = [(side, f"{side} lists", _reach(run, side, sizes)) for side in sides]
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


def _reach(run: Run, side: str, sizes: Sequence[int]) -> list[float | None]:
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
