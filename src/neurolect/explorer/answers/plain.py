"""Values as pages get them: numbers of five digits, null for what is none, texts of a bounded length."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

LONGEST = 2_000
"""Characters of a sentence at most; a text of a run may be one word of 100 KB."""
_POWERS = np.array([float(f"1e{size}") for size in range(23)])
_AS_THEY_ARE = frozenset({str, int, bool, type(None)})
"""Most of the values of a card, which has thousands, are handed on."""
Piece = list[Any]
"""A part of a sentence: text, shade from 0 to 1 (None where it is not known), whether it is the peak."""


def plain(value: Any) -> Any:  # noqa: ANN401 - anything that JSON has
    """Round numbers in nested lists and dicts to five digits; NaN and infinity become null.

    >>> plain({"a": [0.123456, float("nan")], "b": 12345678})
    {'a': [0.12346, None], 'b': 12345678}
    """
    kind = type(value)
    if kind is dict:
        return {
            key: each if (of := type(each)) in _AS_THEY_ARE else _rounded(each) if of is float else plain(each)
            for key, each in value.items()
        }
    if kind is list or kind is tuple:
        return [
            each if (of := type(each)) in _AS_THEY_ARE else _rounded(each) if of is float else plain(each)
            for each in value
        ]
    if isinstance(value, float):
        return _rounded(value)
    if isinstance(value, dict | list | tuple):
        return plain(dict(value) if isinstance(value, dict) else list(value))
    return value.item() if isinstance(value, np.generic) else value


def _rounded(value: float) -> float | None:
    return float(f"{value:.5g}") if math.isfinite(value) else None


def numbers_list(values: NDArray[np.floating]) -> list[float | int | None]:
    """Round an array to five digits; whole numbers are written without a point.

    >>> numbers_list(np.array([0.123456, np.nan, 0.0, -1234567.0])), numbers_list(np.array([1.0, 2.0]))
    ([0.12346, None, 0.0, -1234600.0], [1, 2])
    """
    values = np.asarray(values, np.float64)
    known = np.isfinite(values)
    if known.all() and (values == np.rint(values)).all() and np.abs(values).max(initial=0.0) < 1e15:
        whole: list[float | int | None] = values.astype(np.int64).tolist()
        return whole
    size = np.floor(np.log10(np.abs(np.where(known & (values != 0), values, 1.0))))
    # of other sizes the powers of ten are no exact numbers, and differ from processor to processor
    far = np.abs(size - 4) > 22
    up, down = (_POWERS[np.clip(each, 0, 22).astype(np.int64)] for each in (4 - size, size - 4))
    rounded = (np.rint(np.where(known & ~far, values, 0.0) * up / down) / up * down).astype(object)
    rounded[far] = [float(f"{value:.5g}") for value in values[far].tolist()]
    rounded[~known] = None
    written: list[float | int | None] = rounded.tolist()
    return written


def shortened(text: str, length: int) -> str:
    """Cut a text."""
    return text if len(text) <= length else text[: length - 1] + "\u2026"


def shaded(text: str, words: Sequence[tuple[int, int, float]] | None, *, longest: int = LONGEST) -> list[Piece]:
    """Cut a sentence into shaded pieces; of a very long one only the part about its peak is left.

    ``words``: First character, one past the last, and weight by the greatest; None where that is not known.

    >>> shaded("a big dog", [(2, 5, 0.3), (6, 9, 1.0)])
    [['a ', 0.0, False], ['big', 0.3, False], [' ', 0.0, False], ['dog', 1.0, True]]
    >>> shaded("a big dog", None)
    [['a big dog', None, False]]
    """
    if words is None:
        return [[shortened(text, longest), None, False]]
    peak = max(words, key=lambda word: word[2], default=(0, 0, 0.0))
    begins, ends = _window(len(text), (peak[0] + peak[1]) // 2, longest)
    pieces: list[Piece] = [["\u2026", 0.0, False]] if begins else []
    at = begins
    for word in words:
        start, end = max(word[0], begins), min(word[1], ends)
        if start >= end:
            continue
        if start > at:
            pieces.append([text[at:start], 0.0, False])
        pieces.append([text[start:end], round(float(word[2]), 3), word == peak])
        at = end
    if at < ends:
        pieces.append([text[at:ends], 0.0, False])
    return [*pieces, ["\u2026", 0.0, False]] if ends < len(text) else pieces


def _window(length: int, centre: int, longest: int) -> tuple[int, int]:
    """Choose the part of a text that is shown."""
    begins = min(max(0, centre - longest // 2), max(0, length - longest))
    return begins, min(length, begins + longest)
