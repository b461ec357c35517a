"""Find how the bytes of a text file are read: as its mark says, as UTF-8, or as its bytes look most."""

import codecs
import re
from itertools import chain
from typing import IO, Literal, NamedTuple

from charset_normalizer import CharsetMatch, from_bytes

from neurolect.errors import CorpusError

BLOCK = 1 << 20
SAMPLE = 1 << 15
# A file is scanned to here; what follows is read the same way, and what does not fit is counted.
SCANNED = 1 << 28
MOST_CONTROLS = 0.05
MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Where a byte of every character of a text without a mark is 0, if most of it is Latin.
UNMARKED = (
    ("utf-32-le", 4, (1, 2, 3)),
    ("utf-32-be", 4, (0, 1, 2)),
    ("utf-16-le", 2, (1,)),
    ("utf-16-be", 2, (0,)),
)
# What people's files are in; of the hundred codecs that could be, most are never meant.
USUAL = [
    *("cp1252", "iso8859_15", "cp1250", "iso8859_2", "cp1251", "koi8_r", "koi8_u", "iso8859_5", "cp866", "cp1253"),
    *("iso8859_7", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "cp874", "cp932", "euc_jp", "gb18030", "big5"),
    *("cp949", "mac_roman", "cp437", "cp850"),
]
OTHER_FORMATS = {
    b"\x1f\x8b": ("gzip", ".gz"),
    b"BZh": ("bzip2", ".bz2"),
    b"\xfd7zXZ\x00": ("xz", ".xz"),
    b"\x28\xb5\x2f\xfd": ("zstd", ".zst"),
    b"PAR1": ("Parquet", ".parquet"),
    b"PK\x03\x04": ("a ZIP archive or an Office document", ""),
    b"%PDF": ("PDF", ""),
    b"\xd0\xcf\x11\xe0": ("an old Office document", ""),
    b"\x89PNG": ("a PNG image", ""),
    b"\xff\xd8\xff": ("a JPEG image", ""),
    b"ARROW1": ("an Arrow file", ""),
    b"SQLite format 3": ("an SQLite database", ""),
}
CONTROLS = bytes(set(range(32)) - set(b"\t\n\x0b\x0c\r\x1a\x1b\x1c\x1d\x1e\x1f"))
LINE_WITH_OTHERS = re.compile(rb"[^\n]*[\x80-\xff][^\n]*\n?")


class Encoding(NamedTuple):
    """How a file's bytes are read."""

    name: str
    """Python's name of the codec."""
    how: Literal["given", "mark", "utf-8", "guess"]
    line_end: Literal["\n", "\r"] = "\n"


def find_encoding(file: IO[bytes], *, name: str, given: str = "auto") -> Encoding:
    """Find the encoding of a file.

    ``file``: At its start; it is read, not rewound.
    ``name``: For messages.
    ``given``: The user's choice, or ``auto``.
    """
    head = file.read(BLOCK)
    _refuse_other_formats(head, name)
    mark = next((codec for mark, codec in MARKS if head.startswith(mark)), None)
    if mark == "utf-8-sig" and codecs.lookup(given if given != "auto" else "utf-8").name == "utf-8":
        return Encoding("utf-8-sig", "utf-8", _line_end(head))
    if given != "auto":
        return Encoding(given, "given", _line_end(head))
    if mark is not None:
        return Encoding(mark, "mark", _line_end(head, mark))
    unmarked = _unmarked(head)
    if unmarked is not None:
        return Encoding(unmarked, "guess", _line_end(head, unmarked))
    if (share := _share_of_controls(head)) > MOST_CONTROLS:
        what = f"{name} is no text: {share:.0%} of its first {len(head):,} bytes are control characters."
        raise CorpusError(what, expected="text", hint="Leave the file out, or name its encoding: prepare.encoding.")
    n_bad, n_good, sample = _fit_to_utf_8(chain([head], iter(lambda: file.read(BLOCK), b"")))
    if n_bad <= n_good:
        return Encoding("utf-8", "utf-8", _line_end(head))
    return Encoding(_guess(sample, name), "guess", _line_end(head))


def _refuse_other_formats(head: bytes, name: str) -> None:
    is_binary = not head[:64].isascii() or len(head[:64].translate(None, CONTROLS)) < len(head[:64])
    for magic, (kind, ending) in OTHER_FORMATS.items():
        if is_binary and head.startswith(magic):
            what = f"{name} is {kind}, not text as its name says."
            hint = f"Rename it to {name}{ending}" if ending else "Save its text as a text or CSV file."
            raise CorpusError(what, hint=hint)


def _line_end(head: bytes, encoding: str = "") -> Literal["\n", "\r"]:
    text = head.decode(encoding, errors="ignore").encode() if encoding else head
    return "\r" if b"\r" in text and b"\n" not in text else "\n"


def _unmarked(head: bytes) -> str | None:
    """Recognise UTF-16 and UTF-32 without a mark by their zeros."""
    if head.count(0) * 10 < len(head):
        return None
    for codec, width, zeros in UNMARKED:
        units = head[: len(head) // width * width]
        shares = [units[place::width].count(0) * width / max(1, len(units)) for place in range(width)]
        if all((share > 0.5) == (place in zeros) for place, share in enumerate(shares)):
            return codec
    return None


def _share_of_controls(head: bytes) -> float:
    return 1.0 - len(head.translate(None, CONTROLS)) / len(head) if head else 0.0


def _fit_to_utf_8(blocks: chain[bytes]) -> tuple[int, int, bytes]:
    """Count sequences that are no UTF-8 and characters beyond ASCII that are, and take lines with either."""
    n_bad = n_good = n_read = 0
    sample = bytearray()
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    for block in blocks:
        n_read += len(block)
        if not block.isascii():
            text = decoder.decode(block)
            n_replaced = text.count("\ufffd")
            if n_replaced:
                n_replaced = max(0, n_replaced - block.count(b"\xef\xbf\xbd"))
                n_bad += n_replaced
                if n_replaced and len(sample) < SAMPLE:
                    for line in LINE_WITH_OTHERS.finditer(block):
                        sample += line[0][: SAMPLE - len(sample)]
                        if len(sample) >= SAMPLE:
                            break
            n_good += len(text) - len(text.encode("ascii", "ignore")) - n_replaced
        if n_read >= SCANNED:
            break
    return n_bad, n_good, bytes(sample)


def _guess(sample: bytes, name: str) -> str:
    found: list[CharsetMatch] = []
    for n_cut in range(4):  # the sample may end within a character
        found = found or list(from_bytes(sample[: len(sample) - n_cut], cp_isolation=USUAL))
    if not found:
        what = f"{name} is not UTF-8, and no other encoding fits its bytes."
        raise CorpusError(what, expected="text", hint="Name it: --set prepare.encoding=CODEC, e.g. cp1252.")
    best = found[0]
    # Many codecs differ in a few letters only: among equals the most common one is meant.
    for each in found:
        is_as_good = each.chaos <= best.chaos + 0.02 and each.coherence >= best.coherence - 0.1
        if is_as_good and "cp1252" in each.could_be_from_charset:
            return "cp1252"
    return str(best.encoding)
