"""Read files through, whatever they hold."""

from pathlib import Path

import numpy as np

from neurolect.errors import NeurolectError
from neurolect.folders.npz import opened_npz
from neurolect.folders.parquet import DAMAGED, ParquetReader
from neurolect.folders.sums import FileEntry, change_of
from neurolect.verification.outcome import GOOD, UNKNOWN, Part


class UnreadableError(NeurolectError):
    """A file cannot be read through."""


def file_part(folder: Path, name: str, entry: FileEntry | None, *, hint: str) -> Part:
    """Say of one file whether it is as recorded, and can be read through."""
    path = folder / name
    how = change_of(path, entry) if entry is not None else None
    if how is None:
        how = unreadable(path)
    if how is not None:
        return Part(name, "damaged" if path.is_file() else "missing", how, hint)
    return Part(name, GOOD if entry is not None else UNKNOWN, n_bytes=path.stat().st_size)


def unreadable(path: Path) -> str | None:
    """Read every page, member or number of a file; say why that cannot be done, or None where it can."""
    read = {".parquet": _read_table, ".npy": _read_array, ".npz": _read_members}.get(path.suffix)
    try:
        if read is not None:
            read(path)
    except FileNotFoundError:
        return "it is missing"
    except NeurolectError as error:
        return error.what
    except (*DAMAGED, EOFError, MemoryError) as error:
        return f"it cannot be read ({error})"
    return None


def _read_table(path: Path) -> None:
    reader = ParquetReader(path, damaged=UnreadableError, doubted=True)
    for group in range(reader.num_row_groups):
        reader.read_row_groups([group])


def _read_array(path: Path) -> None:
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    for start in range(0, len(array), 1 << 16):
        np.count_nonzero(array[start : start + (1 << 16)])


def _read_members(path: Path) -> None:
    with opened_npz(path) as file:
        for name in file.files:
            file[name]
