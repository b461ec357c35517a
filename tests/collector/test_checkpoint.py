"""Checkpoints are written at least so many seconds apart, and more rarely where they take long."""

from pathlib import Path
from typing import Any

import pytest

from neurolect.collector import checkpoint
from neurolect.collector.checkpoint import Checkpoints, Position

NO_STATE: Any = None


class Clock:
    """A clock that stands still but for what a test lets pass."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


def is_due(checkpoints: Checkpoints) -> bool:
    return checkpoints.due


def test_writing_costs_at_most_a_fiftieth_and_one_slow_write_is_forgiven(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    costs = iter([3.0, 3.0, 100.0])

    def save(path: Path, state: object, position: Position) -> None:
        clock.now += next(costs)

    monkeypatch.setattr(checkpoint, "time", clock)
    monkeypatch.setattr(checkpoint, "save_state", save)
    checkpoints = Checkpoints(tmp_path, least_seconds=60)
    clock.now += 59
    assert not is_due(checkpoints)
    clock.now += 1
    for _ in range(3):
        assert is_due(checkpoints)
        checkpoints.save(NO_STATE, Position(0, 0))
        clock.now += 149
        assert not is_due(checkpoints)
        clock.now += 1
    assert is_due(checkpoints)
