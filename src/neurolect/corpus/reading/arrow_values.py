"""Turn Arrow columns of any type into plain values: text, numbers, dates, or the mark of what is nested.

What Arrow's own conversion cannot give (dates beyond Python's, nanoseconds) is written as text.
"""

import datetime
import uuid
from collections.abc import Callable
from itertools import islice
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from neurolect.errors import CorpusError

Decode = Callable[[bytes], str | None]


class Nested:
    """The place of a list, a map or an object, which is no metadata."""

    def __repr__(self) -> str:
        """Name it."""
        return "nested"


NESTED: Final = Nested()


class DateText(str):
    """A date or time that Python's own types cannot hold."""

    __slots__ = ()


PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
EPOCH = datetime.datetime(1970, 1, 1)


def plain_values(
    array: pa.Array, *, decode: Decode, where: str, n_before: int | None = None, lists: bool = False
) -> list[object]:
    """Give the values of a column.

    ``decode``: Makes text of bytes; None where they are none.
    ``where``: File and column, for messages.
    ``n_before``: Rows of the file before these, where that is known.
    ``lists``: Whether lists are read; otherwise they are nested, as maps and objects are.
    """
    kind = array.type
    if lists and (pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)):
        return _lists(array, decode, where)
    if isinstance(kind, pa.BaseExtensionType):
        values = plain_values(array.storage, decode=lambda data: None, where=where)
        if kind.extension_name == "arrow.uuid":
            return [str(uuid.UUID(bytes=each)) if isinstance(each, bytes) else each for each in values]
        return plain_values(array.storage, decode=decode, where=where)
    if pa.types.is_dictionary(kind):
        known = plain_values(array.dictionary, decode=decode, where=where)
        return [None if place is None else known[place] for place in array.indices.to_pylist()]
    if pa.types.is_run_end_encoded(kind):
        return _runs(array, decode, where)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return _texts(array, where, n_before)
    if _is_bytes(kind):
        return [_text_or_bytes(each, decode) for each in array.to_pylist()]
    if pa.types.is_temporal(kind):
        return _times(array)
    if pa.types.is_null(kind) or pa.types.is_boolean(kind) or pa.types.is_integer(kind):
        return list(array.to_pylist())
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return list(array.to_pylist())
    return [NESTED if valid else None for valid in array.is_valid().to_pylist()]


def _lists(array: pa.Array, decode: Decode, where: str) -> list[object]:
    inner = iter(plain_values(array.flatten(), decode=decode, where=where, lists=True))
    lengths = pc.list_value_length(array).to_pylist()
    return [None if length is None else list(islice(inner, length)) for length in lengths]


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
        or pa.types.is_binary_view(kind)
    )


def _runs(array: pa.Array, decode: Decode, where: str) -> list[object]:
    values = plain_values(array.values, decode=decode, where=where)
    found: list[object] = []
    before = 0
    first, last = array.offset, array.offset + len(array)
    for end, value in zip(array.run_ends.to_pylist(), values, strict=False):
        found += [value] * max(0, min(end, last) - max(before, first))
        before = end
    return found


def _texts(array: pa.Array, where: str, n_before: int | None) -> list[object]:
    try:
        return list(array.to_pylist())
    except UnicodeDecodeError:
        for row in range(len(array)):
            try:
                array[row].as_py()
            except UnicodeDecodeError as error:
                at = "a value" if n_before is None else f"row {n_before + row + 1:,}"
                what = f"{where}: {at} is no text ({error})."
                raise CorpusError(what, hint="The file is damaged: make it again.") from error
        raise


def _text_or_bytes(value: bytes | None, decode: Decode) -> object:
    if value is None:
        return None
    text = decode(value)
    return value if text is None else text


def _times(array: pa.Array) -> list[object]:
    kind = array.type
    nanoseconds = getattr(kind, "unit", "") == "ns"
    if not nanoseconds:
        try:
            return [str(each) if isinstance(each, tuple) else each for each in array.to_pylist()]
        except (ValueError, OverflowError, KeyError, pa.ArrowException):  # KeyError: an unknown zone
            pass
    if pa.types.is_interval(kind):
        return [str(each) if isinstance(each, tuple) else each for each in array.to_pylist()]
    width = pa.int32() if kind.bit_width == 32 else pa.int64()
    return [None if each is None else _time(each, kind) for each in array.view(width).to_pylist()]


def _time(value: int, kind: pa.DataType) -> object:
    """Give a date, a time or a span by its number of units."""
    unit = "ms" if kind == pa.date64() else getattr(kind, "unit", "day")
    if kind == pa.date32():
        seconds, rest = value * 86_400, 0
    else:
        seconds, rest = divmod(value, PER_SECOND[unit])
    micro, finer = divmod(rest * PER_SECOND["ns"] // PER_SECOND.get(unit, 1), 1000)
    try:
        span = datetime.timedelta(seconds=seconds, microseconds=micro)
        if pa.types.is_duration(kind):
            return span if not finer else DateText(f"{span}{'' if micro else '.000000'}{finer:03d}")
        at = EPOCH + span
    except OverflowError:
        return DateText(f"{value} {unit}" if pa.types.is_duration(kind) else f"{value} {unit} since 1970")
    if pa.types.is_date(kind):
        return at.date()
    if pa.types.is_time(kind):
        return at.time() if not finer else DateText(f"{at.time().isoformat('microseconds')}{finer:03d}")
    zone = f" {kind.tz}" if kind.tz else ""
    written = at.isoformat(" ", "microseconds") + f"{finer:03d}" if finer else str(at)
    return at if not finer and not zone else DateText(written + zone)
