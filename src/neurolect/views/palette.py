"""The colours of all figures, pages and pictures; colour-blind readers can tell them apart."""

INK, DIM, LINE, SOFT, SHEET = "#1d1c1a", "#6a6660", "#e2ded6", "#f1eee8", "#ffffff"
"""Text, text of less weight, rules and grids, filled areas, and what all is drawn on."""
TOP, BOTTOM = "#b6470b", "#1f62a8"
"""The two sides of a neuron; also a model and its opposite."""
INDIGO, CYAN, TEAL, GREEN, OLIVE = "#332288", "#88ccee", "#44aa99", "#117733", "#999933"
SAND, ROSE, WINE, PURPLE, GREY = "#ddcc77", "#cc6677", "#882255", "#aa4499", "#888888"
CATEGORIES = (INDIGO, CYAN, TEAL, GREEN, OLIVE, SAND, ROSE, WINE, PURPLE, GREY)
"""For what has no order: Paul Tol's muted colours. Grey is for a control."""
SEQUENCE = "viridis"
"""For what has an order: layers, numbers. Its lightness rises evenly, so it also reads in grey."""
_LIGHT = {
    "paper": "#fbfaf8", "sheet": SHEET, "ink": INK, "dim": DIM, "line": LINE, "soft": SOFT,
    "top": TOP, "top-soft": "#fbe7d8", "bottom": BOTTOM, "bottom-soft": "#dfeaf7", "mark": "#ffe9a8",
}  # fmt: skip
_DARK = {
    "paper": "#161513", "sheet": "#1f1d1b", "ink": "#ece8e1", "dim": "#a09a90", "line": "#36332f",
    "soft": "#2a2825", "top": "#f08b4a", "top-soft": "#40291a", "bottom": "#6fabe8", "bottom-soft": "#1b2f45",
    "mark": "#5a4a14",
}  # fmt: skip


def page_colours() -> str:
    """Give the colours as properties of a style sheet, light and dark."""
    light, dark = (" ".join(f"--{name}: {colour};" for name, colour in theme.items()) for theme in (_LIGHT, _DARK))
    return (
        f":root {{ color-scheme: light dark; {light} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"
    )
