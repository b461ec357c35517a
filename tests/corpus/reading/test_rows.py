import bz2
import gzip
import importlib.util
import json
import lzma
import math
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from neurolect.corpus import PrepareOptions, prepare
from neurolect.corpus.reading.arrow_values import NESTED
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


@pytest.mark.parametrize(
    "text", ['[{"text": "one"}]', '{\n "text": "one"\n}\n', '[\n{"text": "one"},\n{"text": "two"}\n]']
)
def test_one_json_value_over_the_file_is_named_with_what_makes_lines_of_it(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.jsonl").write_text(text)
    with pytest.raises(CorpusError, match=r"a\.jsonl:1 is (no|a) JSON(.|\n)*one object a line(.|\n)*jq -c"):
        read(tmp_path / "a.jsonl")


def test_a_key_that_is_there_twice_hides_no_value(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "one", "tag": "a", "tag": "b"}\n')
    assert read(tmp_path / "a.jsonl")[0] == [{"text": "one", "tag": "a", "tag_2": "b"}]


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


@pytest.mark.parametrize(
    ("ending", "data"),
    [
        ("csv", b"content\none two three\nfour five six\n"),
        ("jsonl", b'{"content": "one two three"}\n{"content": "four five six"}\n'),
        ("parquet", None),
    ],
)
def test_folders_of_partitioned_data_are_columns(tmp_path: Path, ending: str, data: bytes | None) -> None:
    parts = ["y=2020/c=a%20b", "y=2021/c=__HIVE_DEFAULT_PARTITION__", "y=007/c=NOW", "Text=long words/plain/c=x=y"]
    for part in parts:
        (tmp_path / part).mkdir(parents=True)
        if data is None:
            pq.write_table(pa.table({"content": ["one two three", "four five six"]}), tmp_path / part / "p.parquet")
        else:
            (tmp_path / part / f"p.{ending}").write_bytes(data)
    sources = find_sources(tmp_path)
    reader = RowReader(PrepareOptions())
    rows = {str(Path(source.name).parent.relative_to(tmp_path)): next(reader.rows(source)) for source in sources}
    text = "one two three"
    assert rows == {
        parts[0]: {"content": text, "y": 2020, "c": "a b"},
        parts[1]: {"content": text, "y": 2021, "c": None},
        parts[2]: {"content": text, "y": "007", "c": "NOW"},
        parts[3]: {"content": text, "Text_": "long words", "c": "x=y"},
    }
    for source in sources:
        assert next(reader.first_rows(source, n_rows=1)).keys() >= {"content", "c"}
    corpus = prepare(tmp_path, out=tmp_path / "out")
    assert {"y", "c", "Text_"} <= {field["name"] for field in corpus.fields}


def test_a_column_of_the_file_goes_before_its_folder(tmp_path: Path) -> None:
    (tmp_path / "n=1").mkdir()
    (tmp_path / "n=1" / "a.csv").write_text("text,n\none,2\n")
    assert list(RowReader(PrepareOptions()).rows(find_sources(tmp_path)[0])) == [{"text": "one", "n": "2"}]


def test_parquet(tmp_path: Path) -> None:
    table = pa.table({"text": ["one", None], "tags": [["a"], []]})
    pq.write_table(table, tmp_path / "a.parquet")
    rows = [{"text": "one", "tags": NESTED}, {"text": None, "tags": NESTED}]
    assert read(tmp_path / "a.parquet")[0] == rows
    (tmp_path / "b.parquet.gz").write_bytes(gzip.compress((tmp_path / "a.parquet").read_bytes()))
    assert read(tmp_path / "b.parquet.gz")[0] == rows


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
        b'{"text": "caf\xe9 na\xefve"}\n'
        + json.dumps({"text": "x"}).encode()
        + '\n{"text": "\ufffd\xe9\xe9"}'.encode()
    )
    rows, reader = read(path)
    assert rows[0]["text"] == "caf\ufffd na\ufffdve"
    assert reader.n_replaced == 2


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.txt.gz", b"no gzip", "could not be unpacked"),
        ("a.jsonl.gz", gzip.compress(b'{"text": "one"}' * 99, mtime=0)[:-12], "could not be unpacked"),
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


@pytest.mark.parametrize(
    "number",
    ["1e999", "-1e999", "9" * 5000, "-0", "-0.0", "NaN", "Infinity", "-Infinity", "1E400", "0." + "1" * 999],
)
def test_every_number_of_json(tmp_path: Path, number: str) -> None:
    lines = [f'{{"text": "A sentence with number {n}.", "year": {n // 2}}}' for n in range(60)]
    lines.append(f'{{"text": "A sentence with an odd number.", "year": {number}}}')
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    corpus = prepare(tmp_path / "a.jsonl", out=tmp_path / "corpus", options=PrepareOptions(held_out=0.0))
    assert corpus.n_sentences == 61
    last = next(corpus.batches()).to_pylist()[-1]["year"]
    assert last is None or math.isfinite(last)
    lost = number.lstrip("-") in ("1e999", "9" * 5000, "Infinity", "1E400")
    assert corpus.manifest["misfits"] == ({"year": 1} if lost else {})


def test_odd_names_and_characters_in_json(tmp_path: Path) -> None:
    keys = ["a\x1b[31mb", "\ud800", "", "  ", "x" * 300, "text ", "caf\u00e9"]
    rows = [{"text": f"One two three \ud800 {n}.", **dict.fromkeys(keys, "v")} for n in range(60)]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    corpus = prepare(tmp_path / "a.jsonl", out=tmp_path / "corpus", options=PrepareOptions(held_out=0.0))
    names = [field["name"] for field in corpus.fields]
    assert len(names) == len(set(names)) == len(keys)
    assert all(name.isprintable() and name.strip() == name and len(name) <= 101 for name in names)
    assert sum("is called" in notice for notice in corpus.manifest["notices"]) == 6
    row = next(corpus.batches()).to_pylist()[0]
    assert all(row[name] == "v" for name in names)


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_fields_that_only_late_rows_have(tmp_path: Path, ending: str) -> None:
    rows: list[dict[str, object]] = [{"text": f"A sentence with number {n}.", "none": None} for n in range(3000)]
    for n, row in enumerate(rows[1500:]):
        row.update({"topic": "ab"[n % 2], "none": n % 7})
    data = "\n".join(map(json.dumps, rows)).encode()
    path = tmp_path / f"a.jsonl{ending}"
    path.write_bytes(gzip.compress(data) if ending else data)
    corpus = prepare(path, out=tmp_path / "corpus", options=PrepareOptions(held_out=0.0))
    assert [(field["name"], field["kind"]) for field in corpus.fields] == [
        ("none", "number"),
        ("topic", "category"),
    ]


def test_values_of_columns_that_the_survey_missed_are_counted(tmp_path: Path) -> None:
    lines = [json.dumps({"text": f"A sentence with number {n}."}) for n in range(30_000)]
    lines[29_000] = json.dumps({"text": "A sentence with one rare field.", "rare": "x"})
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    corpus = prepare(tmp_path, out=tmp_path / "corpus")
    assert any("1 value is in a column that only late rows have" in each for each in corpus.manifest["notices"])
    options = PrepareOptions(metadata_columns=("rare",))
    corpus = prepare(tmp_path / "a.jsonl.gz", out=tmp_path / "second", options=options)
    assert [field["name"] for field in corpus.fields] == ["rare"]


def test_columns_that_are_empty_at_first_in_tables(tmp_path: Path) -> None:
    lines = [f"A sentence with number {n}.,{'ab'[n % 2] if n > 2000 else ''}" for n in range(4000)]
    (tmp_path / "a.csv").write_text("text,late\n" + "\n".join(lines))
    corpus = prepare(tmp_path / "a.csv", out=tmp_path / "corpus")
    assert [field["name"] for field in corpus.fields] == ["late"]
    late: list[str | None] = [None] * 4000
    late[3777:3785] = [str(n) for n in range(8)]
    table = pa.table(
        {"text": [f"A sentence with number {n}." for n in range(4000)], "late": pa.array(late, pa.string())}
    )
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=100)
    corpus = prepare(tmp_path / "a.parquet", out=tmp_path / "second")
    assert [field["name"] for field in corpus.fields] == ["late"]
