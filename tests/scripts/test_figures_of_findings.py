"""Every page of findings has a figure, and those drawn from a page's tables are of the tables that are there."""

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SCRIPT = runpy.run_path(str(ROOT / "scripts" / "figures_of_findings.py"))
DOCS: Path = SCRIPT["DOCS"]


@pytest.mark.parametrize("page", sorted(DOCS.glob("findings*.md")), ids=lambda path: path.stem)
def test_a_page_of_findings_has_a_figure(page: Path) -> None:
    figures = re.findall(r"!\[[^\]]{10,}\]\(([^)]+)\)", page.read_text(encoding="utf-8"))
    assert figures
    assert all((page.parent / each).is_file() for each in figures)


@pytest.mark.parametrize("name", SCRIPT["FIGURES"])
def test_a_figure_is_drawn_from_the_table_that_is_there(name: str) -> None:
    text = (DOCS / "images" / f"{name}.svg").read_text(encoding="utf-8")
    assert SCRIPT["mark_of"](name) in text, "run: python scripts/figures_of_findings.py"


def test_bars_are_the_numbers_of_the_page() -> None:
    with SCRIPT["styled"]():
        axes = SCRIPT["causes"]().axes[0]
    heights = [bar.get_height() for bar in axes.patches]
    _, rows = SCRIPT["table_of"]("findings_causes.md", "| share that does something")
    assert heights == [float(row[column].removesuffix(" %")) for column in (1, 2) for row in rows]
