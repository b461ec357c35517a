"""How true signatures are, layer by layer, as a picture: pre-trained weights next to random ones."""

from typing import Any

from neurolect.views.palette import GREY, LINE, SHEET, TOP

_WIDTH, _PANEL, _LEFT, _TOP, _BOTTOM = 760, 210, 64, 44, 34
_GAP = 46
_MEDIAN = f'text-anchor="middle" font-size="10" paint-order="stroke" stroke="{SHEET}" stroke-width="2.5"'
_COLOURS = {"trained": TOP, "random": GREY}
_PANELS = (("auroc", "AUROC on held-out sentences", 0.5, 1.0, 0.5), ("spearman", "rank correlation", 0.0, 0.8, 0.0))


def fidelity_figure(made: dict[str, Any]) -> str:
    """Draw the distribution of fidelity over neurons by layer.

    ``made``: From :func:`neurolect.views.texts.fidelity.fidelity_of_run`.
    Returns: An SVG document: AUROC and rank correlation of each site and layer, boxes from the 25th to the 75th
        percentile, whiskers from the 5th to the 95th; random weights next to them where a run of them was compared.
    """
    layers = [row for row in made["layers"] if row["auroc"]]
    height = _TOP + len(_PANELS) * (_PANEL + _GAP) + _BOTTOM - _GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" '
        f'height="{height}" font-family="system-ui, sans-serif" font-size="13">',
        f'<rect width="{_WIDTH}" height="{height}" fill="{SHEET}"/>',
    ]
    parts += _legend(has_random=any("random_auroc" in row and row["random_auroc"] for row in layers))
    for number, (name, title, low, high, chance) in enumerate(_PANELS):
        top = _TOP + number * (_PANEL + _GAP)
        lowest = [row[key][0] for row in layers for key in (name, f"random_{name}") if row.get(key)]
        bottom_value = min([low, *lowest]) if name == "spearman" else min([low - 0.05, *lowest])
        scale = _Scale(top, bottom_value, high)
        parts += _axes(scale, title, chance)
        parts += _boxes(layers, name, scale)
    bottom = height - 10
    for place, row in enumerate(layers):
        x = _LEFT + (place + 0.5) * (_WIDTH - _LEFT - 16) / len(layers)
        parts.append(f'<text x="{x:.1f}" y="{bottom}" text-anchor="middle">{row["site"]} {row["layer"]}</text>')
    return "\n".join([*parts, "</svg>", ""])


class _Scale:
    """Values to heights of one panel."""

    def __init__(self, top: float, low: float, high: float) -> None:
        self.top, self.low, self.high = top, low, high

    def __call__(self, value: float) -> float:
        """Give the height of a value."""
        return self.top + _PANEL * (1 - (value - self.low) / (self.high - self.low))


def _legend(*, has_random: bool) -> list[str]:
    named = [("trained", "pre-trained"), *([("random", "random weights, same neurons")] if has_random else [])]
    parts, x = [], float(_LEFT)
    for key, name in named:
        parts.append(f'<rect x="{x}" y="12" width="12" height="12" fill="{_COLOURS[key]}"/>')
        parts.append(f'<text x="{x + 18}" y="23">{name}</text>')
        x += 34 + 7.2 * len(name)
    return parts


def _axes(scale: _Scale, title: str, chance: float) -> list[str]:
    parts = []
    step = 0.1 if scale.high - scale.low < 0.7 else 0.2
    value = round(scale.high, 1)
    while value >= scale.low - 1e-9:
        y = scale(value)
        parts.append(f'<line x1="{_LEFT}" x2="{_WIDTH - 16}" y1="{y:.1f}" y2="{y:.1f}" stroke="{LINE}"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end" fill="#555">{value:.1f}</text>')
        value = round(value - step, 1)
    y = scale(chance)
    parts.append(
        f'<line x1="{_LEFT}" x2="{_WIDTH - 16}" y1="{y:.1f}" y2="{y:.1f}" stroke="#444" stroke-dasharray="4 3"/>'
    )
    parts.append(f'<text x="{_WIDTH - 18}" y="{y - 4:.1f}" text-anchor="end" fill="#444">chance</text>')
    middle = scale.top + _PANEL / 2
    parts.append(
        f'<text x="16" y="{middle:.1f}" text-anchor="middle" transform="rotate(-90 16 {middle:.1f})">{title}</text>'
    )
    return parts


def _boxes(layers: list[dict[str, Any]], name: str, scale: _Scale) -> list[str]:
    parts = []
    room = (_WIDTH - _LEFT - 16) / max(1, len(layers))
    width = min(26.0, room / 3)
    for place, row in enumerate(layers):
        for key, colour, shift in ((name, "trained", -0.6), (f"random_{name}", "random", 0.6)):
            found = row.get(key)
            if not found:
                continue
            x = _LEFT + (place + 0.5) * room + shift * width
            y5, y25, y50, y75, y95 = (scale(value) for value in found)
            stroke = f'stroke="{_COLOURS[colour]}"'
            parts.append(
                f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{y5:.1f}" y2="{y95:.1f}" {stroke} stroke-width="1.5"/>'
            )
            parts.append(
                f'<rect x="{x - width / 2:.1f}" y="{y75:.1f}" width="{width:.1f}" height="{y25 - y75:.1f}" '
                f'fill="{_COLOURS[colour]}" fill-opacity="0.35" {stroke}/>'
            )
            parts.append(
                f'<line x1="{x - width / 2:.1f}" x2="{x + width / 2:.1f}" y1="{y50:.1f}" y2="{y50:.1f}" '
                f'{stroke} stroke-width="2.5"/>'
            )
            parts.append(f'<text x="{x:.1f}" y="{y50 - 5:.1f}" {_MEDIAN}>{found[2]:.2f}</text>')
    return parts
