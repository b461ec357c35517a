"""Draw the figures of the findings' pages from the tables on these pages: python scripts/figures_of_findings.py.

A figure holds no number that its page has not: change the table, then draw again.
"""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from neurolect.views.palette import CYAN, GREY, INDIGO, TEAL, WINE
from neurolect.views.plots.style import new_figure, styled

DOCS = Path(__file__).parent.parent / "docs"


def table_of(page: str, begins: str) -> tuple[list[str], list[list[str]]]:
    """Read the table of a page whose first row begins so: its heads and its rows."""
    lines = (DOCS / page).read_text(encoding="utf-8").splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith(begins))
    rows = []
    for line in lines[first:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip().strip("|").split("|")])
    return rows[0], rows[2:]


def numbers_of(cell: str) -> list[float]:
    """Read the numbers of a cell, in order."""
    return [float(each.replace(",", "")) for each in re.findall(r"\d[\d,]*(?:\.\d+)?", cell)]


def causes() -> Any:
    heads, rows = table_of("findings_causes.md", "| share that does something")
    figure, axes = new_figure("Neurons of SmolLM2 that do something where they respond", width=5.6, height=3.0)
    places = range(len(rows))
    for number, (name, colour) in enumerate(zip(heads[1:], (GREY, INDIGO), strict=True)):
        values = [numbers_of(row[number + 1])[0] for row in rows]
        axes.bar([each + 0.4 * number - 0.2 for each in places], values, 0.38, color=colour, label=name)
    axes.set_xticks(list(places), [row[0] for row in rows])
    axes.set_ylabel("share of the neurons (%)")
    axes.legend()
    return figure


def decoder() -> Any:
    _, rows = table_of("findings_decoder.md", "| block | token evidence leads, trained")
    blocks = [numbers_of(row[0])[0] for row in rows]
    figure, axes = new_figure("Names led by token evidence, and scores, by block", width=7.6, height=3.0)
    axes.remove()
    left, right = figure.subplots(1, 2)
    for place, name, line in ((0, "trained", "-o"), (1, "random weights", ":s")):
        left.plot(
            blocks, [numbers_of(row[1])[place] for row in rows], line, color=(INDIGO, GREY)[place], label=name
        )
    left.set(xlabel="block", ylabel="names led by token evidence (%)", ylim=(0, 100))
    left.legend()
    for column, place, name, line, colour in (
        (3, 0, "signature", "-o", INDIGO),
        (3, 1, "signature, random weights", ":s", GREY),
        (4, 0, "firing words alone", "--^", TEAL),
        (5, 0, "name alone", "-.v", WINE),
    ):
        values = [numbers_of(row[column])[place] for row in rows]
        right.plot(blocks, values, line, color=colour, label=name)
    right.axhline(0.5, color=GREY, linewidth=0.8)
    right.set(xlabel="block", ylabel="AUROC, held out (0.5: chance)", ylim=(0.45, 1.0))
    right.legend(fontsize=7, ncols=2, loc="upper center")
    return figure


def latents() -> Any:
    heads, rows = table_of("findings_latents.md", "| | neurons | latents, seed 0 | seed 1")
    scores = {row[0]: [numbers_of(cell)[0] for cell in row[1:]] for row in rows}
    _, done = table_of("findings_latents.md", "| | 384 neurons")
    figure, axes = new_figure("", width=7.6, height=3.0)
    axes.remove()
    left, right = figure.subplots(1, 2)
    for number, (name, colour) in enumerate(
        (("AUROC of the signature, median", INDIGO), ("another neuron's signature", GREY), ("the name alone", WINE))
    ):
        at = [each + 0.27 * (number - 1) for each in range(len(heads) - 1)]
        left.bar(at, scores[name], 0.25, color=colour, label=name)
    left.set_xticks(
        range(len(heads) - 1), ["neurons", "latents,\nseed 0", "latents,\nseed 1", "random\ndirections"]
    )
    left.set(
        ylim=(0.5, 1.12),
        yticks=[0.5, 0.6, 0.7, 0.8, 0.9, 1.0],
        ylabel="AUROC, held out (0.5: chance)",
        title="How well signatures predict",
    )
    left.legend(fontsize=7, ncols=1, loc="upper left")
    medians = [numbers_of(cell)[0] for cell in done[0][1:]]
    tenths = [numbers_of(cell)[0] for cell in done[1][1:]]
    right.bar([each - 0.2 for each in range(3)], medians, 0.38, color=CYAN, label="median")
    right.bar([each + 0.2 for each in range(3)], tenths, 0.38, color=TEAL, label="one in ten is above")
    right.set_yscale("log")
    right.set_xticks(range(3), ["neurons", "latents,\nseed 0", "random\ndirections"])
    right.yaxis.set_major_formatter("{x:g}")
    right.set(ylabel="change of the embedding", title="What setting one does", ylim=(2e-5, 6e-3))
    right.legend(fontsize=7)
    return figure


def evidence() -> Any:
    heads, rows = table_of("findings.md", "| median over lists, by what leads the name")
    kinds = heads[1:-1]
    figure, axes = new_figure(
        "Which evidence predicts a list, by what its name is led by (MiniLM)", width=6.8, height=3.2
    )
    for row, (line, colour) in zip(
        rows[:4], (("-o", INDIGO), ("--s", TEAL), (":^", WINE), ("-.v", CYAN)), strict=True
    ):
        axes.plot(kinds, [numbers_of(cell)[0] for cell in row[1:-1]], line, color=colour, label=row[0])
    axes.axhline(0.5, color=GREY, linewidth=0.8)
    axes.set(ylim=(0.48, 1.0), ylabel="median AUROC, held out (0.5: chance)")
    axes.legend(fontsize=7)
    return figure


FIGURES: dict[str, tuple[str, Callable[[], Any], tuple[str, ...]]] = {
    "causes-by-layer": ("findings_causes.md", causes, ("| share that does something",)),
    "decoder-by-block": ("findings_decoder.md", decoder, ("| block | token evidence leads, trained",)),
    "latents": ("findings_latents.md", latents, ("| | neurons | latents, seed 0 | seed 1", "| | 384 neurons")),
    "fidelity-by-evidence": ("findings.md", evidence, ("| median over lists, by what leads the name",)),
}
"""By name: the page, what draws it, and how its tables begin."""


def mark_of(name: str) -> str:
    """Give what a figure says of the tables that it was drawn from."""
    page, _, tables = FIGURES[name]
    rows = repr([table_of(page, each) for each in tables])
    return f"Drawn from {page}, {hashlib.blake2b(rows.encode(), digest_size=8).hexdigest()}"


def main() -> None:
    with styled():
        for name, (_, draw, _) in FIGURES.items():
            path = DOCS / "images" / f"{name}.svg"
            draw().savefig(path, metadata={"Date": None, "Description": mark_of(name)})
            text = "\n".join(line.rstrip() for line in path.read_text(encoding="utf-8").splitlines()) + "\n"
            path.write_text(text, encoding="utf-8")
            print(path.relative_to(DOCS.parent))


if __name__ == "__main__":
    main()
