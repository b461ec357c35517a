"""How many threads a forward pass takes: the last bits of matrix products depend on it."""

import ctypes
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import FrameType

import pyarrow as pa
import torch

from neurolect.collector.options import CollectOptions
from neurolect.progress import Progress
from neurolect.store.manifest import read_manifest

logger = logging.getLogger(__name__)
_SETTING = "OMP_NUM_THREADS"


def threads_used(device_type: str) -> int | None:
    """Say how many threads PyTorch computes with."""
    return torch.get_num_threads() if device_type == "cpu" else None


@contextmanager
def threads_of(folder: Path, *, progress: Progress) -> Iterator[None]:
    """Compute with as many threads as a run was started with, while the block runs."""
    now = torch.get_num_threads()
    then = read_manifest(folder)["model"].get("threads") or now
    if then == now:
        yield
        return
    progress.message(f"The run was started with {then} threads; it resumes with as many, not {now}.")
    torch.set_num_threads(then)
    try:
        yield
    finally:
        torch.set_num_threads(now)


def threads_each(n_cores: float, *, environment: Mapping[str, str] | None = None) -> int:
    """Say how many threads a worker with some cores of its own computes with.

    ``environment``: Where ``OMP_NUM_THREADS`` is looked up, which has the last word; the process's own when not
        given.

    Examples
    --------
    >>> threads_each(2.5, environment={}), threads_each(8, environment={"OMP_NUM_THREADS": "4"})
    (2, 4)
    """
    said = (os.environ if environment is None else environment).get(_SETTING, "").split(",")[0]
    return max(1, int(said) if said.isdecimal() else int(n_cores))


def share_tokenizers(options: CollectOptions, *, device: str, n_cores: float) -> CollectOptions:
    """Let a worker with a GPU tokenize in as many processes as it has cores to spare, unless a number is set."""
    if options.workers is not None or not device.startswith("cuda"):
        return options
    return replace(options, workers=max(1, min(15, int(n_cores) - 1)))


def n_own_cores() -> int:
    """Count the cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_AGAIN = "Once more stops at once, and what was read since the last checkpoint is read again."


# Notice Ctrl-C or a scheduler's SIGTERM, and stop between two batches.
class StopRequest:
    """Whether somebody asked to stop.

    ``patient``: Whether a second signal is as good as the first. A worker is asked to stop by the process that
        started it, and often by the terminal or the scheduler too.
    ``name``: ``SIGINT`` or ``SIGTERM`` once asked, or who else asked.
    """

    def __init__(self, *, patient: bool = False) -> None:
        self.name: str | None = None
        self._patient = patient

    def ask(self, number: int, _frame: FrameType | None) -> None:
        """Remember the request; a second one stops at once unless this one is patient."""
        if self.name is not None and not self._patient:
            raise KeyboardInterrupt
        if self.name is None:
            self.name = signal.Signals(number).name
            if not self._patient:
                logger.info("%s: stopping after the batch that runs; what was read is kept. %s", self.name, _AGAIN)


@contextmanager
def stop_requests(*, patient: bool = False) -> Iterator[StopRequest]:
    """Catch SIGINT and SIGTERM while the block runs; the handlers before are put back.

    ``patient``: Whether a second signal is as good as the first.
    Yields: To look at between two batches. Outside the main thread nothing is caught.
    """
    request = StopRequest(patient=patient)
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    before = {number: signal.signal(number, request.ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


# Give back to the system the memory that allocators keep for later.
#
# The many short-lived arrays of a pass leave holes between what is kept; allocators hold on to them, and the
# resident size of a process grows although nothing in it does.
def release_memory() -> None:
    """Ask the C library, where it is GNU's, and Arrow for what they do not use; it takes some 10 ms."""
    _trim()(0)
    pa.default_memory_pool().release_unused()


@cache
def _trim() -> Callable[[int], int]:
    """Find the function; one that does nothing where the C library has none."""
    if sys.platform != "linux":
        return _nothing
    found = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if found is None:
        return _nothing
    found.argtypes, found.restype = [ctypes.c_size_t], ctypes.c_int
    trim: Callable[[int], int] = found
    return trim


def _nothing(_kept: int) -> int:
    return 0
