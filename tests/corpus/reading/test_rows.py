import bz2
import gzip
import importlib.util
import json
import lzma
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from neurolect.corpus import PrepareOptions
from neurolect.corpus.reading.rows import Row, RowReader
from neurolect.corpus.reading.sources import find_sources
from neurolect.errors import CorpusError, MissingExtraError


def read(path: Path, options: PrepareOptions | None = None) -> tuple[list[Row], RowReader]:
    reader = RowReader(options or PrepareOptions())
    return list(reader.rows(find_sources(path)[0])), reader


@pytest.mark.parametrize(
    ("ending", "compress"), [("", bytes), (".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)]
)
def test_json_lines_compressed_or_not(tmp_path: Path, ending: str, compress: Callable[[bytes], bytes]) -> None:
    path = tmp_path / f"a.jsonl{ending}"
    path.write_bytes(compress(b'\xef\xbb\xbf{"text": "one", "n": 1}\n\n{"text": "two"}'))
    assert read(path)[0] == [{"text": "one", "n": 1}, {"text": "two"}]


@pytest.mark.parametrize("line", ["{broken", '["a list"]', "[" * 100_000])
def test_a_broken_line_is_named_or_counted(tmp_path: Path, line: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "one"}\n' + line + '\n{"text": "two"}\n')
    with pytest.raises(CorpusError, match=r"a\.jsonl:2 is (no|a) JSON(.|\n)*skip_broken_lines"):
        read(path)
    rows, reader = read(path, PrepareOptions(skip_broken_lines=True))
    assert [row["text"] for row in rows] == ["one", "two"]
    assert reader.n_broken == 1


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", 'text,year\n"one, ""two""\nthree",1990\nfour,\n'),
        ("a.csv", 'text;year\n"one, ""two""\nthree";1990\nfour;\n'),
        ("a.tsv", 'text\tyear\n"one, ""two""\nthree"\t1990\nfour\t\n'),
    ],
)
def test_csv(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert read(tmp_path / name)[0] == [{"text": 'one, "two"\nthree', "year": "1990"}, {"text": "four", "year": ""}]


def test_csv_with_more_values_than_names(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,year\none,1\ntwo,2,3\n")
    with pytest.raises(CorpusError, match=r"a\.csv:3 is 3 values under 2 column names"):
        read(path)


def test_csv_with_a_megabyte_in_a_field(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text\n" + "x" * 1_000_000)
    assert len(str(read(tmp_path / "a.csv")[0][0]["text"])) == 1_000_000


def test_parquet(tmp_path: Path) -> None:
    table = pa.table({"text": ["one", None], "tags": [["a"], []]})
    pq.write_table(table, tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet")[0] == table.to_pylist()
    (tmp_path / "b.parquet.gz").write_bytes(gzip.compress((tmp_path / "a.parquet").read_bytes()))
    assert read(tmp_path / "b.parquet.gz")[0] == table.to_pylist()


def test_first_rows_of_parquet_come_from_all_parts(tmp_path: Path) -> None:
    pq.write_table(pa.table({"n": range(10_000)}), tmp_path / "a.parquet", row_group_size=500)
    rows = list(RowReader(PrepareOptions()).first_rows(find_sources(tmp_path)[0], n_rows=100))
    numbers = [int(str(row["n"])) for row in rows]
    assert len(numbers) == 100
    assert numbers == sorted(set(numbers))
    assert numbers[-1] > 9000


def test_invalid_utf_8_is_replaced_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(
        b'{"text": "caf\xe9 na\xefve"}\n' + json.dumps({"text": "x"}).encode() + '\n{"text": "\ufffd"}'.encode()
    )
    rows, reader = read(path)
    assert rows[0]["text"] == "caf\ufffd na\ufffdve"
    assert reader.n_replaced == 2


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.txt", "text".encode("utf-16"), "is UTF-16, not UTF-8"),
        ("a.txt.gz", b"no gzip", "could not be unpacked"),
        ("a.jsonl.gz", gzip.compress(b'{"text": "one"}' * 99)[:-12], "could not be unpacked"),
        ("a.jsonl.xz", b"no xz", "could not be unpacked"),
        ("a.txt.bz2", b"no bz2", "could not be read"),
        ("a.parquet", b"no parquet", "could not be read as Parquet"),
    ],
)
def test_damaged_files(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(CorpusError, match=message):
        read(tmp_path / name)


def test_unreadable_file(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("{}")
    source = find_sources(tmp_path)[0]
    (tmp_path / "a.jsonl").unlink()
    with pytest.raises(CorpusError, match=r"a\.jsonl could not be read: No such file"):
        list(RowReader(PrepareOptions()).rows(source))


def test_zstandard_is_an_extra(tmp_path: Path) -> None:
    (tmp_path / "a.txt.zst").write_bytes(b"")
    if importlib.util.find_spec("zstandard") is None:
        with pytest.raises(MissingExtraError, match="zstandard"):
            read(tmp_path / "a.txt.zst")
    else:
        zstandard = importlib.import_module("zstandard")
        (tmp_path / "a.txt.zst").write_bytes(zstandard.compress(b"one two"))
        assert read(tmp_path / "a.txt.zst")[0][0]["text"] == "one two"
