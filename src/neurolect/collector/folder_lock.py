"""Keep two processes from collecting into one run folder at a time."""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from neurolect.errors import CollectError

__all__ = ["only_here"]


@contextmanager
def only_here(folder: Path) -> Iterator[None]:
    """Hold a run folder while the block runs.

    The system gives the lock back when a process ends, however it ends, so a killed one leaves none behind.

    Parameters
    ----------
    folder : Path
        An existing folder; ``.collect.lock`` in it says who holds it, and goes with the block.

    Yields
    ------
    None
        Once it is held.

    Raises
    ------
    CollectError
        If another process holds it.
    """
    path = folder / ".collect.lock"
    with path.open("a+", encoding="utf-8") as file:
        if not _locked(file):
            file.seek(0)
            what = f"{folder} is being collected by another process ({file.read().strip() or 'just started'})."
            raise CollectError(what, hint="Wait for it, stop it, or give another --out.")
        file.truncate(0)
        file.write(f"process {os.getpid()} on {platform.node()}\n")
        file.flush()
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _locked(file: TextIO) -> bool:
    """Try to lock an open file; where the system has no such locks, nothing is kept apart."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
