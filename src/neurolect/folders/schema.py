"""Check what a JSON file holds against the types that the code declares for it."""

from types import NoneType, UnionType
from typing import Any, NotRequired, Required, Union, get_args, get_origin, get_type_hints, is_typeddict

_NAMES = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    NoneType: "null",
    dict: "an object",
    list: "a list",
}


def misfit(value: object, declared: Any, *, name: str = "") -> tuple[str, str] | None:  # noqa: ANN401 - a type
    """Find the first place where a value is not of its declared type.

    ``declared``: A plain type, a ``TypedDict``, or a list, dict or union of such.
    Returns: What is there and what was expected; None where all fits.

    Examples
    --------
    >>> misfit({"n": ["a"]}, dict[str, list[int]])
    ("n[0] is 'a'", 'a whole number')
    """
    if declared is Any or declared is object:
        return None
    if get_origin(declared) in (Union, UnionType):
        found = [misfit(value, each, name=name) for each in get_args(declared)]
        if None in found:
            return None
        return f"{name} is {_short(value)}", " or ".join(_name(each) for each in get_args(declared))
    if not _is_of(value, _plain(declared)):
        return f"{name} is {_short(value)}", _name(declared)
    if is_typeddict(declared):
        return _misfit_of_keys(value, declared, name=name)
    inner = get_args(declared)
    if isinstance(value, dict) and inner:
        return _first((each, inner[1], _within(name, key)) for key, each in value.items())
    if isinstance(value, list) and inner:
        return _first((each, inner[0], f"{name}[{place}]") for place, each in enumerate(value))
    return None


def _misfit_of_keys(value: Any, declared: Any, *, name: str) -> tuple[str, str] | None:  # noqa: ANN401
    # keys that are not declared may be a later version's
    missing = sorted(declared.__required_keys__ - value.keys())
    if missing:
        return f"{_within(name, missing[0])} is missing", _name(get_type_hints(declared)[missing[0]])
    hints = get_type_hints(declared)
    return _first((value[key], hint, _within(name, key)) for key, hint in hints.items() if key in value)


def _first(members: Any) -> tuple[str, str] | None:  # noqa: ANN401 - pairs of a value and a type, with a name
    found = (misfit(value, declared, name=name) for value, declared, name in members)
    return next((each for each in found if each is not None), None)


def _within(name: str, key: str) -> str:
    return f"{name}.{key}" if name else key


def _is_of(value: object, plain: type) -> bool:
    if isinstance(value, bool):
        return plain is bool
    if plain is float:
        return isinstance(value, int | float)
    return isinstance(value, plain)


def _plain(declared: Any) -> type:  # noqa: ANN401
    if is_typeddict(declared):
        return dict
    plain: type = get_origin(declared) or declared
    return plain


def _name(declared: Any) -> str:  # noqa: ANN401
    if get_origin(declared) in (Union, UnionType):
        return " or ".join(_name(each) for each in get_args(declared))
    if get_origin(declared) in (NotRequired, Required):
        return _name(get_args(declared)[0])
    return _NAMES[NoneType if declared is None else _plain(declared)]


def _short(value: object) -> str:
    written = repr(value)
    return written if len(written) <= 60 else written[:57] + "..."
