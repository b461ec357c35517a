"""Save and load an unfinished pass."""

import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from neurolect.atomic import replacing
from neurolect.collector.state import CollectState, Plan

__all__ = ["Checkpoints", "Position"]

_MAX_COST = 0.02


class Position(NamedTuple):
    """Where the pass stands: the next batch to be fed.

    Attributes
    ----------
    chunk : int
        Its chunk.
    batch : int
        Its number in the chunk.
    """

    chunk: int
    batch: int


class Checkpoints:
    """The checkpoint of a run folder and the clock that says when the next one is due.

    Parameters
    ----------
    folder : Path
        The run folder.
    least_seconds : float
        Least time between two checkpoints. Writing that takes long stretches it so that it costs at most 2 %.
    """

    def __init__(self, folder: Path, *, least_seconds: float) -> None:
        self._path = folder / "checkpoint" / "state.npz"
        self._least = least_seconds
        self._last = time.monotonic()
        self._cost = 0.0

    @property
    def due(self) -> bool:
        """Whether it is time for the next one."""
        return time.monotonic() - self._last >= max(self._least, self._cost / _MAX_COST)

    def save(self, state: CollectState, position: Position) -> None:
        """Write the checkpoint; the last one is replaced once this one is whole.

        Parameters
        ----------
        state : CollectState
            The state after all batches before ``position``.
        position : Position
            Where to go on.

        Raises
        ------
        NeurolectError
            If the disk is full; the last checkpoint is still there.
        """
        start = time.monotonic()
        arrays: dict[str, Any] = {"position": np.array(position), **state.to_arrays()}
        with replacing(self._path) as temporary, temporary.open("wb") as file:
            np.savez(file, **arrays)
        self._last = time.monotonic()
        self._cost = self._last - start

    def load(self, plan: Plan) -> tuple[CollectState, Position] | None:
        """Read the checkpoint.

        Parameters
        ----------
        plan : Plan
            As the state was made with.

        Returns
        -------
        tuple of CollectState and Position, or None
            None when there is none.
        """
        if not self._path.is_file():
            return None
        with np.load(self._path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        chunk, batch = (int(each) for each in arrays.pop("position"))
        return CollectState.from_arrays(arrays, plan=plan), Position(chunk, batch)

    def remove(self) -> None:
        """Remove the checkpoint of a finished run."""
        self._path.unlink(missing_ok=True)
        if self._path.parent.is_dir():
            self._path.parent.rmdir()
