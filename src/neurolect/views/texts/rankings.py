"""A ranking of neurons for the terminal: the first of them, and where each layer's lists are."""

import unicodedata
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from neurolect.results import LayerRanks, layer_ranks, provenance
from neurolect.views.texts.bars import number, percent
from neurolect.visible import one_line

BAR = 41  # columns of a box of ranks


def ranking_text(ranking: pa.Table, *, width: int = 100) -> str:
    """Lay a ranking of :func:`neurolect.results.rank` out as lines that end in a newline."""
    facts, layers = provenance(ranking).details, layer_ranks(ranking)
    n_ranked = facts["n_ranked"]
    title = f"By {facts['label']}; {n_ranked:,} {'neurons' if facts['of_neurons'] else 'lists'}."
    cells = [
        (f"{row['rank']:,}", row["address"], row["side"], _exact(row["score"]), row["evidence"] or "", row["name"])
        for row in ranking.to_pylist()
    ]
    heads = ("rank", "neuron", "side", "score", "evidence", "its name")
    has_evidence = any(cell[4] for cell in cells)
    shown = [column for column in range(6) if column != 4 or has_evidence]
    longest = {at: min(24, max(len(each[at]) for each in [heads, *cells])) for at in shown[:-1]}
    lines = [title, ""]
    for each in [heads, *cells]:
        parts = [
            f"{each[at][:24]:>{longest[at]}}" if at in (0, 3) else f"{each[at][:24]:<{longest[at]}}"
            for at in shown[:-1]
        ]
        lines.append(_cut("  ".join([*parts, each[5] or "no clear theme"]), width))
    lines += ["", f"Ranks by layer, {_scale(n_ranked)}"]
    several = len({each.site for each in layers}) > 1
    for layer in layers:
        name = f"{layer.site} {layer.layer}" if several else f"layer {layer.layer}"
        median = f"median {layer.quartiles[2]:,.0f}"
        lines.append(f"{name:>10}  {_box(layer, n_ranked)}  {median:<14}  mean {_exact(layer.mean)}")
    lines += ["", *facts["notes"]] if facts["notes"] else []
    return "\n".join(line.rstrip() for line in lines) + "\n"


def numbers_text(numbers: pa.Table, *, width: int = 100) -> str:
    """Lay the numbers of :func:`neurolect.results.numbers_of` out as lines: what there is, then what is missing."""
    rows = numbers.to_pylist()
    longest, source = (max(len(row[column]) for row in rows) for column in ("name", "source"))
    lines = [f"{'--by':<{longest}}  {'from':<{source}}  what it is"]
    lines += [f"{row['name']:<{longest}}  {row['source']:<{source}}  {row['what']}" for row in rows if row["has"]]
    if missing := [row for row in rows if not row["has"]]:
        lines += ["", "This run does not have:"]
        lines += [f"{row['name']:<{longest}}  {row['why_not']}" for row in missing]
    return "\n".join(_cut(line.rstrip(), width) for line in lines) + "\n"


def known_text(numbers: pa.Table, methods: pa.Table, of_comparisons: Sequence[str], *, width: int = 100) -> str:
    """Lay out every name that ``--by`` takes, of runs, stores and comparisons."""
    rows = numbers.to_pylist()
    longest, source = (max(len(row[column]) for row in rows) for column in ("name", "source"))
    lines = ["Of a run (with one, rank RUN --list says what it has and lacks):"]
    lines += [f"{row['name']:<{longest}}  {row['source']:<{source}}  {row['what']}" for row in rows]
    rows = methods.to_pylist()
    longest = max(len(row["name"]) for row in rows)
    lines += ["", "Of a store of activations (probing activations), for a concept:"]
    lines += [f"{row['name']:<{longest}}  {row['what']}" for row in rows]
    lines += ["", f"Of a comparison (compare): {', '.join(of_comparisons)}"]
    return "\n".join(_cut(line.rstrip(), width) for line in lines) + "\n"


def _exact(value: float) -> str:
    """Write three digits: with fewer, neighbouring ranks and layers would look the same."""
    text = f"{value:,.0f}" if abs(value) >= 999.5 else f"{value:#.3g}".rstrip(".")
    return text.replace("-", "\u2212", 1) if value < 0 else text


def _scale(n: int) -> str:
    return f"first to last of {n:,}, left to right; the block is the middle half, | the median:"


def _box(layer: LayerRanks, n: int) -> str:
    """Draw least, quartiles and greatest rank as a box and its whiskers."""
    low, q1, median, q3, high = (round((rank - 1) / max(n - 1, 1) * (BAR - 1)) for rank in layer.quartiles)
    cells = [" "] * BAR
    cells[low : high + 1] = "\u2500" * (high + 1 - low)
    cells[q1 : q3 + 1] = "\u2588" * (q3 + 1 - q1)
    cells[median] = "|"
    return "".join(cells)


def _cut(line: str, width: int) -> str:
    """Cut a line that is too long."""
    return line if len(line) <= width else line[: width - 1] + "\u2026"


# What a search found, as a table for the terminal.
TITLES = ("neuron", "side", "evidence", "in list", "usual", "lift", "log-odds z", "z", "fidelity", "its name")
NUMBERS = frozenset({"z", "in list", "usual", "lift", "log-odds z", "fidelity"})
LONGEST = 32
"""Columns of a cell at most; the name, which comes last, takes what is left."""
GAP, RULE, ELLIPSIS = "  ", "\u2500", "\u2026"


def found_text(found: pa.Table, *, width: int = 100) -> str:
    """Lay the neurons that a search found out as text.

    ``found``: What :func:`neurolect.finding.find` gives.
    Returns: Lines that end in a newline; best first.
    """
    rows = [_cells(row) for row in found.to_pylist()]
    titles = [title for title in TITLES if title in rows[0]] if rows else list(TITLES)
    lines = [{title: title for title in titles}, *rows]
    widths = {title: min(max(cells(line[title]) for line in lines), LONGEST) for title in titles}
    widths[titles[-1]] = max(width - sum(widths[title] + len(GAP) for title in titles[:-1]), 8)
    text = [
        GAP.join(_fit(line[title], widths[title], right=title in NUMBERS) for title in titles) for line in lines
    ]
    text.insert(1, RULE * min(width, max(map(cells, text))))
    return "\n".join(line.rstrip() for line in text) + "\n"


def cells(text: str) -> int:
    r"""Count the columns that a text takes: Chinese and Japanese characters take two, marks above others none.

    Examples
    --------
    >>> cells("ab"), cells("\u6771\u4eac")
    (2, 4)
    """
    wide = sum(unicodedata.east_asian_width(each) in "WF" for each in text)
    return len(text) + wide - sum(unicodedata.combining(each) > 0 for each in text)


def cut(text: str, width: int) -> str:
    r"""Cut a text that is too long, and show that it was cut.

    Examples
    --------
    >>> cut("long sentences", 6) == "long" + "\u2026"
    True
    """
    if cells(text) <= width:
        return text
    while cells(text) > width - 1:
        text = text[:-1]
    return text.rstrip() + ELLIPSIS


def _fit(text: str, width: int, *, right: bool) -> str:
    text = cut(text, width)
    space = " " * (width - cells(text))
    return space + text if right else text + space


def _cells(row: dict[str, Any]) -> dict[str, str]:
    """Write the cells of one neuron."""
    shown = {
        "neuron": row["address"],
        "side": row["side"],
        "evidence": row["evidence"],
        "its name": row["name"] or "",
    }
    if "n_list" in row:
        shown |= {"in list": percent(row["share_list"]), "usual": percent(row["share_background"])}
        shown |= {"lift": number(row["lift"]), "log-odds z": number(row["log_odds_z"])}
    else:  # what neurons write is counted in no list
        shown |= {"z": number(row["score"])}
    plain = {title: one_line(text) for title, text in shown.items()}
    return plain | ({"fidelity": number(row["fidelity"])} if "fidelity" in row else {})


def comparison_ranking_text(ranking: pa.Table, *, limit: int) -> str:
    """Lay a ranking of a comparison's neurons out."""
    options, rows = provenance(ranking).options, ranking.to_pylist()
    other = f"the one of {one_line(options['other'])}" if options["other"] else "all other runs"
    by = options["by"] or "max_correlation"
    lines = [f"Neurons of {one_line(options['run'])} by {by}, against {other}; {len(rows):,} neurons.", ""]
    longest = max([6, *(len(each["address"]) for each in rows[:limit])])
    for each in rows[:limit]:
        score = "-" if each["score"] is None else _exact(each["score"])
        lines.append(f"{each['rank']:>6,}  {each['address']:<{longest}}  {score}")
    return "\n".join(lines) + "\n"
