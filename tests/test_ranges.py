"""Every option of every stage: what is out of its range is refused by name, its ends are taken."""

import dataclasses
import itertools
import math
import typing
from typing import Any

import numpy as np
import pytest

from neurolect.comparison import CompareOptions
from neurolect.errors import OptionError
from neurolect.paper.options import PaperConfig
from neurolect.ranges import OneOf, Range, check_ranges, hints_of, in_words

STAGES: dict[str, Any] = {
    **{each.name: type(getattr(PaperConfig(), each.name)) for each in dataclasses.fields(PaperConfig)},
    "compare": CompareOptions,
}
OPTIONS = [(stage, name) for stage, options in STAGES.items() for name in hints_of(options)]
FREE = {
    "text_column", "metadata_columns", "text", "label", "tagger", "vectors", "trees", "encoder_vectors",
    "stop_when", "rank_by", "model", "corpus", "sentiment", "sentiment_data", "category", "category_data",
    "backend", "encoding", "delimiter", "sample_field", "tokenizer", "limit_field",
    "words_column", "document_column", "split_column", "tag_column", "judge", "methods", "site_path", "sae",
    "source", "prefix", "words", "set_to",
}  # fmt: skip
"""Names, paths and small languages: checked where they are looked up."""
ODD: list[Any] = [math.nan, math.inf, -math.inf, -1e300, 1e300, 10**400, -(10**400), True, b"x", object(), [], {}]


def parts_of(hint: Any) -> list[Any]:
    """All types and ranges that a type is made of."""
    return [hint, *itertools.chain.from_iterable(parts_of(part) for part in typing.get_args(hint))]


def made(stage: str, name: str, value: Any) -> Any:
    return STAGES[stage](**{name: value})


@pytest.mark.parametrize(("stage", "name"), OPTIONS)
def test_odd_values_are_refused_by_the_name_of_the_option(stage: str, name: str) -> None:
    hint = hints_of(STAGES[stage])[name]
    is_list = any(typing.get_origin(part) is tuple for part in parts_of(hint))
    for value in ODD:
        if value is True and bool in parts_of(hint):
            continue
        with pytest.raises(OptionError, match=rf"(?s){stage}\.{name} is .*Expected: "):
            made(stage, name, (value,) if is_list else value)


@pytest.mark.parametrize(("stage", "name"), OPTIONS)
def test_every_number_and_word_has_a_range_and_its_ends_are_as_stated(stage: str, name: str) -> None:
    hint = hints_of(STAGES[stage])[name]
    parts = parts_of(hint)
    if name in FREE or bool in parts:
        return
    ranges = [part for part in parts if isinstance(part, Range | OneOf)]
    literal = [part for part in parts if typing.get_origin(part) is typing.Literal]
    assert len(ranges) + len(literal) == 1, "a range in the type, or a line in FREE"
    for each in ranges:
        if isinstance(each, Range):
            whole = int in parts
            step = 1 if whole else 1e-9
            ends = [
                (each.low, not each.above, each.low - step),
                (each.high, not each.below, each.high * 1.01 + step),
            ]
            for end, taken, outside in ends:
                kind: Any = int if whole else float
                values = (kind(end), taken), (kind(outside), False)
                for value, fits in values:
                    given = (value,) if any(typing.get_origin(part) is tuple for part in parts) else value
                    bare = dataclasses.make_dataclass("Bare", [(name, hint)])(given)
                    if fits:
                        check_ranges(bare, stage)
                    else:
                        with pytest.raises(OptionError, match=name):
                            check_ranges(bare, stage)


def test_numbers_of_numpy_are_numbers() -> None:
    assert made("collect", "list_size", np.int64(5)).list_size == 5
    assert made("prepare", "held_out", np.float32(0.5)).held_out == 0.5


def test_what_is_expected_is_said_in_words() -> None:
    assert in_words(hints_of(STAGES["collect"])["list_size"]) == "a whole number from 1 to 10,000,000, or not set"
    assert in_words(hints_of(STAGES["prepare"])["held_out"]) == "a number at least 0 and below 1"
    assert in_words(hints_of(STAGES["finetune"])["head"]) == "one of first, mean, linear"
    with pytest.raises(OptionError, match=r"(?s)one of drop, near, keep.*Hint: The nearest: 'drop'"):
        made("prepare", "duplicates", "dorp")
