"""Chunks of a site: classic scripts that hand values over, since a page from disk can load nothing else.

A key's chunk follows from a rule, which docs/explorer.md and the page's ``source.js`` have too.
"""

from typing import Any

from neurolect.visible import strict_json

CARDS = 8
"""Neurons a chunk of cards: about 200 KB."""
_NESTED = frozenset({dict, list})
N_EXAMPLES = 10
"""Sentences a side of a card."""


def chunk_name(key: str, *, place: int | None = None) -> str:
    """Name the file of a key.

    ``place``: Of a card the neuron's number; of a column, its order or a map its place in the run's list of them.

    >>> chunk_name("overview/0"), chunk_name("column/0/name/2", place=5), chunk_name("card/1/hidden.3.5", place=17)
    ('data/overview-0.js', 'data/column-0-5-2.js', 'data/card-1-2.js')
    """
    kind, *rest = key.split("/")
    if kind == "card":
        return f"data/card-{rest[0]}-{(place or 0) // CARDS}.js"
    if kind in ("column", "map", "order"):
        return f"data/{kind}-{rest[0]}-{place}-{rest[2]}.js"
    return f"data/{key.replace('/', '-')}.js"


def chunk(values: dict[str, Any]) -> bytes:
    r"""Write a chunk; safe within a page as well, whatever its texts hold.

    >>> chunk({"a": "</script>"})
    b'neurolect.put({"a":"\\u003c/script\\u003e"});\n'
    """
    written = strict_json({key: packed(value) for key, value in values.items()}, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        written = written.replace(character, f"\\u{ord(character):04x}")
    return f"neurolect.put({written});\n".encode("utf-8", "replace")


def packed(value: Any) -> Any:  # noqa: ANN401 - anything that JSON has
    """Write the names of rows once: rows of the same names become ``{"$": names, "r": rows}``.

    >>> packed([{"a": 1, "b": 2}, {"a": 3, "b": 4}])
    {'$': ['a', 'b'], 'r': [[1, 2], [3, 4]]}
    >>> packed({"$": 1})
    {'$': ['$'], 'r': [[1]], 'one': True}
    """
    kind = type(value)
    if kind is dict:
        if "$" in value:
            return {"$": list(value), "r": [[packed(each) for each in value.values()]], "one": True}
        return {key: packed(each) if type(each) in _NESTED else each for key, each in value.items()}
    if kind is not list:
        return value
    if len(value) > 1 and type(value[0]) is dict and all(type(each) is dict for each in value):
        names = list(value[0])
        if names and all(list(each) == names for each in value):
            rows = [[packed(each) if type(each) in _NESTED else each for each in row.values()] for row in value]
            return {"$": names, "r": rows}
    return [packed(each) if type(each) in _NESTED else each for each in value]
