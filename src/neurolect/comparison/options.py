"""What a comparison lets the user choose."""

from dataclasses import dataclass
from typing import Annotated

from neurolect.ranges import COUNT, POSITIVE_SHARE, SEED, Range, check_ranges


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareOptions:
    """How runs of several models over one corpus are compared."""

    match: Annotated[float, POSITIVE_SHARE] = 0.5
    """Two neurons are partners from this absolute correlation on."""

    ridge: Annotated[float, Range(0.0, 1_000.0, above=True)] = 0.1
    """Penalty of the regression on squared weights, as a share of the explaining neurons' mean variance."""

    variance: Annotated[float, POSITIVE_SHARE] = 0.99
    """Share of a layer's variance that SVCCA keeps."""

    limit: Annotated[int, COUNT] = 10_000
    """Sentences taken from each sentence set, and from a corpus that is streamed; a seeded choice."""

    seed: Annotated[int, SEED] = 0
    """Seed of that choice."""

    rank_by: tuple[str, ...] = ()
    """Numbers that layers are ranked by, as ``neurolect rank --by`` takes them; when empty parts of speech and
    length, where all runs are described."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_ranges(self, "compare")
