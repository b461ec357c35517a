"""Tutorials: every notebook runs, small; the outputs that are kept are of the code that is there."""

import json
import re
import runpy
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
SCRIPT = runpy.run_path(str(ROOT / "scripts" / "run_tutorials.py"), run_name="tutorials")
NOTEBOOKS = sorted((ROOT / "docs" / "tutorials").glob("*.ipynb"))
SMALL: dict[str, dict[str, object]] = {
    "concept_rankings": {
        "N_SENTENCES": 1_200,
        "LAYERS": (1, 6),
        "METHODS": ("average-precision", "probeless", "lca", "random"),
        "BENCH_SENTENCES": 300,
    },
    "decoder_neurons": {"N_DOCUMENTS": 12, "LAYERS": (29,), "N_RANDOM": 3},
    "fine_tuning": {"N_TRAIN": 96, "EPOCHS": 1, "N_DOCUMENTS": 80, "LAYERS": (1, 6)},
    "own_corpus": {"N_TICKETS": 200, "LAYERS": (6,)},
    "sentence_encoder": {"N_DOCUMENTS": 150, "LAYERS": (1, 6)},
}


def cells_of(path: Path) -> list[dict[str, Any]]:
    cells: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return cells


def test_there_are_all_and_each_is_run() -> None:
    assert {path.stem for path in NOTEBOOKS} == SMALL.keys()
    index = (ROOT / "docs" / "tutorials" / "index.md").read_text(encoding="utf-8")
    assert {name for name in SMALL if f"]({name}.md)" in index} == SMALL.keys()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_outputs_that_are_kept_are_of_one_run_without_an_error(path: Path) -> None:
    code = [cell for cell in cells_of(path) if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    outputs = [each for cell in code for each in cell["outputs"]]
    assert outputs
    assert {each["output_type"] for each in outputs} <= {"stream", "display_data", "execute_result"}
    text = json.dumps(outputs)
    assert not re.search(r"/(home|root|tmp|work)/", text), "a path of the machine that it was run on"
    assert not any(each.get("name") == "stderr" for each in outputs)
    assert path.stat().st_size < 1_500_000


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_text_has_no_figure_that_the_code_did_not_give(path: Path) -> None:
    """What is written between the code has no decimals of its own, which another run would belie."""
    text = "\n".join("".join(cell["source"]) for cell in cells_of(path) if cell["cell_type"] == "markdown")
    text = re.sub(r"(?s)`[^`]*`|\n    [^\n]*|\]\([^)]*\)", "", text)
    assert set(re.findall(r"\d+\.\d+", text)) <= {"0.5", "1.0"}  # chance and perfect


@pytest.mark.tutorial
@pytest.mark.timeout(900)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs(path: Path, tmp_path: Path) -> None:
    if missing := SCRIPT["lacking"](path.stem):
        pytest.skip(f"{', '.join(missing)} is not installed: docs/models.md has the two lines")
    SCRIPT["executed"](path, tmp_path, settings=SMALL[path.stem])
