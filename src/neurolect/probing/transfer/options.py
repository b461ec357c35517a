"""What can be chosen about selecting features."""

from dataclasses import dataclass
from typing import Annotated

from neurolect.ranges import COUNT, SHARE, Range, check_ranges


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferOptions:
    """How a few neurons of low layers are selected, and what they are compared with.

    Raises
    ------
    OptionError
        If a value is out of its range.
    """

    delta: Annotated[float, SHARE] = 0.01
    """Accuracy on the dev part that each of the three steps may lose, as a share of that of all neurons."""
    cuts: tuple[Annotated[float, SHARE], ...] = (0.7, 0.5, 0.3, 0.1)
    """Distances (1 - absolute correlation) up to which neurons are one group; the greatest that meets the target is
    taken, and none where none does."""
    max_solves: Annotated[int, Range(1, 10_000)] = 12
    """Sizes that are tried for the minimal set: 1 % doubled, then halved."""
    n_random: Annotated[int, Range(1, 100)] = 5
    """Random choices of as many neurons that accuracies are compared with."""
    n_bootstrap: Annotated[int, Range(20, 100_000)] = 200
    """Bootstrap samples of test sentences for intervals of accuracies."""
    texts: Annotated[int, COUNT] = 200
    """Test sentences that the network is timed on at most."""
    rounds: Annotated[int, Range(1, 1_000)] = 5
    """How often it is timed, with all blocks and without the last ones in turn."""

    def __post_init__(self) -> None:
        check_ranges(self, "transfer")
