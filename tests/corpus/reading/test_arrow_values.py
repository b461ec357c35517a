import datetime
import decimal
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neurolect.corpus import PrepareOptions, prepare
from neurolect.corpus.reading.arrow_values import NESTED, DateText, plain_values
from neurolect.errors import CorpusError

FAR = [0, 5, None, -1, 2**62, -(2**62)]
FAR_DAYS = [0, 5, None, -1, 2**31 - 1, -(2**31)]


def values(array: pa.Array) -> list[object]:
    return plain_values(array, decode=lambda data: data.decode() if data.isascii() else None, where="f, column 'a'")


def ints(kind: pa.DataType, numbers: list[int | None] = FAR) -> pa.Array:
    return pa.array(numbers, pa.int64()).view(kind)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Paris", "Mars/Base", "+05:30"])
def test_times_of_all_years_and_zones(unit: str, zone: str | None) -> None:
    found = values(ints(pa.timestamp(unit, zone)))
    assert found[2] is None
    assert all(isinstance(each, datetime.datetime | DateText) for n, each in enumerate(found) if n != 2)
    assert str(found[0]).startswith("1970-01-01 0")
    assert len({str(each) for each in found}) == 6  # no two became one


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_spans(unit: str) -> None:
    found = values(ints(pa.duration(unit)))
    assert found[0] == datetime.timedelta(0)
    assert len({str(each) for each in found}) == 6


def test_nanoseconds_are_kept_with_or_without_pandas() -> None:
    at = [1577836800123456789, 1577836800123456000, 1577836800000000000, -1]
    assert list(map(str, values(ints(pa.timestamp("ns"), list(at))))) == [
        "2020-01-01 00:00:00.123456789",
        "2020-01-01 00:00:00.123456",
        "2020-01-01 00:00:00",
        "1969-12-31 23:59:59.999999999",
    ]
    assert list(map(str, values(ints(pa.time64("ns"), [1, 86399999999999])))) == [
        "00:00:00.000000001",
        "23:59:59.999999999",
    ]
    assert list(map(str, values(ints(pa.duration("ns"), [1, 1000])))) == ["0:00:00.000000001", "0:00:00.000001"]


def test_dates_at_the_ends_of_the_calendar() -> None:
    first, last = datetime.date(1, 1, 1), datetime.date(9999, 12, 31)
    assert values(pa.array([first, last])) == [first, last]
    far = values(pa.array(FAR_DAYS, pa.int32()).view(pa.date32()))
    assert str(far[4]) == "2147483647 day since 1970"
    assert len({str(each) for each in values(ints(pa.date64()))}) == 5  # two are one day


def test_kinds_without_kernels() -> None:
    words = ["a", None, "b", "b"]
    runs = pa.RunEndEncodedArray.from_arrays(pa.array([2, 5, 6], pa.int32()), pa.array(["a", None, "b"]))
    for array in (
        pa.array(words, pa.string_view()),
        pa.array(words, pa.large_string()),
        pa.array([w and w.encode() for w in words], pa.binary_view()),
        pa.array([w and w.encode() for w in words], pa.large_binary()),
        pa.array([w and w.encode() for w in words], pa.binary(1)),
        pa.DictionaryArray.from_arrays(pa.array([0, None, 1, 1]), pa.array(["a", "b"], pa.string_view())),
    ):
        assert values(array) == words
    assert values(runs) == ["a", "a", None, None, None, "b"]
    assert values(runs.slice(1, 4)) == ["a", None, None, None]
    assert values(pa.nulls(2)) == [None, None]


def test_other_values() -> None:
    assert values(pa.array([decimal.Decimal("1.5")], pa.decimal256(70, 3))) == [decimal.Decimal("1.5")]
    assert values(pa.array([np.float16(1.5), None], pa.float16())) == [1.5, None]
    assert values(pa.array([b"1" * 16], pa.uuid())) == [str(uuid.UUID(bytes=b"1" * 16))]
    assert values(pa.array([b"\xff"])) == [b"\xff"]
    assert values(pa.array([(1, 2, 3)], pa.month_day_nano_interval()))[0]
    for kind in (
        pa.list_(pa.int8()),
        pa.list_view(pa.int8()),
        pa.map_(pa.string(), pa.int8()),
        pa.list_(pa.int8(), 2),
    ):
        assert values(pa.array([None, []] if kind != pa.list_(pa.int8(), 2) else [None, [1, 2]], kind)) == [
            None,
            NESTED,
        ]
    assert values(pa.array([{"a": 1}, None])) == [NESTED, None]


def test_bytes_as_text(tmp_path: Path) -> None:
    texts = [f"A caf\u00e9 with number {n}.".encode() for n in range(30)]
    pq.write_table(pa.table({"text": texts, "tag": [b"x", b"\xff\xfe\xfd"] * 15}), tmp_path / "a.parquet")
    corpus = prepare(tmp_path, out=tmp_path / "corpus")
    assert corpus.n_sentences == 30
    assert next(corpus.batches(part="all"))["text"][3].as_py() == "A caf\u00e9 with number 3."
    assert corpus.manifest["misfits"] == {"tag": 15}
    latin = [text.decode().encode("cp1252") for text in texts]
    pq.write_table(pa.table({"text": latin}), tmp_path / "a.parquet")
    options = PrepareOptions(encoding="cp1252")
    corpus = prepare(tmp_path / "a.parquet", out=tmp_path / "second", options=options)
    assert next(corpus.batches(part="all"))["text"][3].as_py() == "A caf\u00e9 with number 3."


def test_a_value_that_is_no_text_is_named(tmp_path: Path) -> None:
    good = pa.array([f"A sentence with number {n}." for n in range(20)])
    offsets, data = good.buffers()[1:]
    spoilt = bytearray(data.to_pybytes())
    spoilt[spoilt.index(b"12.")] = 0xCD
    pq.write_table(
        pa.table({"text": pa.Array.from_buffers(pa.string(), 20, [None, offsets, pa.py_buffer(bytes(spoilt))])}),
        tmp_path / "a.parquet",
    )
    with pytest.raises(CorpusError, match=r"a\.parquet, column 'text': .* is no text(.|\n)*damaged"):
        prepare(tmp_path, out=tmp_path / "corpus")


def test_two_columns_of_one_name(tmp_path: Path) -> None:
    names = ["text", "label", "label", ""]
    arrays = [
        pa.array(["One two three.", "Four five six."]),
        pa.array(["a", "a"]),
        pa.array(["b", "b"]),
        pa.array([1, 1]),
    ]
    pq.write_table(pa.Table.from_arrays(arrays, names=names), tmp_path / "a.parquet")
    corpus = prepare(tmp_path, out=tmp_path / "corpus", options=PrepareOptions(held_out=0.0))
    row = next(corpus.batches()).to_pylist()[0]
    assert (row["label"], row["label_2"], row["column_4"]) == ("a", "b", 1.0)


SIMPLE: list[Any] = [
    *(pa.null(), pa.bool_(), pa.float16(), pa.float32(), pa.float64(), pa.string(), pa.large_string()),
    *(pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()),
    *(pa.binary(), pa.large_binary(), pa.binary(3), pa.date32(), pa.date64(), pa.time32("s"), pa.time64("ns")),
    *(pa.timestamp(unit, zone) for unit in ("s", "ms", "us", "ns") for zone in (None, "Asia/Tokyo")),
    *(pa.duration("s"), pa.duration("ns"), pa.decimal128(38, 10), pa.decimal256(76, 0), pa.string_view()),
]
INTS = st.integers(-(2**63), 2**63 - 1)


@st.composite
def arrays(draw: st.DrawFn, n: int) -> pa.Array:
    kind = draw(st.sampled_from(SIMPLE))
    wrap = draw(st.sampled_from(["plain", "plain", "dictionary", "list", "struct"]))
    if pa.types.is_null(kind):
        array = pa.nulls(n)
    elif pa.types.is_boolean(kind):
        array = pa.array(draw(st.lists(st.none() | st.booleans(), min_size=n, max_size=n)), kind)
    elif pa.types.is_floating(kind):
        width = kind.bit_width
        numbers = draw(st.lists(st.none() | st.floats(width=width), min_size=n, max_size=n))
        array = pa.array(numbers, pa.float64()).cast(kind, safe=False)
    elif "string" in str(kind):
        array = pa.array(
            draw(st.lists(st.none() | st.text(max_size=9).map(_encodable), min_size=n, max_size=n)), kind
        )
    elif "binary" in str(kind):
        size = 3 if kind == pa.binary(3) else 0
        some = st.binary(min_size=size, max_size=size or 9)
        array = pa.array(draw(st.lists(st.none() | some, min_size=n, max_size=n)), kind)
    elif pa.types.is_decimal(kind):
        array = pa.array(
            [decimal.Decimal(k) for k in draw(st.lists(st.integers(-9, 9), min_size=n, max_size=n))], kind
        )
    else:
        bits = kind.bit_width
        bounds = (0, 2**bits - 1) if str(kind).startswith("uint") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        raw = {8: "int8", 16: "int16", 32: "int32", 64: "int64"}[bits]
        raw = f"u{raw}" if str(kind).startswith("uint") else raw
        numbers = draw(st.lists(st.none() | st.integers(*bounds), min_size=n, max_size=n))
        array = pa.array(numbers, getattr(pa, raw)()).view(kind)
    if wrap == "list":
        return pa.ListArray.from_arrays(pa.array(range(n + 1), pa.int32()), array)
    if wrap == "struct":
        return pa.StructArray.from_arrays([array], ["inner"])
    if wrap == "dictionary" and not pa.types.is_null(kind) and len(array):
        return pa.DictionaryArray.from_arrays(pa.array([n - 1 - k for k in range(n)], pa.int32()), array)
    return array


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    n = draw(st.integers(1, 6))
    names = draw(st.lists(st.text(max_size=5).map(_encodable), max_size=5))
    columns = [draw(arrays(n)) for _ in names]
    text = pa.array([f"This is a sentence with number {k}." for k in range(n)])
    return pa.Table.from_arrays([text, *columns], names=["text", *names])


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(table=tables())
def test_tables_of_all_types_become_corpora(table: pa.Table, tmp_path_factory: pytest.TempPathFactory) -> None:
    _becomes_a_corpus(table, tmp_path_factory.mktemp("t"))


@pytest.mark.slow
@settings(max_examples=1500, suppress_health_check=[HealthCheck.too_slow])
@given(table=tables())
def test_many_tables_of_all_types_become_corpora(table: pa.Table, tmp_path_factory: pytest.TempPathFactory) -> None:
    _becomes_a_corpus(table, tmp_path_factory.mktemp("t"))


def _becomes_a_corpus(table: pa.Table, folder: Path) -> None:
    try:
        pq.write_table(table, folder / "a.parquet")
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return  # a type that Parquet has not
    options = PrepareOptions(held_out=0.0, duplicates="keep", text_column="text")
    corpus = prepare(folder / "a.parquet", out=folder / "corpus", options=options)
    assert corpus.n_sentences == len(table)
    for parts in corpus.manifest["sums"].values():
        assert parts["read"] == sum(n for part, n in parts.items() if part != "read")
    assert len(next(corpus.batches()).to_pylist()) == len(table)
