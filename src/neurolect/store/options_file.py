"""Write resolved options as TOML."""

import json
from typing import Any


def options_to_toml(options: dict[str, dict[str, Any]]) -> str:
    """Write options of stages as TOML tables.

    ``options``: Stage to option to value (string, number, boolean, list or tuple of those; None is left out with a
        comment, TOML has no null).

    Examples
    --------
    >>> print(options_to_toml({"collect": {"list_size": 100, "limit": None}}), end="")
    [collect]
    list_size = 100
    # limit: not set
    """
    lines: list[str] = []
    for stage, values in options.items():
        if lines:
            lines.append("")
        lines.append(f"[{stage}]")
        for name, value in values.items():
            lines.append(f"# {name}: not set" if value is None else f"{name} = {_value(value)}")
    return "\n".join(lines) + "\n"


def _value(value: object) -> str:
    """Write one value."""
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(each) for each in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(str(name))} = {_value(each)}" for name, each in value.items()) + "}"
    # JSON's strings, numbers and booleans are TOML's
    return json.dumps(value, ensure_ascii=False)
