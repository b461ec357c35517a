"""Save and load an unfinished pass."""

import logging
import statistics
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.collector.state import CollectState, Plan
from neurolect.errors import FormatVersionError, NeurolectError
from neurolect.folders.npz import OF, opened_npz, write_npz

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)

_MAX_COST = 0.02
_BYTES_PER_SECOND = 2e8
"""Of a slow disk, to guess what the first checkpoint costs."""
# To be raised whenever a part of the state gives other arrays than before.
_LAYOUT = 2
_MIXED_LAYOUT = 3


class Position(NamedTuple):
    """Where the pass is: the next batch to be fed, and whether the chunk's batches are in a mixed order."""

    chunk: int
    batch: int
    mixed: bool = False


class Checkpoints:
    """The checkpoint of a run folder and the clock that says when the next one is due.

    ``least_seconds``: Least time between two checkpoints. Writing that takes long stretches it so that it costs at
        most 2 %.
    """

    def __init__(self, folder: Path, *, least_seconds: float, n_bytes: int = 0) -> None:
        self._path = folder / "checkpoint" / "state.npz"
        self._least = least_seconds
        self._first_cost = n_bytes / _BYTES_PER_SECOND
        self._last = time.monotonic()
        self._costs: deque[float] = deque(maxlen=3)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="neurolect-checkpoint")
        self._writing: Future[None] | None = None

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self.wait()
        except NeurolectError as error:
            if kind is None:
                raise
            logger.warning("The last checkpoint could not be kept: %s", error.what)

    @property
    def due(self) -> bool:
        """Whether it is time for the next one."""
        # of the last three, so that one that met a busy disk does not put the next off for half an hour
        cost = statistics.median(self._costs) if self._costs else self._first_cost
        return time.monotonic() - self._last >= max(self._least, cost / _MAX_COST)

    def save(self, state: CollectState, position: Position, *, wait: bool = True) -> None:
        """Write the checkpoint; the last one is replaced once this one is whole.

        ``wait``: Otherwise a state that is kept on a GPU is copied, and written while the pass goes on; an error is
            raised by the next call, or by :meth:`wait`.
        """
        start = time.monotonic()
        self.wait()
        if wait or not _copies(state):
            save_state(self._path, state, position)
        else:
            self._writing = self._writer.submit(write_npz, self._path, _arrays_of(state, position))
        self._last = time.monotonic()
        self._costs.append(self._last - start)

    def wait(self) -> None:
        """Wait for a checkpoint that is being written."""
        if self._writing is not None:
            writing, self._writing = self._writing, None
            writing.result()

    def load(
        self, plan: Plan, *, device: "torch.device | None" = None, spilled: bool = False
    ) -> tuple[CollectState, Position] | None:
        """Read the checkpoint."""
        if not self._path.is_file():
            return None
        return load_state(self._path, plan, device=device, spilled=spilled)

    def remove(self) -> None:
        """Remove the checkpoint of a finished run."""
        self.wait()
        self._path.unlink(missing_ok=True)
        if self._path.parent.is_dir():
            self._path.parent.rmdir()


def save_state(path: Path, state: CollectState, position: Position) -> None:
    """Write a state; a file that is there is replaced once the new one is whole."""
    write_npz(path, _arrays_of(state, position))


def _copies(state: CollectState) -> bool:
    """Say whether the arrays a state gives stay as they are while it goes on."""
    return state.device is not None and state.device.type == "cuda"


def _arrays_of(state: CollectState, position: Position) -> dict[str, Any]:
    chunk, batch, is_mixed = position
    layout = _MIXED_LAYOUT if is_mixed and batch else _LAYOUT  # what earlier versions would read in another order
    return {"layout": np.array(layout), "position": np.array([chunk, batch]), **state.to_arrays()}


def load_state(
    path: Path, plan: Plan, *, device: "torch.device | None" = None, spilled: bool = False
) -> tuple[CollectState, Position]:
    """Read a state."""
    arrays, position = load_arrays(path)
    return CollectState.from_arrays(arrays, plan=plan, device=device, spilled=spilled), position


def load_arrays(path: Path) -> tuple[dict[str, NDArray[np.generic]], Position]:
    """Read a state as arrays."""
    with opened_npz(path) as file:
        # there was no number in the first
        layout = int(file["layout"]) if "layout" in file.files else 1
        if layout not in (_LAYOUT, _MIXED_LAYOUT):
            what = f"{path} has layout {layout} of an unfinished pass; this neurolect reads layout {_LAYOUT} only."
            run = path.parents[1]
            hint = f"Finish it with the version named in {run / 'manifest.json'}, or remove {run} and start again."
            raise FormatVersionError(what, hint=hint)
        arrays = {name: file[name] for name in file.files if name not in ("layout", OF)}
    chunk, batch = (int(each) for each in arrays.pop("position"))
    return arrays, Position(chunk, batch, layout == _MIXED_LAYOUT)
