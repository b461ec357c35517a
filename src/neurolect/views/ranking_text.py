"""A ranking of neurons for the terminal: the first of them, and where each layer stands."""

import pyarrow as pa

from neurolect.results import LayerRanks, layer_ranks, provenance

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
