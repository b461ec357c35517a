"""Keep two processes from writing into one folder at a time."""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from neurolect.errors import RunFolderError

LOCK = ".lock"


@contextmanager
def only_here(folder: Path, *, doing: str, wait: bool = False) -> Iterator[None]:
    """Hold an existing folder while the block runs; refuse it where another process holds it, or wait for that.

    The system gives the lock back when a process ends, however it ends, so a killed one leaves none behind.
    ``.lock`` in the folder says who holds it, and goes with the block unless others may wait at it. ``doing`` names
    the stage.
    """
    path = folder / LOCK
    try:
        file = path.open("a+", encoding="utf-8")
    except OSError as error:
        what = f"{folder} cannot be written to: {error.strerror}."
        raise RunFolderError(what, hint="Copy the folder to a place that you may write to.") from error
    with file:
        if not _locked(file, wait=wait):
            file.seek(0)
            what = f"{folder} is being written by another process ({file.read().strip() or 'just started'})."
            raise RunFolderError(what, hint="Wait for it, stop it, or work on a copy of the folder.")
        file.truncate(0)
        file.write(f"process {os.getpid()} on {platform.node()}, {doing}\n")
        file.flush()
        try:
            yield
        finally:
            if not wait:  # one that waits holds the file that is there, not its name
                with suppress(OSError):  # a lock that nobody holds is in nobody's way
                    path.unlink(missing_ok=True)


def _locked(file: TextIO, *, wait: bool) -> bool:
    """Try to lock an open file; where the system has no such locks, nothing is kept apart."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True
