"""What a comparison lets the user choose."""

from dataclasses import dataclass

from neurolect.errors import OptionError


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareOptions:
    """How runs of several models over one corpus are compared."""

    match: float = 0.5
    """Two neurons are partners from this absolute correlation on."""

    ridge: float = 0.1
    """Penalty of the regression on squared weights, as a share of the explaining neurons' mean variance."""

    variance: float = 0.99
    """Share of a layer's variance that SVCCA keeps."""

    limit: int = 10_000
    """Sentences taken from each sentence set, and from a corpus that is streamed; a seeded choice."""

    seed: int = 0
    """Seed of that choice."""

    rank_by: tuple[str, ...] = ()
    """Numbers that layers are ranked by, as ``neurolect rank --by`` takes them; when empty parts of speech and
    length, where all runs are described."""

    def __post_init__(self) -> None:
        _check(0 < self.match <= 1, "match", self.match, "above 0, at most 1")
        _check(self.ridge > 0, "ridge", self.ridge, "more than 0")
        _check(0 < self.variance <= 1, "variance", self.variance, "above 0, at most 1")
        _check(self.limit >= 1, "limit", self.limit, "at least 1")


def _check(fits: bool, name: str, value: object, expected: str) -> None:  # noqa: FBT001 - a condition
    if not fits:
        what = f"The option {name} of compare is {value}."
        raise OptionError(what, expected=expected)
