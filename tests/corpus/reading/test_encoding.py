import io
import random
from pathlib import Path

import pytest

from neurolect.corpus import PrepareOptions
from neurolect.corpus.reading.encoding import find_encoding
from neurolect.corpus.reading.rows import RowReader
from neurolect.corpus.reading.sources import find_sources
from neurolect.errors import CorpusError, OptionError

TEXTS = {
    "cp1252": "He said \u201cit\u2019s a caf\u00e9\u201d and left \u2013 the price was \u00a35.\n",
    "latin-1": "Der B\u00e4r l\u00e4uft \u00fcber die Stra\u00dfe und f\u00e4llt.\n",
    "cp1251": (
        "\u041c\u0430\u043c\u0430 \u043c\u044b\u043b\u0430 \u0440\u0430\u043c\u0443, \u0430 \u043f\u043e"
        "\u0442\u043e\u043c \u043f\u043e\u0448\u043b\u0430 \u0432 \u043c\u0430\u0433\u0430\u0437\u0438"
        "\u043d \u0437\u0430 \u0445\u043b\u0435\u0431\u043e\u043c.\n"
    ),
    "koi8-r": (
        "\u041c\u0430\u043c\u0430 \u043c\u044b\u043b\u0430 \u0440\u0430\u043c\u0443, \u0430 \u043f\u043e"
        "\u0442\u043e\u043c \u043f\u043e\u0448\u043b\u0430 \u0432 \u043c\u0430\u0433\u0430\u0437\u0438"
        "\u043d \u0437\u0430 \u0445\u043b\u0435\u0431\u043e\u043c.\n"
    ),
    "shift_jis": (
        "\u79c1\u306f\u6771\u4eac\u306b\u4f4f\u3093\u3067\u3044\u307e\u3059\u3002\u4eca\u65e5\u306f\u5929"
        "\u6c17\u304c\u3044\u3044\u3067\u3059\u3002\n"
    ),
    "euc_jp": (
        "\u79c1\u306f\u6771\u4eac\u306b\u4f4f\u3093\u3067\u3044\u307e\u3059\u3002\u4eca\u65e5\u306f\u5929"
        "\u6c17\u304c\u3044\u3044\u3067\u3059\u3002\n"
    ),
    "gb18030": (
        "\u6211\u4f4f\u5728\u5317\u4eac\u3002\u4eca\u5929\u5929\u6c14\u5f88\u597d\u3002\u6211\u4eec\u53bb"
        "\u516c\u56ed\u6563\u6b65\u5427\u3002\n"
    ),
    "big5": (
        "\u6211\u4f4f\u5728\u53f0\u5317\u3002\u4eca\u5929\u5929\u6c23\u5f88\u597d\u3002\u6211\u5011\u53bb"
        "\u516c\u5712\u6563\u6b65\u5427\u3002\n"
    ),
    "cp949": (
        "\uc800\ub294 \uc11c\uc6b8\uc5d0 \uc0b4\uace0 \uc788\uc2b5\ub2c8\ub2e4. \uc624\ub298\uc740 \ub0a0"
        "\uc528\uac00 \uc88b\uc2b5\ub2c8\ub2e4.\n"
    ),
    "cp1250": (
        "P\u0159\u00edli\u0161 \u017elu\u0165ou\u010dk\u00fd k\u016f\u0148 \u00fap\u011bl \u010f\u00e1bel"
        "sk\u00e9 \u00f3dy.\n"
    ),
    "cp1253": (
        "\u0397 \u03b3\u03ac\u03c4\u03b1 \u03ba\u03bf\u03b9\u03bc\u03ac\u03c4\u03b1\u03b9 \u03c0\u03ac"
        "\u03bd\u03c9 \u03c3\u03c4\u03bf \u03c4\u03c1\u03b1\u03c0\u03ad\u03b6\u03b9.\n"
    ),
    "utf-8": "Na\u00efve caf\u00e9s, \u4eca\u5929 and \U0001f600.\n",
    "utf-8-sig": "Na\u00efve caf\u00e9s.\n",
    "utf-16": "Na\u00efve caf\u00e9s.\n",
    "utf-16-le": "Plain text without a mark, with na\u00efve caf\u00e9s.\n",
    "utf-16-be": "Plain text without a mark, with na\u00efve caf\u00e9s.\n",
    "utf-32": "Na\u00efve caf\u00e9s.\n",
    "utf-32-le": "Plain text without a mark.\n",
    "utf-32-be": "Plain text without a mark.\n",
}


def text_of(path: Path, encoding: str = "auto") -> tuple[str, RowReader]:
    reader = RowReader(PrepareOptions(encoding=encoding))
    return "".join(str(row["text"]) for row in reader.rows(find_sources(path)[0])), reader


@pytest.mark.parametrize("encoding", TEXTS)
def test_encodings_are_found_and_reported(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes((TEXTS[encoding] * 20).encode(encoding))
    text, reader = text_of(path)
    assert text == TEXTS[encoding] * 20
    assert reader.n_replaced == 0
    assert any("was read as" in each for each in reader.losses.notices()) == (not encoding.startswith("utf-8"))


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32", "cp1252", "utf-16-le"])
def test_tables_in_other_encodings(tmp_path: Path, encoding: str, ending: str) -> None:
    lines = ["text,label", *[f"\u201cna\u00efve\u201d caf\u00e9 {n},x" for n in range(50)]]
    (tmp_path / "a.csv").write_bytes((ending.join(lines) + ending).encode(encoding))
    rows = list(RowReader(PrepareOptions()).rows(find_sources(tmp_path)[0]))
    assert len(rows) == 50
    assert rows[7] == {"text": "\u201cna\u00efve\u201d caf\u00e9 7", "label": "x"}


def test_the_encoding_by_option(tmp_path: Path) -> None:
    text = (
        "\u00c7ocuk okula gitti ve \u00f6\u011fretmen g\u00fcld\u00fc, \u015fi\u015fe \u0131\u011fd\u0131r.\n" * 9
    )
    (tmp_path / "a.txt").write_bytes(text.encode("cp1254"))
    found, reader = text_of(tmp_path / "a.txt", "cp1254")
    assert found == text
    assert not reader.losses.notices()
    with pytest.raises(CorpusError, match=r"a\.txt cannot be read as utf-32(.|\n)*prepare\.encoding"):
        text_of(tmp_path / "a.txt", "utf-32")


@pytest.mark.parametrize("encoding", ["nonsense", "base64", "rot13", "", "zip", "mbcs\x00"])
def test_what_is_no_encoding(encoding: str) -> None:
    with pytest.raises(OptionError, match=r"prepare\.encoding is"):
        PrepareOptions(encoding=encoding)


@pytest.mark.parametrize("delimiter", ["", "ab", "\n", '"'])
def test_what_is_no_delimiter(delimiter: str) -> None:
    with pytest.raises(OptionError, match=r"prepare\.delimiter is"):
        PrepareOptions(delimiter=delimiter)


def test_a_few_damaged_characters_cost_themselves_only(tmp_path: Path) -> None:
    data = bytearray(("Caf\u00e9 au lait. " * 100).encode())
    data[3] = 0x20  # the first byte of an accented letter
    (tmp_path / "a.txt").write_bytes(data)
    text, reader = text_of(tmp_path / "a.txt")
    assert reader.n_replaced == 1
    assert text.count("\u00e9") == 99


def test_a_line_that_cannot_be_decoded_costs_itself_only(tmp_path: Path) -> None:
    good = [f"caf\u00e9 number {n},x".encode() for n in range(50)]
    (tmp_path / "a.csv").write_bytes(b"\n".join([b"text,label", *good, b"\xe9\xe9\xe9\xe9,y"]))
    reader = RowReader(PrepareOptions())
    rows = list(reader.rows(find_sources(tmp_path)[0]))
    assert [row["label"] for row in rows] == ["x"] * 50 + ["y"]
    assert reader.n_replaced == 4


def test_what_is_mostly_undecodable_is_refused(tmp_path: Path) -> None:
    text = "\u041c\u0430\u043c\u0430 \u043c\u044b\u043b\u0430 \u0440\u0430\u043c\u0443.\n" * 50
    (tmp_path / "a.txt").write_bytes(text.encode("koi8-r"))
    with pytest.raises(
        CorpusError, match=r"a\.txt cannot be read as utf-8: [\d,]+ of [\d,]+ characters do not fit"
    ):
        text_of(tmp_path / "a.txt", "utf-8")


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"\x1f\x8b\x08\x00", "gzip"),
        (b"PAR1\x15\x04", "Parquet"),
        (b"PK\x03\x04\x14", "ZIP"),
        (b"%PDF-1.4\n%\xe2\xe3", "PDF"),
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"\x28\xb5\x2f\xfd\x00", "zstd"),
        (b"ARROW1\x00\x00", "Arrow"),
        (b"SQLite format 3\x00", "SQLite"),
    ],
)
def test_other_formats_under_a_text_name(start: bytes, kind: str) -> None:
    with pytest.raises(CorpusError, match=rf"a\.txt is .*{kind}.*, not text(.|\n)*Hint"):
        find_encoding(io.BytesIO(start + bytes(100)), name="a.txt")


@pytest.mark.parametrize("seed", range(5))
def test_random_bytes_are_refused(seed: int) -> None:
    with pytest.raises(CorpusError, match=r"is no text|cannot be read|no other encoding"):
        find_encoding(io.BytesIO(random.Random(seed).randbytes(20_000)), name="a.txt")


def test_words_that_begin_like_a_format_are_text() -> None:
    for text in (b"PAR1 is a name.", b"%PDF is what he wrote.", b"BZh is how it begins."):
        assert find_encoding(io.BytesIO(text), name="a.txt").name == "utf-8"
