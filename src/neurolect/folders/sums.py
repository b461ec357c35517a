"""Sizes and check sums of files: what a manifest says of every file, and whether a file is still that.

CRC-32 finds what disks, copies and hands do to a file, at the speed of memory; it is no seal against a forger.
"""

import re
import zlib
from pathlib import Path
from typing import NotRequired, TypedDict

ARRAYS_UP_TO, TABLES_UP_TO = 1 << 26, 1 << 24
"""Bytes of a file that is read through before it is used; a larger table has check sums of its pages."""
_AT_ONCE, _END = 1 << 22, 1 << 16
_TAIL = 8  # of a Parquet file: length of its footer, and a mark


class FileEntry(TypedDict):
    """What a manifest says of one file."""

    bytes: int
    crc32: str
    footer_crc32: NotRequired[str]
    ends_crc32: NotRequired[str]


def sums_of(path: Path) -> FileEntry:
    """Measure a file; of Parquet the footer too, which has no check sum of its own, of a large array both ends."""
    entry = FileEntry(bytes=path.stat().st_size, crc32=_crc32(path))
    if path.suffix == ".parquet":
        entry["footer_crc32"] = footer_crc32(path)
    elif entry["bytes"] > ARRAYS_UP_TO:
        entry["ends_crc32"] = _ends_crc32(path)
    return entry


def change_of(path: Path, entry: FileEntry, *, up_to: int | None = None) -> str | None:
    """Say in what a file differs from what was written; None where it does not.

    ``up_to``: Bytes of a file that is read through; of a larger one only size, footer and ends are looked at, which
        tells another file in its place, and not a bit that fell over inside.
    """
    try:
        size = path.stat().st_size
        if size != entry["bytes"]:
            return f"it has {size:,} bytes, not {entry['bytes']:,}"
        if up_to is None or size <= up_to:
            same = _crc32(path) == entry["crc32"]
        else:
            same = "footer_crc32" not in entry or footer_crc32(path) == entry["footer_crc32"]
            same = same and ("ends_crc32" not in entry or _ends_crc32(path) == entry["ends_crc32"])
    except FileNotFoundError:
        return "it is missing"
    except OSError as error:
        return f"it cannot be read ({error.strerror})"
    return None if same else "its content is another"


# Files that no manifest names bear their check sum in their own names.
_IN_NAME = re.compile(r"-(?P<crc32>[0-9a-f]{8})\Z")


def with_sum_in_name(path: Path) -> Path:
    """Put a file's check sum into its name."""
    return path.replace(path.with_stem(f"{path.stem}-{_crc32(path)}"))


def entry_by_name(path: Path) -> FileEntry | None:
    """Make of the check sum in a file's name what a manifest would say; None where its name has none."""
    found = _IN_NAME.search(path.stem)
    return None if found is None else FileEntry(bytes=path.stat().st_size, crc32=found["crc32"])


def _crc32(path: Path) -> str:
    found = 0
    with path.open("rb") as file:
        while part := file.read(_AT_ONCE):
            found = zlib.crc32(part, found)
    return f"{found:08x}"


def _ends_crc32(path: Path) -> str:
    """Measure the first and the last 64 KiB."""
    with path.open("rb") as file:
        found = zlib.crc32(file.read(_END))
        file.seek(-_END, 2)
        return f"{zlib.crc32(file.read(), found):08x}"


def footer_crc32(path: Path) -> str:
    """Measure the footer of a Parquet file, which says where everything is."""
    with path.open("rb") as file:
        end = file.seek(0, 2)
        file.seek(max(0, end - _TAIL))
        length = int.from_bytes(file.read(4), "little")
        file.seek(max(0, end - _TAIL - length))
        return f"{zlib.crc32(file.read()):08x}"
