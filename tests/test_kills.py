"""Every verb that writes, killed at random moments, leaves what an undisturbed one does. A new verb adds a row."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command_line import verbs
from tests.kill_table import NOT_KILLED, ROWS

ROOT = Path(__file__).parent.parent
MANY, FEW = 20, 5
LONG = ("prepare", "collect", "describe", "fidelity")


def test_every_verb_has_a_row() -> None:
    assert set(verbs()) == {*ROWS, *NOT_KILLED}


@pytest.mark.parametrize(
    ("verb", "n_kills"),
    [
        ("describe", 1),
        *(pytest.param(verb, MANY if verb in LONG else FEW, marks=pytest.mark.slow) for verb in ROWS),
    ],
)
def test_kills_change_nothing(verb: str, n_kills: int, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.kill_table", verb, str(n_kills), "0", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *kills, end = map(json.loads, done.stdout.splitlines())
    print(verb, *kills, sep="\n")
    assert end.get("same"), f"{kills}\n{end}"
    assert len(kills) == n_kills
    # 130: stopped by a signal that it handles; 1: before it could
    assert {kill["status"] for kill in kills} <= {0, -9, -2, -15, 130, 1}
    assert all(kill["seconds"] < 0.5 for kill in kills if kill["status"] == 1)
    if n_kills == MANY:
        assert sum(kill["status"] != 0 for kill in kills) > MANY / 2, "most starts ended before they were killed"
