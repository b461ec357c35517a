"""A ranking of neurons for the terminal: the first of them, and where each layer stands."""

import csv
import io

from neurolect.relations.ranking import LayerRanks, Ranking

__all__ = ["ranking_csv", "ranking_text"]

BAR = 41  # columns of a box of ranks


def ranking_text(ranking: Ranking, *, width: int = 100) -> str:
    """Lay a ranking out as text.

    Parameters
    ----------
    ranking : Ranking
        From :func:`neurolect.relations.ranking.rank_neurons`.
    width : int
        Columns.

    Returns
    -------
    str
        Lines that end in a newline.
    """
    rows = ranking.table.to_pylist()
    title = f"By {ranking.label}; {ranking.n_ranked:,} {'neurons' if ranking.of_neurons else 'lists'}."
    cells = [
        (f"{row['rank']:,}", row["address"], row["side"], _exact(row["value"]), row["evidence"] or "", row["name"])
        for row in rows
    ]
    heads = ("rank", "neuron", "side", "value", "evidence", "its name")
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
    lines += ["", f"Ranks by layer, {_scale(ranking.n_ranked)}"]
    several = len({each.site for each in ranking.layers}) > 1
    for layer in ranking.layers:
        name = f"{layer.site} {layer.layer}" if several else f"layer {layer.layer}"
        median = f"median {layer.quartiles[2]:,.0f}"
        lines.append(f"{name:>10}  {_box(layer, ranking.n_ranked)}  {median:<14}  mean {_exact(layer.mean)}")
    lines += ["", *ranking.notes] if ranking.notes else []
    return "\n".join(line.rstrip() for line in lines) + "\n"


def ranking_csv(ranking: Ranking) -> str:
    """Write the rows of a ranking for a spreadsheet.

    Parameters
    ----------
    ranking : Ranking
        From :func:`neurolect.relations.ranking.rank_neurons`.

    Returns
    -------
    str
        A line of heads and a line a row, with the numbers in full; what is not there is empty.
    """
    written = io.StringIO()
    rows = csv.DictWriter(written, ranking.table.column_names, lineterminator="\n")
    rows.writeheader()
    rows.writerows(ranking.table.to_pylist())
    return written.getvalue()


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
