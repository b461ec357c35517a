"""A card for the terminal: 100 columns, legible without colour."""

import re
from collections.abc import Iterator, Mapping
from io import StringIO
from typing import TYPE_CHECKING, Any, NamedTuple

from neurolect.signatures.evidence.kind import Shown
from neurolect.signatures.evidence.registry import kinds
from neurolect.views.cards.activating_words import STRONG, bracketed, places_of
from neurolect.views.cards.contents import N_FIELDS
from neurolect.views.cards.numbers import (
    activation_lines,
    align_line,
    cause_line,
    concepts_line,
    fidelity_lines,
    held_line,
    names_line,
    writes_line,
)
from neurolect.views.texts.bars import Histogram, histogram, number, percent, share_bar
from neurolect.visible import harmless_values

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

N_TYPICAL, N_NEAREST, N_ON_LINE = 2, 3, 8
LARGE_PART = 0.05
"""Share of the sentences read from which a card says that a list is a large part of them."""
COLOURS = {"top": "dark_orange3", "bottom": "dodger_blue2"}
MARKS = {"top": "\u25b2", "bottom": "\u25bc"}
LABEL, BAR = 15, 9  # columns of an evidence line; the rest is 23 columns of figures


LEGEND = "\u2502 the corpus's share  \u00b7  * passes the false-discovery rate  \u00b7  z: log-odds z, by documents"
"""What the marks of evidence mean."""


def card_text(card: dict[str, Any], *, width: int = 100, colour: bool = False) -> str:
    """Lay a card out as text.

    Parameters
    ----------
    card : dict
        What :func:`neurolect.views.cards.contents.card` gives.
    width : int
        Columns; at least 60. Under 96 the two columns of evidence become one.
    colour : bool
        With ANSI colours.

    Returns
    -------
    str
        Lines that end in a newline.
    """
    from rich.console import Console

    out = StringIO()
    width = max(60, width)
    console = Console(
        file=out,
        width=width,
        force_terminal=colour,
        color_system="256" if colour else None,
        highlight=False,
        legacy_windows=False,
    )
    card_console(card, console)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def card_console(card: dict[str, Any], console: "Console") -> None:
    """Print a card on a console of rich; recording consoles make pictures of it."""
    from rich.box import ROUNDED
    from rich.console import Group
    from rich.panel import Panel

    card = harmless_values(card)
    inner = console.width - 4
    parts = list(_head(card, inner))
    for side in card["sides"]:
        parts += _side(side, inner, colours=console.color_system is not None)
    if any(side["evidence"]["words"] for side in card["sides"]):
        parts.append(_text(LEGEND, "bright_black"))
    model = card["model"]
    layer = f"block {card['layer']} of {model['n_layers']}" if card["layer"] else "embedding output"
    title = f"[bold]{card['address']}[/]"
    what = "latent" if card["site"].startswith("latent.") else "dimension"
    subtitle = f"{card['site']}, {layer}, {what} {card['index']}"
    console.print(
        Panel(Group(*parts), title=title, title_align="left", subtitle=subtitle, box=ROUNDED, padding=(0, 1))
    )


def _text(text: str = "", style: str = "") -> "Text":
    """Make text that is never read as markup."""
    from rich.text import Text

    return Text(text, style=style)


def _head(card: dict[str, Any], width: int) -> Iterator["RenderableType"]:
    """Yield the model, the moments and the histogram with the marks where the lists begin."""
    activation = card["activation"]
    bins = min(width, 64)
    thresholds = {side["side"]: side["threshold"] for side in card["sides"]}
    lowest = {side["side"] for side in card["sides"] if side["of_lowest"]}  # not on the histogram's scale
    drawn_at = [value for side, value in thresholds.items() if value and side not in lowest]
    drawing = histogram(activation["histogram"], width=bins, marks=drawn_at)
    facts = [
        card["model"]["name"],
        f"{activation['n']:,} sentences",
        f"mean {number(activation['mean'])}",
        f"sd {number(activation['std'])}",
        f"skewness {number(activation['skewness'])}",
    ]
    line = _text()
    low, high = drawing.low, drawing.high
    for position, block in enumerate(drawing.blocks):
        side = "bottom" if position < low else "top" if position >= high else ""
        line.append(block, style=COLOURS.get(side, "bright_black"))
    ends = _axis(activation, drawing, bins)
    side_facts = [
        f"{MARKS[side]} {side} list: {_threshold(side, value)}" + (" (lowest values)" if side in lowest else "")
        for side, value in thresholds.items()
    ]
    yield _text("  \u00b7  ".join(facts), style="bright_black")
    for each in card["stale"]:
        yield _text(each, "yellow")
    if not activation["n"]:
        yield _text("not finite: its activation was NaN or infinite on every sentence", "bold")
    elif activation["nearly_constant"]:
        yield _text("nearly constant: its activation varies too little for the model to use", "bold")
    for drawn, fact in zip((line, _text(ends, "bright_black")), [*side_facts, "", ""], strict=False):
        yield drawn + _text("   " + fact if fact and width - bins > 24 else "", "")
    if card["writes"]:
        line = _text(writes_line(card["writes"], reads=card["sides"][0]["name"] if card["sides"] else None))
        line.truncate(width, overflow="ellipsis")
        yield line
    alike = [f"{each['address']} {number(each['correlation'])}" for each in (card["responds_like"] or ())[:4]]
    if alike:
        line = _text("responds like  ", "bright_black") + _text(", ".join(alike))
        line.truncate(width, overflow="ellipsis")
        yield line


def _axis(activation: dict[str, Any], drawing: Histogram, width: int) -> str:
    """Write the lowest and the highest activation, and arrows where the lists begin."""
    cells = [" "] * width
    left, right = number(activation["minimum"]), number(activation["maximum"])
    cells[: len(left)], cells[width - len(right) :] = left, right
    for side, column in (("bottom", drawing.low - 1), ("top", drawing.high)):
        if 0 <= column < width:
            cells[column] = MARKS[side]
    return "".join(cells)


def _threshold(side: str, value: float | None) -> str:
    """Say where a list begins."""
    return ("\u2265 " if side == "top" else "\u2264 ") + number(value)


def _side(side: dict[str, Any], width: int, *, colours: bool) -> Iterator["RenderableType"]:
    """Yield one side: its name, its evidence, its sentences."""
    from rich.padding import Padding
    from rich.rule import Rule
    from rich.table import Table

    colour = COLOURS[side["side"]]
    heading = _text(f"{MARKS[side['side']]} {side['side'].upper()}  ", f"bold {colour}")
    heading.append(str(side["name"] or "no clear theme"), "bold")
    yield Rule(style="bright_black")
    yield heading
    yield _text(_counts(side), "bright_black")
    yield from _fidelity(side, colour)
    if side["aligned"] is not None:
        yield _text(align_line(side["aligned"]), "bright_black")
    for each in side["model_names"]:
        yield _text(names_line(each))
    if side["concepts"]:
        yield _text(concepts_line(side["concepts"]), "bright_black")
    columns = _columns(side, n_columns=2 if width >= 92 else 1)
    column = width if len(columns) == 1 else (width - 3) // 2
    lines = [list(_blocks(blocks, column, colour)) for blocks in columns]
    grid = Table.grid(padding=(0, 3, 0, 0))
    for _ in lines:
        grid.add_column(width=column)
    for row in range(max(map(len, lines), default=0)):
        grid.add_row(*(part[row] if row < len(part) else "" for part in lines))
    yield Padding(grid, (1, 0, 0, 0))
    for shown, rows in _shown(side, "line"):
        labels = [each["label"] for each in rows[:N_ON_LINE]]
        if labels:
            line = _text(f"{shown.title:<11}", "bright_black") + _text(", ".join(labels))
            line.truncate(width, overflow="ellipsis")
            yield line
    for title, text in activation_lines(side["by_activation"]) if side["by_activation"] else ():
        line = _text(f"{title:<11}", "bright_black") + _text(text)
        line.truncate(width, overflow="ellipsis")
        yield line
    yield from _senses(side, width)
    yield from _sentences(side, width, colour=colours)


def _senses(side: dict[str, Any], width: int) -> Iterator["RenderableType"]:
    """Yield a line or two for each sense, where there are several."""
    from rich.table import Table

    found = side["senses"]
    if found is None or len(found["senses"]) < 2:
        return
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(width=9, justify="right")
    grid.add_column(width=width - 11)
    for sense in found["senses"]:
        text = _text(sense["label"] or "nothing of its own")
        text.truncate(width - 11, overflow="ellipsis")
        typical = _text(sense["typical"]["text"], "bright_black")
        typical.truncate(width - 11, overflow="ellipsis")
        grid.add_row(_text(f"{sense['share']:.0%}", COLOURS[side["side"]]), text + _text("\n") + typical)
    yield _text()
    yield _text(f"{len(found['senses'])} senses  \u00b7  polysemy {found['polysemy']:.1f}", "bright_black")
    yield grid


def _counts(side: dict[str, Any]) -> str:
    """Say how many sentences the list has and how long they are."""
    length, shares = side["length"], side["shares"]
    parts = [f"{side['n_sentences']:,} sentences"]
    if side["name_held"] is not None:
        parts.insert(0, held_line(side))
    if side["corpus_share"] > LARGE_PART:
        parts[-1] += f", {side['corpus_share']:.0%} of those read"
    if length["mean"] is not None:
        parts.append(f"{length['mean']:.1f} words each (corpus {number(length['background_mean'])})")
    if side["gate_positive"] is not None:
        parts.append(f"gate positive at {percent(side['gate_positive'])} of firing tokens")
    known = [f"{share:.0%} {name}s" for name, share in shares.items() if share is not None]
    return "  \u00b7  ".join([*parts, ", ".join(known)] if known else parts)


def _fidelity(side: dict[str, Any], colour: str) -> Iterator["Text"]:
    """Yield how true the signature is, where it was scored."""
    if side["fidelity"] is None:
        return
    first, *rest = fidelity_lines(side["fidelity"])
    score, colon, explained = first.partition(":")
    yield _text(score, f"bold {colour}") + _text(colon + explained, "")
    for line in rest:
        yield _text(line, "bright_black")
    if side["cause"] is not None:
        yield _text(cause_line(side["cause"]), "bright_black")


class Block(NamedTuple):
    """Rows of one kind below a title."""

    title: str
    rows: list[dict[str, Any]]
    gloss: Mapping[str, str]


def _shown(side: dict[str, Any], place: str) -> Iterator[tuple[Shown, Any]]:
    """Yield what goes to a place and has something to show."""
    for kind in kinds():
        for shown in kind.shown:
            if shown.place == place and side["evidence"].get(shown.name):
                yield shown, side["evidence"][shown.name]


def _columns(side: dict[str, Any], *, n_columns: int) -> list[list[Block]]:
    """Put words to the left, metadata to the right, and tags where there is room."""
    left = [Block(shown.title, rows[: shown.n_rows], shown.gloss) for shown, rows in _shown(side, "left")]
    right = [
        Block(field, rows[: shown.n_rows], shown.gloss)
        for shown, fields in _shown(side, "right")
        for field, rows in list(fields.items())[:N_FIELDS]
    ]
    for shown, rows in _shown(side, "shorter"):
        shorter = min(left, right, key=_height)
        shorter.append(Block(shown.title, rows[: shown.n_rows], shown.gloss))
    if n_columns == 1 or not left or not right:
        return [left + right]
    return [left, right]


def _height(blocks: list[Block]) -> int:
    """Count the lines of a column."""
    return sum(len(block.rows) + 2 for block in blocks)


def _blocks(blocks: list[Block], width: int, colour: str) -> Iterator["Text"]:
    """Yield the lines of a column of evidence."""
    label = max(8, min(LABEL + width - 48, 28))
    for number_, (title, rows, gloss) in enumerate(blocks):
        if number_:
            yield _text()
        head = f"{title:<{label + BAR + 1}}{'list':>5}{'corpus':>7}{'lift':>6}{'z':>4} "
        yield _text(head, "bright_black")
        # Bars of one block share a scale: its longest is full.
        shares = [(row["share_list"] or 0.0, row["share_background"] or 0.0) for row in rows]
        scale = max(map(max, shares)) or 1.0
        for row, (own, usual) in zip(rows, shares, strict=True):
            sure = row["passes"] is not False
            line = _text(_fitting(row["label"], label), "" if sure else "bright_black")
            if gloss:
                line.append(" " + gloss.get(row["label"], ""), "bright_black")
            line.truncate(label, overflow="ellipsis", pad=True)
            line.append(" ")
            for cell, style in share_bar(own / scale, usual / scale, width=BAR):
                line.append(cell, colour if style == "list" else "bright_black")
            figures = f"{percent(own):>5}{percent(usual):>7}"
            lift = number(row["lift"]) + "\u00d7" if row["lift"] is not None else "\u2013"
            mark = "*" if row["passes"] else " "
            z = "\u2013" if row["z"] is None else f"{row['z']:.0f}"
            yield line + _text(f"{figures}{lift:>6}{z:>4}{mark}", "" if sure else "bright_black")


def _fitting(label: str, width: int) -> str:
    """Leave out the middle words of a label that is too wide and ends with what it quotes.

    Examples
    --------
    >>> _fitting('begins with "bake"', 14)
    'begins "bake"'
    """
    return label if len(label) <= width else re.sub(r'^(\w+) [\w ]+ (".*")$', r"\1 \2", label)


def _embolden(text: "Text", words: list[str]) -> None:
    for start, end in places_of(text.plain, words):
        text.stylize("bold", start, end)


def _sentences(side: dict[str, Any], width: int, *, colour: bool) -> Iterator["RenderableType"]:
    """Yield the typical sentence and the strongest ones, the evidence's words in bold."""
    from rich.table import Table

    strong = [row["label"] for row in side["evidence"]["words"]]
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(width=9, justify="right")
    grid.add_column(width=width - 11)
    for typical in side["typical"][:N_TYPICAL]:
        text = _text(typical["text"])
        _embolden(text, strong)
        grid.add_row(_text("typical", "bright_black"), _shorten(text, width - 11))
    for each in side["examples"]:
        text = _text(each["text"])
        activating = each.get("activating")
        if activating and not colour:
            # without shades where it fires has to be plain: the strongest alone
            strongest = [word for word in activating if word[2] >= 1] if "token" in each else activating
            text = _text(bracketed(each["text"], strongest))
        elif activating:
            for start, end, weight in activating:
                bold = "bold " if weight >= STRONG else ""
                text.stylize(f"{bold}{COLOURS[side['side']]}", start, end)
        else:
            _embolden(text, strong)
        fires = next((start for start, _, weight in activating or () if weight >= 1), 0)
        text = _shorten(text, width - 11, keep=fires)
        note = _text(" \u00b7 ".join(each["note"]), "bright_black")
        note.truncate(width - 11, overflow="ellipsis")
        if each["note"]:
            text = text + _text("\n") + note
        grid.add_row(_text(number(each["activation"]), COLOURS[side["side"]]), text)
    yield _text()
    yield grid
    yield from _nearest(side["nearest"], width)
    if side["n_skipped"]:
        yield _text(f"{side['n_skipped']} near-duplicates passed over", "bright_black")


def _nearest(nearest: dict[str, list[dict[str, Any]]] | None, width: int) -> Iterator["RenderableType"]:
    """Yield the lists most like this one, by sentences and by signature."""
    for by, title in (("lists", "shares sentences with"), ("signature", "has a signature like")):
        rows = nearest[by] if nearest else []
        if rows:
            line = _text(f"{title}  ", "bright_black")
            shown = percent if by == "lists" else number  # a share, and a cosine
            parts = [f"{row['address']} {row['side']} {shown(row['likeness'])}" for row in rows[:N_NEAREST]]
            line.append(", ".join(parts))
            line.truncate(width, overflow="ellipsis")
            yield line


def _shorten(text: "Text", width: int, *, keep: int = 0) -> "Text":
    """Cut a long sentence to two lines, about the character to keep."""
    first = keep - width
    if first > 0 and len(text) > 2 * width - 12:
        first = min(first, len(text) - 2 * width + 14)
        begin = text.plain.find(" ", first, keep) + 1 or first
        text = _text("\u2026 ") + text[begin:]
    text.truncate(2 * width - 12, overflow="ellipsis")
    return text
