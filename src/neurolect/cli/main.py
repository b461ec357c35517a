"""Run the command line; errors raised on purpose become one message and an exit code."""

import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from neurolect.cli.app import app, echo
from neurolect.errors import InterruptedRunError, NeurolectError
from neurolect.folders.parts import removed_last
from neurolect.visible import visible

READING = frozenset({"convergence", "find", "report", "show", "verify"})
"""Verbs that only read a run folder."""
_STOPPED = 130  # the exit code of a shell's Ctrl-C


@contextmanager
def _stop_like_interrupt() -> Iterator[None]:
    """Let a scheduler's SIGTERM unwind as Ctrl-C does, so that temporary folders and processes are tidied up."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class _NoPandas:
    """Finds every module but one."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        """Answer as if pandas were not installed."""
        if name == "pandas":
            raise ModuleNotFoundError(name)


def _leave_pandas_out() -> None:
    """Let pyarrow decide that there is no pandas: importing it takes longer than a search."""
    if "pandas" in sys.modules:
        return
    import pyarrow as pa

    sys.meta_path.insert(0, _NoPandas)
    pa.array([0])  # pyarrow looks for it once
    sys.meta_path.remove(_NoPandas)


class _Visible(logging.Formatter):
    """Spells out what a terminal would act on."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a message."""
        return visible(super().format(record))


def quiet_first(arguments: list[str]) -> None:
    """Move ``--quiet`` to where the app looks for it: people write it after the verb."""
    if "--quiet" in arguments[2:]:
        arguments.remove("--quiet")
        arguments.insert(1, "--quiet")


def main(run: Callable[..., None] = app) -> None:
    """Run the command line; errors raised on purpose become one message and an exit code.

    Parameters
    ----------
    run : callable
        What is run; the app.
    """
    lines = logging.StreamHandler(sys.stderr)
    lines.setFormatter(_Visible("%(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[lines])
    logging.getLogger("neurolect").setLevel(logging.INFO)
    # gensim reports every word of one rare character, the hub of every try to reach it, twice
    for name in ("gensim", "huggingface_hub"):
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        if run is app and READING.intersection(sys.argv[1:2]):  # a process of its own, not a part of another one
            _leave_pandas_out()
        if run is app:
            quiet_first(sys.argv)
        with _stop_like_interrupt(), removed_last():
            run()
    except InterruptedRunError as error:
        echo(f"\n{error}", err=True)
        sys.exit(_STOPPED)
    except NeurolectError as error:
        echo(f"neurolect: {error}", err=True)
        sys.exit(1)
    except OSError as error:
        # what the system refuses at a place where nobody expected it
        echo(f"neurolect: The system says: {error}", err=True)
        sys.exit(1)
    except SystemExit as left:
        if left.code == _STOPPED:  # what typer does on KeyboardInterrupt
            hint = "Give the same command again; stages that are finished are not done again."
            echo(f"\nStopped.\nHint: {hint}", err=True)
        raise
