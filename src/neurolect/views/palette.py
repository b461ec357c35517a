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
SEQUENCE_STOPS = (
    "#440154", "#482475", "#414487", "#355f8d", "#2a788e", "#21918c", "#22a884", "#44bf70",
    "#7ad151", "#bddf26", "#fde725",
)  # fmt: skip
"""Eleven colours of the sequence, evenly spaced: for pages, which have no matplotlib."""
_LIGHT = {
    "paper": "#fbfaf8", "sheet": SHEET, "ink": INK, "dim": DIM, "line": LINE, "edge": "#918c84", "soft": SOFT,
    "top": TOP, "top-soft": "#fbe7d8", "bottom": BOTTOM, "bottom-soft": "#dfeaf7", "mark": "#ffe9a8",
    "shade-most": "72%",
}  # fmt: skip
_DARK = {
    "paper": "#161513", "sheet": "#1f1d1b", "ink": "#ece8e1", "dim": "#a09a90", "line": "#36332f",
    "edge": "#77726a", "soft": "#2a2825", "top": "#f08b4a", "top-soft": "#40291a", "bottom": "#6fabe8",
    "bottom-soft": "#1b2f45", "mark": "#5a4a14", "shade-most": "52%",
}  # fmt: skip
PAGE_CATEGORIES = (*CATEGORIES[:-1], "#c4beb4")
PAGE_CATEGORIES_DARK = (
    "#7f70e0", "#a6dcf5", "#4fc3ae", "#1f8a48", "#a0a038", "#ecdf95", "#dc6a7c", "#b03a76", "#c678d6", "#57524a",
)  # fmt: skip
"""The same hues for pages, where the last is for all others; on a dark ground none may be lost."""


def page_colours() -> str:
    """Give the colours as properties of a style sheet, light and dark; `data-theme` of a page chooses one."""
    light = _properties(_LIGHT, PAGE_CATEGORIES) + _numbered("sequence", SEQUENCE_STOPS)
    dark = _properties(_DARK, PAGE_CATEGORIES_DARK)
    return (
        f":root {{ color-scheme: light dark; {light} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root:not([data-theme]) {{ {dark} }} }}\n"
        f':root[data-theme="light"] {{ color-scheme: light; }}\n'
        f':root[data-theme="dark"] {{ color-scheme: dark; {dark} }}\n'
    )


def _properties(theme: dict[str, str], categories: tuple[str, ...]) -> str:
    named = " ".join(f"--{name}: {colour};" for name, colour in theme.items())
    return f"{named} {_numbered('category', categories)} "


def _numbered(name: str, colours: tuple[str, ...]) -> str:
    return " ".join(f"--{name}-{number}: {colour};" for number, colour in enumerate(colours))
