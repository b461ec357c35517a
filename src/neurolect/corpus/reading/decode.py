"""Open a file, compressed or not, as lines or blocks of text; what cannot be decoded is replaced and counted."""

import bz2
import codecs
import gzip
import lzma
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from neurolect.corpus.reading.encoding import BLOCK, Encoding, find_encoding
from neurolect.corpus.reading.losses import Losses
from neurolect.corpus.reading.sources import shown, suffixes
from neurolect.errors import CorpusError, require_extra
from neurolect.folders.remote import RemotePath

UTF_8_MARK = b"\xef\xbb\xbf"
UTF_8 = ("utf-8", "utf-8-sig")
MOST_REPLACED = 0.3


class Decoder:
    """Decodes files and counts the characters it had to replace.

    ``encoding``: A codec, or ``auto``: each file's own is found.
    """

    def __init__(self, losses: Losses, *, encoding: str = "auto") -> None:
        self._losses = losses
        self._given = encoding
        self._found: dict[str, Encoding] = {}

    def encoding_of(self, path: Path | RemotePath) -> Encoding:
        """Find how a file is read; looked at once."""
        key = str(path)
        if key not in self._found:
            with open_binary(path) as file:
                self._found[key] = find_encoding(file, name=shown(path), given=self._given)
        return self._found[key]

    def lines(self, path: Path | RemotePath) -> Iterator[str]:
        """Yield the lines of a file with their line ends: carriage returns where there are no line feeds."""
        found = self.encoding_of(path)
        if found.name not in UTF_8 or found.line_end == "\r":
            yield from self._lines_of_blocks(path, found)
            return
        self._losses.read_as(shown(path), found)
        n_replaced = n_bytes = 0
        with open_binary(path) as file:
            for number, line in enumerate(file):
                if number == 0:
                    line = line.removeprefix(UTF_8_MARK)
                n_bytes += len(line)
                try:
                    yield line.decode("utf-8")
                except UnicodeDecodeError:
                    text, n = decoded(line, "utf-8")
                    n_replaced += n
                    yield text
        self._count(path, n_replaced, n_bytes, found)

    def blocks(self, path: Path | RemotePath, *, size: int = BLOCK) -> Iterator[str]:
        """Yield a file in blocks of about ``size`` bytes, cut after a line or a space where there is one."""
        rest = ""
        for block in self._blocks(path, self.encoding_of(path), size):
            rest += block
            end = _cut(rest)
            yield rest[:end]
            rest = rest[end:]
        if rest:
            yield rest

    def _lines_of_blocks(self, path: Path | RemotePath, found: Encoding) -> Iterator[str]:
        rest = ""
        for block in self._blocks(path, found, BLOCK):
            *lines, rest = (rest + block).split("\n")
            for line in lines:
                yield line + "\n"
        if rest:
            yield rest

    def _blocks(self, path: Path | RemotePath, found: Encoding, size: int) -> Iterator[str]:
        """Decode block by block; single carriage returns become line feeds where they are the line ends."""
        self._losses.read_as(shown(path), found)
        codec = "utf-8-sig" if found.name == "utf-8" else found.name
        decoder = codecs.getincrementaldecoder(codec)(errors="replace")
        n_replaced = n_characters = 0
        with open_binary(path) as file:
            while True:
                data = file.read(size)
                try:
                    text = decoder.decode(data, not data)
                except UnicodeError as error:  # a codec that replaces nothing
                    raise _undecodable(path, found, str(error)) from error
                if "\ufffd" in text:
                    n_replaced += max(0, text.count("\ufffd") - data.count(b"\xef\xbf\xbd"))
                n_characters += len(text)
                if text:
                    yield text.replace("\r", "\n") if found.line_end == "\r" else text
                if not data:
                    break
        self._count(path, n_replaced, n_characters, found)

    def _count(self, path: Path | RemotePath, n_replaced: int, n_characters: int, found: Encoding) -> None:
        if n_replaced > MOST_REPLACED * n_characters:
            why = f"{n_replaced:,} of {n_characters:,} characters do not fit"
            raise _undecodable(path, found, why)
        self._losses.n_replaced += n_replaced


def decoded(data: bytes, encoding: str) -> tuple[str, int]:
    """Decode with what does not fit replaced, and count that."""
    text = data.decode(encoding, errors="replace")
    return text, max(0, text.count("\ufffd") - data.count(b"\xef\xbf\xbd"))


def _undecodable(path: Path | RemotePath, found: Encoding, why: str) -> CorpusError:
    what = f"{shown(path)} cannot be read as {found.name}: {why}."
    return CorpusError(what, expected="text", hint="Name its encoding: --set prepare.encoding=CODEC, e.g. cp1252.")


def _cut(block: str) -> int:
    for separator in ("\n\n", "\n", " "):
        end = block.rfind(separator)
        if end >= 0:
            return end + len(separator)
    return len(block)


@contextmanager
def open_binary(path: Path | RemotePath) -> Iterator[IO[bytes]]:
    """Open a file for reading bytes, unpacked by its name's ending."""
    try:
        with _open(path) as file:
            yield file
    except (EOFError, lzma.LZMAError, zlib.error, gzip.BadGzipFile) as error:
        what = f"{shown(path)} could not be unpacked: {error}."
        raise CorpusError(what, hint="The file is damaged or its name's ending is wrong.") from error
    except OSError as error:
        what = f"{shown(path)} could not be read: {error.strerror or error}."
        raise CorpusError(what, hint="Check that the file is there, whole, and that you may read it.") from error


@contextmanager
def _open(path: Path | RemotePath) -> Iterator[IO[bytes]]:
    _, compression = suffixes(path)
    with path.open("rb") as file:
        if not compression:
            yield file
            return
        if compression == ".zst":
            zstandard = require_extra("zstandard", extra="datasets", purpose=f"to read {shown(path)}")
            try:
                with zstandard.open(file, "rb") as inner:
                    yield inner
            except zstandard.ZstdError as error:
                raise EOFError(error) from error
            return
        unpacked = {".gz": gzip, ".bz2": bz2, ".xz": lzma}[compression].open(file, "rb")
        with cast("IO[bytes]", unpacked) as inner:
            yield inner
