"""When a pass may end before the corpus does: once enough neurons have settled."""

from typing import NamedTuple

from neurolect.errors import OptionError


class StopRule(NamedTuple):
    """The rule.

    ``stable``: A neuron has settled when all its lists keep at least this share of their evidence.
    """

    stable: float
    share: float


def parse_stop_rule(text: str) -> StopRule:
    """Read a rule such as ``stable=0.9,share=0.8``.

    Examples
    --------
    >>> parse_stop_rule("stable=0.9,share=0.8")
    StopRule(stable=0.9, share=0.8)
    """
    parts = dict(part.strip().partition("=")[::2] for part in text.split(","))
    try:
        values = {name: float(value) for name, value in parts.items()}
    except ValueError:
        values = {}
    if set(values) != {"stable", "share"} or not all(0 < value <= 1 for value in values.values()):
        what = f"collect.stop_when is {text!r}."
        raise OptionError(what, expected="stable=S,share=Q, both above 0 and at most 1, e.g. stable=0.9,share=0.8")
    return StopRule(**values)
