"""What an option may be: stated once in its type, refused in one way, shown on the options page.

    list_size: Annotated[int, Range(1, 10_000_000)] = 1_000

A type without a range takes any value of the type; ``Literal`` lists its values. Numbers are finite always.
"""

import dataclasses
import math
import numbers
import types
import typing
from collections.abc import Collection
from functools import cache
from typing import Any, NamedTuple

from neurolect.errors import OptionError, nearest


class Range(NamedTuple):
    """The numbers that an option takes, both ends included unless ``above`` or ``below`` says otherwise."""

    low: float
    high: float
    above: bool = False
    """Whether the lower end itself is refused."""
    below: bool = False
    """Whether the upper end itself is refused."""

    def holds(self, value: float) -> bool:
        """Say whether a number lies in it."""
        low = value > self.low if self.above else value >= self.low
        return low and (value < self.high if self.below else value <= self.high)

    def __str__(self) -> str:
        """Say it in words."""
        low, high = (f"{end:,}" if isinstance(end, int) else f"{end:g}" for end in self[:2])
        if self.above or self.below:
            return (
                f"{'above' if self.above else 'at least'} {low} and {'below' if self.below else 'at most'} {high}"
            )
        return f"from {low} to {high}"


class OneOf(NamedTuple):
    """The words that an option takes."""

    choices: Collection[str]

    def holds(self, value: str) -> bool:
        """Say whether a word is one of them."""
        return value in self.choices


SEED = Range(0, 2**63 - 1)
"""Of every seed."""
COUNT = Range(1, 1_000_000_000)
"""Of things there must be one of, and of which a corpus may have many."""
SHARE = Range(0.0, 1.0)
"""Of a part of a whole."""
POSITIVE_SHARE = Range(0.0, 1.0, above=True)
"""Of a part that is not nothing."""


def check_ranges(options: Any, stage: str) -> None:  # noqa: ANN401 - any stage's options
    """Refuse the first option whose value is not of its type or out of its range."""
    for name, hint in hints_of(options.__class__).items():
        value = getattr(options, name)
        if not _fits(hint, value):
            what = f"{stage}.{name} is {value!r}."
            near = _near(value, [str(each) for each in _choices(hint)])
            said = f"{near}What it means: neurolect options {stage}.{name}"
            raise OptionError(what, expected=in_words(hint), hint=said)


def _near(value: Any, choices: list[str]) -> str:  # noqa: ANN401 - any value
    """Name the choices most like a value; nothing where there are no choices, or all are as far."""
    found = nearest(str(value), choices) if choices else ""
    return f"The nearest: {found}. " if found and found.count("'") < 2 * len(choices) else ""


@cache
def hints_of(options_class: Any) -> dict[str, Any]:  # noqa: ANN401 - a dataclass
    """Read the types of the fields, with their ranges."""
    hints = typing.get_type_hints(options_class, include_extras=True)
    return {each.name: hints[each.name] for each in dataclasses.fields(options_class)}


def _fits(hint: Any, value: Any) -> bool:  # noqa: ANN401 - any type, any value
    """Say whether a value is of a type and in its range."""
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(_fits(part, value) for part in parts)
    if origin is typing.Literal:
        return any(value == part and type(value) is type(part) for part in parts)
    if origin is typing.Annotated:
        return _fits(parts[0], value) and parts[1].holds(value)
    if origin is tuple:
        return isinstance(value, tuple | list) and all(_fits(parts[0], each) for each in value)
    if hint is float:
        return not isinstance(value, bool) and isinstance(value, numbers.Real) and _is_finite(value)
    if hint is int:
        return isinstance(value, numbers.Integral) and not isinstance(value, bool)
    return value is None if hint is type(None) else isinstance(value, hint)


def _is_finite(value: Any) -> bool:  # noqa: ANN401 - any real number, as large as it may be
    return bool(-math.inf < value < math.inf)


def _choices(hint: Any) -> tuple[Any, ...]:  # noqa: ANN401 - any type
    """List the values of a type that has few."""
    if typing.get_origin(hint) is typing.Literal:
        return typing.get_args(hint)
    if isinstance(hint, OneOf):
        return tuple(hint.choices)
    return tuple(value for part in typing.get_args(hint) for value in _choices(part))


def in_words(hint: Any) -> str:  # noqa: ANN401 - any type
    """Say what a type takes."""
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return ", or ".join(in_words(part) for part in parts)
    if origin is typing.Literal:
        return _any_of(parts)
    if origin is typing.Annotated:
        if isinstance(parts[1], OneOf):
            return _any_of(parts[1].choices)
        return f"{in_words(parts[0])} {parts[1]}"
    if origin is tuple:
        return f"a list, each {in_words(parts[0])}"
    names = {int: "a whole number", float: "a number", bool: "true or false", str: "text", type(None): "not set"}
    return names[hint]


def _any_of(choices: Collection[Any]) -> str:
    return " or ".join(map(repr, choices)) if len(choices) < 3 else f"one of {', '.join(map(str, choices))}"
