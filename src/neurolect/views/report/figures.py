"""Geometry of a card's inline SVG: plain numbers, so that the templates only place them."""

from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np

from neurolect.views.cards.activating_words import places_of

HISTOGRAM_WIDTH, HISTOGRAM_HEIGHT = 320.0, 56.0


class Bar(NamedTuple):
    """A bar of a drawing, in its coordinates, y downwards."""

    x: float
    y: float
    width: float
    height: float
    style: str
    title: str


def histogram_bars(card: dict[str, Any]) -> list[Bar]:
    """Lay out the histogram of a card, heights on a square-root scale.

    Returns: Within 320 by 56; style ``top`` and ``bottom`` where the lists reach, ``rest`` between.
    """
    data = card["activation"]["histogram"]
    counts = np.asarray(data["counts"], dtype=np.float64)
    seen = np.flatnonzero(counts)
    if not len(seen):
        return []
    first, last = int(seen[0]), int(seen[-1])
    step = HISTOGRAM_WIDTH / (last - first + 1)
    thresholds = {side["side"]: side["threshold"] for side in card["sides"] if not side["of_lowest"]}
    bars = []
    for place in range(first, last + 1):
        low = data["low"] + place * data["width"]
        high = low + data["width"]
        top, bottom = thresholds.get("top"), thresholds.get("bottom")
        style = "top" if top is not None and high > top else "rest"
        style = "bottom" if bottom is not None and low < bottom else style
        height = HISTOGRAM_HEIGHT * float(np.sqrt(counts[place] / counts.max()))
        title = f"{counts[place]:,.0f} sentences from {low:.3g} to {high:.3g}"
        x = round((place - first) * step, 2)
        bars.append(Bar(x, round(HISTOGRAM_HEIGHT - height, 2), round(step, 2), round(height, 2), style, title))
    return bars


def marked(text: str, words: Collection[str]) -> list[tuple[str, bool]]:
    """Cut a text where evidence occurs in it.

    Returns: list of (str, bool). The text in pieces, in order; True for a word to mark.

    Examples
    --------
    >>> marked("Stir the sauce.", ["stir"])
    [('Stir', True), (' the sauce.', False)]
    """
    pieces: list[tuple[str, bool]] = []
    at = 0
    for start, end in places_of(text, words):
        pieces += [(text[at:start], False)] * (start > at)
        pieces.append((text[start:end], True))
        at = end
    return pieces + [(text[at:], False)] * (at < len(text))
