"""Write a figure: as a picture, or as a page that holds the drawing itself."""

import io
import re
from html import escape
from pathlib import Path

from neurolect.atomic import replacing, write_text
from neurolect.views.plots.style import Drawn

ENDINGS = (".png", ".svg", ".pdf", ".html")
POINTS = "points"
"""Mark of the collection whose points get a title in pages."""
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ margin: 2rem auto; max-width: 62rem; padding: 0 1rem; background: #fff; color: #1d1c1a;
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }}
figure {{ margin: 0; }} svg {{ width: 100%; height: auto; }} figcaption {{ color: #6a6660; max-width: 75ch; }}
use:hover {{ stroke: #1d1c1a; stroke-width: 2; }}
</style>
</head>
<body>
<figure>
{drawing}
<figcaption>{caption}</figcaption>
</figure>
</body>
</html>
"""


def save(drawn: Drawn, path: Path) -> None:
    """Write a figure, whole or not at all.

    ``path``: Its ending says how; the same run gives the same bytes with the same libraries.
    """
    ending = path.suffix.lower()
    if ending == ".html":
        write_text(
            path, _PAGE.format(title=escape(_title(drawn)), drawing=as_svg(drawn), caption=escape(drawn.caption))
        )
        return
    # no date in the file: the same figure is the same bytes
    metadata = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}, ".png": {}}[ending]
    with replacing(path) as temporary:
        drawn.figure.savefig(temporary, format=ending[1:], dpi=200, metadata=metadata)


def as_svg(drawn: Drawn) -> str:
    """Draw as SVG that can stand in a page; points tell what they are when they are pointed at."""
    buffer = io.StringIO()
    drawn.figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    label = escape(drawn.caption, quote=True)
    text = text.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)
    return _with_titles(text, drawn.titles) if drawn.titles else text


def _with_titles(text: str, titles: list[str]) -> str:
    """Put a title into each point of the marked group."""
    start = text.index(f'<g id="{POINTS}">')
    head, rest = text[:start], text[start:]
    places = list(re.finditer(r"<use ([^>]*?)/>", rest))[: len(titles)]
    parts, at = [head], 0
    for place, title in zip(places, titles, strict=True):
        parts += [rest[at : place.start()], f"<use {place[1]}><title>{escape(title)}</title></use>"]
        at = place.end()
    return "".join([*parts, rest[at:]])


def _title(drawn: Drawn) -> str:
    """Take the title of the first axes."""
    axes = drawn.figure.axes
    return str(axes[0].get_title(loc="left") or axes[0].get_title()) if axes else "figure"
