import pyarrow as pa
import pytest

from neurolect.finding import find
from neurolect.store import Run
from neurolect.views.texts.rankings import cells, found_text


@pytest.mark.parametrize("width", [80, 100, 200])
def test_every_column_is_there_and_no_line_too_long(example_run: Run, width: int) -> None:
    lines = found_text(find(example_run, word="the"), width=width).splitlines()
    assert lines[0].split() == [
        "neuron",
        "side",
        "evidence",
        "in",
        "list",
        "usual",
        "lift",
        "log-odds",
        "z",
        "its",
        "name",
    ]
    assert len(lines) == 12
    assert max(map(len, lines)) <= width


def test_a_long_name_ends_in_an_ellipsis_and_wide_characters_count_twice() -> None:
    row = {
        "address": "hidden.1.2", "side": "top", "evidence": "\u97f3\u697d", "name": "a name " * 20 + "\x1b[31m",
        "n_list": 1,
        "share_list": 0.5, "share_background": 0.1, "lift": 5.0, "log_odds_z": 3.0, "fidelity": 0.93,
    }  # fmt: skip
    lines = found_text(pa.Table.from_pylist([row]), width=80).splitlines()
    assert lines[2].endswith("\u2026")
    assert cells(lines[2]) <= 80
    assert "0.93" in lines[2]
    assert "\x1b" not in found_text(pa.Table.from_pylist([row]), width=400)
