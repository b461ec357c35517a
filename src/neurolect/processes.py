"""Start processes and end them; nothing else in neurolect does (Ray starts its own).

Each is a fresh interpreter, not a fork, since the parent may hold threads. It never imports the caller's main
module, so a script needs no ``if __name__ == "__main__":``. It ends with its parent, however that one ends. It is
deaf to Ctrl-C, which a terminal sends to the whole group of processes and the parent answers for all.
"""

import contextlib
import logging
import multiprocessing
import os
import pickle
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import resource_tracker, spawn
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import ForkingPickler
from types import FunctionType, SimpleNamespace
from typing import Any, TypeVar

from neurolect.errors import NeurolectError

T = TypeVar("T")
R = TypeVar("R")

FEWER_WORKERS = "There may be too little memory: use fewer workers."
"""What to do when a process died."""

# Several workers share the processor already. PyArrow's threads follow the first.
_ONE_THREAD = {
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    "TOKENIZERS_PARALLELISM": "false",
}


def in_order(
    function: Callable[[T], R],
    items: Iterable[T],
    *,
    workers: int,
    work: str,
    error: type[NeurolectError],
    begin: Callable[[], object] | None = None,
) -> Iterator[R]:
    """Give the results of a function in the order of the items, worked on by several processes, a few items ahead.

    `begin` is called in each process before its first item. `work` ends "One of 2 worker processes died while ...".
    """
    pool = ProcessPoolExecutor(
        workers, mp_context=CONTEXT, initializer=_begin_worker, initargs=(_log_levels(), _Later(begin or _nothing))
    )
    running: deque[Future[R]] = deque()
    try:
        for item in items:
            running.append(pool.submit(_call, function, item))
            if len(running) > 2 * workers:  # bounds the memory that a slow consumer costs
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
    except BrokenProcessPool as died:
        what = f"One of {workers} worker processes died while {work}."
        raise error(what, hint=FEWER_WORKERS) from died
    finally:
        # what still waits is not worked off first
        pool.shutdown(wait=True, cancel_futures=True)


def new_process(function: Callable[..., object], *arguments: object, name: str) -> BaseProcess:
    """Make a process, not started yet, that calls a function; see ``when_parent_ends`` for how it should end."""
    return CONTEXT.Process(target=_run, args=(_log_levels(), _Later(partial(function, *arguments))), name=name)


@contextlib.contextmanager
def meanwhile(function: Callable[[], object]) -> Iterator[None]:
    """Have another process call a function, unseen, while the block runs; it is killed at the end of the block."""
    process = new_process(_unseen, function, name="neurolect-meanwhile")
    process.start()
    try:
        yield
    finally:
        process.kill()
        process.join()


def when_parent_ends(act: Callable[[], object]) -> None:
    """Call a function, from a thread, once the process that started this one is no more."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait() -> None:
        # a process that the parent forked holds the sentinel's other end open: look at the number too
        while parent.is_alive() and os.getppid() == parent.pid:
            parent.join(timeout=1)
        act()

    threading.Thread(target=wait, name="neurolect-parent", daemon=True).start()


def _leave_with_parent() -> None:
    """Leave once the process that started this one is no more."""
    when_parent_ends(lambda: os._exit(1))
    parent = multiprocessing.parent_process()
    if sys.platform == "linux" and parent is not None:
        # The thread above waits for C code that holds the interpreter's lock; the system does not. Not prctl: that
        # reports the end of the thread that started this process.
        import fcntl

        with contextlib.suppress(OSError):
            fcntl.fcntl(parent.sentinel, fcntl.F_SETOWN, os.getpid())
            fcntl.fcntl(parent.sentinel, fcntl.F_SETSIG, signal.SIGKILL)
            flags = fcntl.fcntl(parent.sentinel, fcntl.F_GETFL)
            fcntl.fcntl(parent.sentinel, fcntl.F_SETFL, flags | os.O_ASYNC)


class _Later:
    """A call that a process unpickles, with all the imports that takes, only once it was made ready."""

    def __init__(self, function: Callable[[], object]) -> None:
        self._function = function

    def __getstate__(self) -> bytes:
        return bytes(ForkingPickler.dumps(self._function))

    def __setstate__(self, packed: bytes) -> None:
        self._packed = packed

    def call(self) -> None:
        """Unpickle the function and call it."""
        pickle.loads(self._packed)()


def _nothing() -> None:
    """Do nothing."""


def _log_levels() -> dict[str, int]:
    """Say which loggers of this process were given a level."""
    known = logging.root.manager.loggerDict.items()
    return {name: each.level for name, each in known if isinstance(each, logging.Logger) and each.level}


def _begin(log_levels: dict[str, int]) -> None:
    """Make a process deaf to Ctrl-C, and as quiet as its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    for name, level in log_levels.items():
        logging.getLogger(name).setLevel(level)


def _run(log_levels: dict[str, int], job: _Later) -> None:
    _begin(log_levels)
    job.call()


def _unseen(function: Callable[[], object]) -> None:
    _leave_with_parent()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    function()


_first_steps: list[_Later] = []


def _begin_worker(log_levels: dict[str, int], first_step: _Later) -> None:
    _begin(log_levels)
    os.environ.update(_ONE_THREAD)  # before NumPy is imported, which reads it once
    _leave_with_parent()
    _first_steps.append(first_step)


def _call(function: Callable[[T], R], item: T) -> R:
    """Call the function in a worker; an error of the worker's first step comes back like one of the function."""
    if _first_steps:
        _first_steps[0].call()
        _first_steps.clear()
    return function(item)


def _preparation_data(name: str) -> dict[str, object]:
    """Say what a process must know to start: as multiprocessing does, but for the main module."""
    data = spawn.get_preparation_data(name)
    return {key: value for key, value in data.items() if not key.startswith("init_main_from_")}


def _launcher() -> Callable[[BaseProcess], Any]:
    """Give multiprocessing's launcher with the function above in place of its own, for our processes alone."""
    if sys.platform == "win32":
        from multiprocessing.popen_spawn_win32 import Popen

        name = "__init__"
    else:
        from multiprocessing.popen_spawn_posix import Popen

        name = "_launch"
    theirs: FunctionType = getattr(Popen, name)
    own_spawn = SimpleNamespace(**{**vars(spawn), "get_preparation_data": _preparation_data})
    ours = FunctionType(theirs.__code__, {**theirs.__globals__, "spawn": own_spawn}, name)
    return type("Launcher", (Popen,), {name: ours})


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back in what is started: until `_begin` it would answer with a traceback."""
    if sys.platform == "win32":
        yield
        return
    resource_tracker.ensure_running()  # which lets Ctrl-C through again, so not below
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Process(SpawnProcess):
    @staticmethod
    def _Popen(process_obj: BaseProcess) -> Any:  # noqa: ANN401 - multiprocessing's name and type
        with _interrupts_held():
            return _launcher()(process_obj)


class _Context(SpawnContext):
    Process = _Process


CONTEXT = _Context()
"""For the pipes and arrays that processes share."""
