"""A model folder that is there whole or not at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from neurolect.errors import VariantError

__all__ = ["check_free", "new_folder"]


def check_free(out: Path) -> None:
    """Refuse a place where something is.

    Parameters
    ----------
    out : Path
        The folder to be made.

    Raises
    ------
    VariantError
        If there is a file or a folder that is not empty.
    """
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        what = f"{out} is there already; nothing is overwritten."
        raise VariantError(what, expected="a folder that does not exist yet", hint="give another --out")


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """Give a temporary sibling that becomes ``out`` if the block succeeds, and vanishes if not.

    Parameters
    ----------
    out : Path
        The folder to make.

    Yields
    ------
    Path
        Where to write.

    Raises
    ------
    VariantError
        If ``out`` is taken or cannot be written to.
    """
    check_free(out)
    temporary = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        try:
            temporary.mkdir(parents=True)
        except OSError as error:
            what = f"{out} cannot be made: {error.strerror}."
            raise VariantError(what, hint="give another --out") from error
        yield temporary
        check_free(out)
        if out.is_dir():
            out.rmdir()  # empty
        temporary.rename(out)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
