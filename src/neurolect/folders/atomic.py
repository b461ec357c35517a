"""Write files and folders so that a reader sees the old one or the whole new one, never a part.

Every writer here writes to a hidden sibling, flushes it to the disk and renames it into place. A hidden name says
whose it is: ``.NAME.COMPUTER-PROCESS.tmp``. What killed processes left goes when the next one writes next to it.
"""

import contextlib
import errno
import hashlib
import json
import os
import platform
import re
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from neurolect.errors import NeurolectError
from neurolect.folders.compact import encodings
from neurolect.folders.parquet import CHECKED

_FULL = (errno.ENOSPC, errno.EDQUOT)
_HIDDEN = re.compile(r"\.(?P<name>.*)\.(?P<computer>[0-9a-f]{8})-(?P<process>[0-9]+)\.(?P<kind>tmp|old)")
_in_use: set[Path] = set()
_tidied: set[Path] = set()


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary file's path, and rename the file to ``path`` if the block succeeds; make its folder."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if (folder := path.parent.absolute()) not in _tidied:
            _tidied.add(folder)
            remove_leftovers(folder)
        with _hidden(path) as temporary:
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            temporary.replace(path)
    except OSError as error:
        raise _not_written(path, error, NeurolectError) from error


def check_writable(path: Path) -> None:
    """Refuse a place that no file can be written to, before long work; nothing is left there."""
    there = next(each for each in path.absolute().parents if each.exists())
    try:
        with _hidden(there / path.name) as temporary:
            temporary.touch()
    except OSError as error:
        raise _not_written(path, error, NeurolectError) from error


@contextlib.contextmanager
def replacing_folder(folder: Path, *, error: type[NeurolectError], fresh: bool = False) -> Iterator[Path]:
    """Give a temporary folder that becomes ``folder`` if the block succeeds, in place of what is there.

    ``fresh``: Refuse what came to be there meanwhile instead, an empty folder excepted.
    """
    elsewhere: OSError | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(folder.parent)
        with _hidden(folder) as temporary, _hidden(folder, kind="old") as old:
            temporary.mkdir()
            try:
                yield temporary
            except OSError as raised:
                elsewhere = None if _is_within(raised, temporary) else raised
                raise
            if fresh:
                _move_to_free_place(temporary, folder, error)
                return
            if folder.exists():
                folder.replace(old)
            temporary.replace(folder)
    except (OSError, NeurolectError) as failed:
        if failed is elsewhere or (isinstance(failed, NeurolectError) and not _is_full(failed)):
            raise
        raise _not_written(folder, failed, error) from failed


def _move_to_free_place(folder: Path, to: Path, kind: type[NeurolectError]) -> None:
    """Rename a folder; the system refuses to put one over another that has something in it."""
    try:
        folder.rename(to)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            raise
        what = f"{to} was made by another process meanwhile; nothing is overwritten."
        raise kind(what, hint="Give another --out.") from error


def temporary_folder() -> Path:
    """Give the system's folder of temporary files."""
    return Path(tempfile.gettempdir())


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """Give a folder among the system's temporary ones, for the time of the block."""
    home = temporary_folder()
    remove_leftovers(home)
    with _hidden(home / f"neurolect-{uuid.uuid4().hex}") as folder:
        folder.mkdir(mode=0o700)
        yield folder


def is_leftover(path: Path) -> bool:
    """Say whether a file or folder has the name of what a killed process left, or a running one is writing."""
    return _HIDDEN.fullmatch(path.name) is not None


def remove_leftovers(folder: Path) -> None:
    """Remove the hidden files and folders in a folder that killed processes of this computer left."""
    with contextlib.suppress(OSError):
        for path in sorted(folder.absolute().iterdir()):
            if (found := _HIDDEN.fullmatch(path.name)) is None or found["computer"] != _computer():
                continue
            if path in _in_use or _is_another_process(int(found["process"])):
                continue
            target = folder / found["name"]
            with contextlib.suppress(OSError):
                if found["kind"] == "old" and not target.exists():
                    path.rename(target)  # it was killed between two renames
                else:
                    _remove(path)


@contextlib.contextmanager
def _hidden(path: Path, *, kind: str = "tmp") -> Iterator[Path]:
    """Name a temporary sibling; what is there at the end of the block is removed."""
    hidden = path.absolute().with_name(f".{path.name}.{_computer()}-{os.getpid()}.{kind}")
    _in_use.add(hidden)
    try:
        yield hidden
    finally:
        with contextlib.suppress(OSError):  # it goes when the next one writes; what ended the block is said
            _remove(hidden)
        _in_use.discard(hidden)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _computer() -> str:
    """Name this computer in eight hexadecimal digits: a process number has no meaning on another one."""
    return hashlib.blake2b(platform.node().encode(), digest_size=4).hexdigest()


def _is_another_process(number: int) -> bool:
    """Say whether another process of this number is there."""
    if number == os.getpid():
        return False
    if os.name == "nt":  # where the question would be Ctrl-C
        return True
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _is_within(error: OSError, folder: Path) -> bool:
    """Say whether an error is of writing in a folder, as far as it says what it is of."""
    name = error.filename
    return (
        _is_full(error) or not isinstance(name, str | os.PathLike) or Path(name).absolute().is_relative_to(folder)
    )


def _is_full(error: Exception) -> bool:
    # a library's error may come between, and NumPy reports only that fewer bytes were written than it asked for
    number, said = getattr(error, "errno", None), str(error)
    return number in _FULL or (number is None and ("No space left" in said or "requested and" in said))


def _not_written(path: Path, error: Exception, kind: type[NeurolectError]) -> NeurolectError:
    """Say why something could not be written."""
    if _is_full(error):
        what = f"The disk is full: {path} could not be written."
        return kind(what, hint="Free some space or give another --out, then run the same command again.")
    if isinstance(error, PermissionError):
        what = f"No permission to write {path}."
        return kind(what, hint="Choose an --out that you may write to.")
    number = getattr(error, "errno", None)  # Arrow's words name the temporary file
    what = f"{path} could not be written: {os.strerror(number) if number else error}."
    return kind(what, hint="Choose another --out.")


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write a JSON object, indented, non-ASCII kept; NaN and infinity are refused."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # the name of a file that is no UTF-8
        text = json.dumps(value, indent=2, allow_nan=False)
    write_text(path, text + "\n")


def write_npy(path: Path, array: np.ndarray[Any, Any]) -> None:
    """Write one array of plain dtype as ``.npy``."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.save(file, array, allow_pickle=False)


def write_table(path: Path, table: pa.Table, *, row_group_size: int = 1 << 17) -> None:
    """Write an Arrow table as Parquet (zstd, check sums); a reader of one neuron reads a group of rows or two."""
    with replacing(path) as temporary:
        how = CHECKED | encodings(table)
        pq.write_table(table, temporary, compression="zstd", row_group_size=row_group_size, **how)
