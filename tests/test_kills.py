"""Every verb that writes, killed at random moments, leaves what an undisturbed one does. A new verb adds a row."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.command_line import verbs
from tests.kill_table import NOT_KILLED, ONLY_STOPPED, ROWS

ROOT = Path(__file__).parent.parent
MANY, FEW = 20, 5
LONG = ("prepare", "collect", "describe", "fidelity")
GOES_ON = ("edit ablate", "edit ablate (groups)", "edit switch", "edit dream", "edit cause", "compare (streamed)")
"""Verbs that call the network for nothing again but the trial of each start and what a call in work begins with."""
FEW_CALLS = 12
ONCE = ("prepare", "variant", "subset")
"""Verbs that refuse a folder that is whole, even if they were stopped just after it was."""


def test_every_verb_has_a_row() -> None:
    assert set(verbs()) == {*ROWS, *NOT_KILLED}


def rows_of(module: str, *given: str) -> list[dict[str, Any]]:
    """Run a table in a process of its own; its rows."""
    done = subprocess.run(
        [sys.executable, "-m", f"tests.{module}", *given],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return list(map(json.loads, done.stdout.splitlines()))


@pytest.mark.parametrize(
    "verb", ["edit switch", *(pytest.param(verb, marks=pytest.mark.slow) for verb in [*ROWS, *ONLY_STOPPED])]
)
def test_ctrl_c_at_chosen_events_changes_nothing(verb: str, tmp_path: Path) -> None:
    rows = rows_of("stop_table", verb, "0.1,0.5,0.9", str(tmp_path))
    print(verb, *rows, sep="\n")
    assert len(rows) == 3
    for row in rows:
        # 0: the event came after what this start had to do
        assert row["status"] in (0, 130), row
        assert not row["traceback"], row
        refused = verb in ONCE and " already" in row.get("said", "").partition("Stopped.")[2]
        assert row["again"] == (1 if refused else 0), row
        assert row["differ"] == (["said.txt"] if refused else []), row
        assert row["kept"] == [], row
        if verb in GOES_ON and row["status"]:
            assert row["calls_twice"] <= FEW_CALLS, row
    assert any(row["status"] == 130 for row in rows)


@pytest.mark.parametrize(
    ("verb", "n_kills"),
    [
        ("describe", 1),
        *(pytest.param(verb, MANY if verb in LONG else FEW, marks=pytest.mark.slow) for verb in ROWS),
    ],
)
def test_kills_change_nothing(verb: str, n_kills: int, tmp_path: Path) -> None:
    *kills, end = rows_of("kill_table", verb, str(n_kills), "0", str(tmp_path))
    print(verb, *kills, sep="\n")
    assert end.get("same"), f"{kills}\n{end}"
    assert len(kills) == n_kills
    # 130: stopped by a signal that it handles; 1: before it could
    assert {kill["status"] for kill in kills} <= {0, -9, -2, -15, 130, 1}
    assert all(kill["seconds"] < 0.5 for kill in kills if kill["status"] == 1)
    if n_kills == MANY:
        assert sum(kill["status"] != 0 for kill in kills) > MANY / 2, "most starts ended before they were killed"
