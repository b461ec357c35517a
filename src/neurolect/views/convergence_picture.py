"""How the lists settled, as a picture by itself: the report's three charts one below the other."""

from html import escape

from neurolect.errors import RunFolderError
from neurolect.store import Run
from neurolect.views.convergence_figure import HEIGHT, WIDTH, Panel, convergence_panels

_LEFT, _TOP, _GAP, _RIGHT = 52.0, 54.0, 84.0, 20.0
_COLOURS = {"top": "#c2541d", "bottom": "#2a6f97", "chance": "#7a8794", "kept": "#c2541d", "settled": "#2a6f97"}
_DASHED = ("chance", "settled")


def convergence_picture(run: Run) -> str:
    """Draw how the lists settled while a run was collected.

    Returns: An SVG document: what :func:`neurolect.views.convergence_figure.convergence_panels` lays out.
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
        f'height="{height}" font-family="system-ui, sans-serif" font-size="12" fill="#24292f">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    for number, each in enumerate(panels):
        parts += _chart(each, _TOP + number * (HEIGHT + _GAP))
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
        parts.append(f'<line x1="{_LEFT}" x2="{right}" y1="{top + y}" y2="{top + y}" stroke="#d8dee4"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{top + y + 4}" text-anchor="end">{escape(label)}</text>')
    parts.append(f'<text x="{_LEFT}" y="{top + HEIGHT + 18}">0</text>')
    last = f"{panel.last} sentences"
    parts.append(f'<text x="{right}" y="{top + HEIGHT + 18}" text-anchor="end">{last}</text>')
    for line in panel.lines:
        colour, dash = _COLOURS[line.style], ' stroke-dasharray="5 3"' if line.style in _DASHED else ""
        points = " ".join(f"{_LEFT + 2 * x:.1f},{top + y:.1f}" for x, y, _ in line.marks)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
        for x, y, told in line.marks:
            place = f'cx="{_LEFT + 2 * x:.1f}" cy="{top + y:.1f}" r="2.5" fill="{colour}"'
            parts.append(f"<circle {place}><title>{escape(f'{line.label}, {told}')}</title></circle>")
    return parts
