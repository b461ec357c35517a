"""Checkpoints are written at least so many seconds apart, and more rarely where they take long."""

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from neurolect.collector import checkpoint
from neurolect.collector.checkpoint import Checkpoints, Position, load_arrays, save_state
from neurolect.errors import FormatVersionError, NeurolectError
from neurolect.folders.npz import write_npz

NO_STATE: Any = None


class Clock:
    """A clock that is still but for what a test lets pass."""

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


def test_the_first_checkpoint_of_large_lists_waits_until_it_is_worth_its_cost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(checkpoint, "time", clock)
    small = Checkpoints(tmp_path, least_seconds=60, n_bytes=37_000_000)
    large = Checkpoints(tmp_path, least_seconds=60, n_bytes=1_500_000_000)  # 7.5 s on a slow disk
    clock.now += 60
    assert is_due(small)
    assert not is_due(large)
    clock.now += 314
    assert not is_due(large)
    clock.now += 1
    assert is_due(large)


class GpuState:
    """A state on a GPU, whose arrays are copies."""

    device = torch.device("cuda")

    def __init__(self, value: int) -> None:
        self.value = value

    def to_arrays(self) -> dict[str, NDArray[np.int64]]:
        return {"value": np.array(self.value)}


def saved_value(folder: Path) -> int:
    with np.load(folder / "checkpoint" / "state.npz") as file:
        return int(file["value"])


def test_a_state_on_a_gpu_is_written_while_the_pass_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_write, write = threading.Event(), write_npz

    def slowly(path: Path, arrays: dict[str, Any]) -> None:
        assert may_write.wait(timeout=60)
        write(path, arrays)

    monkeypatch.setattr(checkpoint, "write_npz", slowly)
    checkpoints = Checkpoints(tmp_path, least_seconds=60)
    state: Any = GpuState(1)
    checkpoints.save(state, Position(1, 0), wait=False)
    state.value = 2  # the pass goes on
    assert not (tmp_path / "checkpoint" / "state.npz").exists()
    may_write.set()
    with checkpoints:
        pass
    assert saved_value(tmp_path) == 1
    checkpoints.save(state, Position(2, 0), wait=False)
    state.value = 3
    checkpoints.save(state, Position(3, 0))
    assert saved_value(tmp_path) == 3
    checkpoints.remove()
    assert not (tmp_path / "checkpoint").exists()


def test_an_error_of_the_writer_is_raised_by_the_next_call(tmp_path: Path) -> None:
    (tmp_path / "checkpoint").write_text("a file where a folder belongs")
    checkpoints = Checkpoints(tmp_path, least_seconds=60)
    state: Any = GpuState(1)
    checkpoints.save(state, Position(1, 0), wait=False)
    with pytest.raises(NeurolectError, match="could not be written"):
        checkpoints.save(state, Position(2, 0), wait=False)


def test_a_state_of_another_layout_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run" / "checkpoint" / "state.npz"
    path.parent.mkdir(parents=True)
    state: Any = SimpleNamespace(to_arrays=lambda: {"part.values": np.arange(3)})
    save_state(path, state, Position(4, 2))
    arrays, position = load_arrays(path)
    assert list(arrays) == ["part.values"]
    assert position == Position(4, 2)
    for layout in (1, 99):
        written: dict[str, Any] = {"position": np.array([4, 2])} | ({} if layout == 1 else {"layout": layout})
        np.savez(path, **written)
        with pytest.raises(FormatVersionError, match=rf"layout {layout} of .*layout 2 only(?s:.*)remove .*run "):
            load_arrays(path)
