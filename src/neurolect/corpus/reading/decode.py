"""Open a file, compressed or not, as lines of text; invalid UTF-8 is replaced and counted."""

import bz2
import gzip
import lzma
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from neurolect.corpus.reading.sources import suffixes
from neurolect.errors import CorpusError, require_extra
from neurolect.folders.remote import RemotePath

UTF_16 = (b"\xff\xfe", b"\xfe\xff")
UTF_8_MARK = b"\xef\xbb\xbf"


class Decoder:
    """Decodes UTF-8 and counts the characters it had to replace."""

    def __init__(self) -> None:
        self.n_replaced = 0

    def decode(self, data: bytes) -> str:
        """Decode one piece that ends at a character's end."""
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            text = data.decode("utf-8", errors="replace")
            self.n_replaced += text.count("\ufffd") - data.count("\ufffd".encode())
            return text

    def lines(self, path: Path | RemotePath) -> Iterator[str]:
        """Yield the lines of a file with their line ends."""
        with open_binary(path) as file:
            for number, line in enumerate(file):
                if number == 0:
                    line = _without_mark(line, path)
                yield self.decode(line)

    def blocks(self, path: Path | RemotePath, *, size: int) -> Iterator[str]:
        """Yield a file in blocks of about ``size`` bytes, cut after a line, a space, or where a character ends."""
        with open_binary(path) as file:
            rest = _without_mark(file.read(size), path)
            while rest:
                more = file.read(size)
                end = _cut(rest) if more else len(rest)
                yield self.decode(rest[:end])
                rest = rest[end:] + more


def _cut(block: bytes) -> int:
    for separator in (b"\n\n", b"\n", b" "):
        end = block.rfind(separator)
        if end >= 0:
            return end + len(separator)
    end = len(block)
    while end > 1 and block[end - 1] & 0xC0 == 0x80 and len(block) - end < 4:
        end -= 1  # continuation bytes belong to the character before them
    return end - 1 if end > 1 and block[end - 1] >= 0xC0 else len(block)


def _without_mark(data: bytes, path: Path | RemotePath) -> bytes:
    if data.startswith(UTF_16):
        what = f"{path} is UTF-16, not UTF-8."
        raise CorpusError(what, expected="text in UTF-8", hint=f"iconv -f UTF-16 -t UTF-8 {path} > copy")
    return data.removeprefix(UTF_8_MARK)


@contextmanager
def open_binary(path: Path | RemotePath) -> Iterator[IO[bytes]]:
    """Open a file for reading bytes, unpacked by its name's ending."""
    try:
        with _open(path) as file:
            yield file
    except (EOFError, lzma.LZMAError, gzip.BadGzipFile) as error:
        what = f"{path} could not be unpacked: {error}."
        raise CorpusError(what, hint="The file is damaged or its name's ending is wrong.") from error
    except OSError as error:
        what = f"{path} could not be read: {error.strerror or error}."
        raise CorpusError(what, hint="Check that the file is there, whole, and that you may read it.") from error


@contextmanager
def _open(path: Path | RemotePath) -> Iterator[IO[bytes]]:
    _, compression = suffixes(path)
    with path.open("rb") as file:
        if not compression:
            yield file
            return
        if compression == ".zst":
            zstandard = require_extra("zstandard", extra="datasets", purpose=f"to read {path.name}")
            unpacked = zstandard.open(file, "rb")
        else:
            unpacked = {".gz": gzip, ".bz2": bz2, ".xz": lzma}[compression].open(file, "rb")
        with cast("IO[bytes]", unpacked) as inner:
            yield inner
