"""Write files so that a reader sees the old one or the whole new one, never a part.

Every writer here writes to a hidden sibling, flushes it to the disk and renames it into place.
"""

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from neurolect.errors import NeurolectError

__all__ = ["remove_leftovers", "replacing", "write_json", "write_npy", "write_table", "write_text"]

_FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path`` and rename it into place if the block succeeds.

    Parameters
    ----------
    path : Path
        The file to write; its folder is made if missing.

    Yields
    ------
    Path
        Where to write. After the block it has become ``path``; after an error it is removed.

    Raises
    ------
    NeurolectError
        If the disk is full, the place cannot be written to, or a folder stands in it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _not_written(path, error) from error
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise _not_written(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def _not_written(path: Path, error: OSError) -> NeurolectError:
    """Say why a file could not be written."""
    # NumPy tells that fewer bytes were written than it asked for, and not why
    if error.errno in _FULL or (error.errno is None and "requested and" in str(error)):
        what = f"The disk is full: {path} could not be written."
        return NeurolectError(what, hint="Free some space or give another --out, then run the same command again.")
    if isinstance(error, PermissionError):
        what = f"No permission to write {path}."
        return NeurolectError(what, hint="Choose an --out that you may write to.")
    what = f"{path} could not be written: {error.strerror or error}."
    return NeurolectError(what, hint="Choose another --out.")


def remove_leftovers(folder: Path) -> int:
    """Remove the temporary files that killed processes left in a folder.

    Parameters
    ----------
    folder : Path
        It is searched with all folders in it.

    Returns
    -------
    int
        Files removed. Those of processes still running on this machine are left.
    """
    n_removed = 0
    for path in sorted(folder.rglob(".*.tmp")):
        number = path.name.split(".")[-2]
        if number.isdecimal() and (int(number) == os.getpid() or not _is_running(int(number))):
            path.unlink(missing_ok=True)
            n_removed += 1
    return n_removed


def _is_running(process: int) -> bool:
    """Say whether a process of this number is there."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file atomically.

    Parameters
    ----------
    path : Path
        The file.
    text : str
        Its content.
    """
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write a JSON object atomically, indented, non-ASCII kept.

    Parameters
    ----------
    path : Path
        The file.
    value : dict
        JSON-able; NaN and infinity are refused.
    """
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_npy(path: Path, array: np.ndarray[Any, Any]) -> None:
    """Write one array as ``.npy`` atomically.

    Parameters
    ----------
    path : Path
        The file.
    array : ndarray
        Any plain dtype; no objects.
    """
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.save(file, array, allow_pickle=False)


def write_table(path: Path, table: pa.Table, *, row_group_size: int = 1 << 17) -> None:
    """Write one Arrow table as Parquet (zstd) atomically.

    Parameters
    ----------
    path : Path
        The file.
    table : pyarrow.Table
        What to write.
    row_group_size : int
        Rows a row group; readers of one neuron read one or two groups.
    """
    with replacing(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", row_group_size=row_group_size)
