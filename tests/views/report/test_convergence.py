import shutil
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from neurolect.errors import RunFolderError
from neurolect.store import Run, open_run
from neurolect.views.report.convergence import HEIGHT, WIDTH, convergence_panels, convergence_picture, panel

SIZES = [100, 200, 400]


@pytest.fixture
def watched(example_run: Run, tmp_path: Path) -> Run:
    """A copy of the example that was looked at three times."""
    folder = tmp_path / "run"
    shutil.copytree(example_run.folder, folder)
    (folder / "convergence").mkdir()
    steps = {
        "n_sentences": SIZES,
        "n_new": [100, 100, 200],
        "expected_churn": [1.0, 0.5, 0.5],
        "churn_top": [1.0, 0.4, 0.3],
        "churn_bottom": [1.0, 0.6, 0.5],
        "stability": pa.array([None, 0.5, 0.75], pa.float64()),
        "share_settled": pa.array([None, 0.25, 0.5], pa.float64()),
    }
    pq.write_table(pa.table(steps), folder / "convergence" / "steps.parquet")
    moments = example_run.neurons().select(["mean", "std"]).to_pydict()
    rows = [
        (neuron, side, size, None if place == 0 else mean + sign * place * std)
        for neuron, (mean, std) in enumerate(zip(moments["mean"], moments["std"], strict=True))
        for side, sign in (("top", 1), ("bottom", -1))
        for place, size in enumerate(SIZES)
    ]
    names = ("neuron_id", "side", "n_sentences", "threshold")
    columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    pq.write_table(pa.table(columns), folder / "convergence" / "neurons.parquet")
    return open_run(folder)


def test_lines_hold_the_values_in_their_places(watched: Run) -> None:
    new, kept, reach = convergence_panels(watched)
    assert [line.style for line in new.lines] == ["top", "bottom", "chance"]
    assert [mark[2] for mark in new.lines[0].marks] == ["100: 100%", "200: 40%", "400: 30%"]
    assert new.lines[0].points == f"{WIDTH / 4},0.0 {WIDTH / 2},{HEIGHT * 0.6} {WIDTH},{HEIGHT * 0.7}"
    assert [mark[2] for mark in kept.lines[0].marks] == ["200: 50%", "400: 75%"]
    heights = [HEIGHT - y for line in reach.lines for _, y, _ in line.marks]
    np.testing.assert_allclose(heights, [HEIGHT / 2.2, HEIGHT / 1.1] * 2, atol=0.1)


def test_a_chart_without_values_has_its_scale_still() -> None:
    made = panel("Nothing", [1, 2], [("top", "top lists", [None, None])], top=None, share=False)
    assert made.lines[0].points == ""
    assert made.ticks[0] == (HEIGHT, "0")


def test_a_run_without_a_monitor_has_no_figure(example_run: Run) -> None:
    assert convergence_panels(example_run) == []


def test_the_picture_shows_every_value_of_the_panels(watched: Run) -> None:
    path = watched.folder / "convergence" / "steps.parquet"
    steps = pq.read_table(path)
    few = pa.array([None, 0.0004, 0.5], pa.float64())  # "<.1%" must be escaped
    pq.write_table(steps.set_column(steps.column_names.index("share_settled"), "share_settled", few), path)
    root = ElementTree.fromstring(convergence_picture(watched))
    name = "{http://www.w3.org/2000/svg}"
    panels = convergence_panels(watched)
    titles = [each.text for each in root.iter(f"{name}title")]
    assert titles == [f"{line.label}, {mark[2]}" for each in panels for line in each.lines for mark in line.marks]
    texts = [each.text for each in root.iter(f"{name}text")]
    assert {each.title for each in panels} <= set(texts)
    assert texts.count("400 sentences") == 3
    width, height = (float(root.attrib[side]) for side in ("width", "height"))
    for circle in root.iter(f"{name}circle"):
        assert 0 <= float(circle.attrib["cx"]) <= width
        assert 0 <= float(circle.attrib["cy"]) <= height


def test_what_was_not_looked_at_cannot_be_drawn(example_run: Run) -> None:
    with pytest.raises(RunFolderError, match="fewer than three times"):
        convergence_picture(example_run)
