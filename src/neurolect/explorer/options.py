"""Options of the explorer."""

from dataclasses import dataclass
from typing import Annotated

from neurolect.ranges import COUNT, Range, check_ranges


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """How the explorer is served.

    Raises
    ------
    OptionError
        If a value is out of its range.
    """

    unbundled: bool = False
    """Deliver the page's modules one by one instead of the bundle: who edits one sees it on reload."""

    sentence_characters: Annotated[int, Range(1, 100_000)] = 2_000
    """Longest sentence that is given to the model."""

    model_requests: Annotated[int, COUNT] = 120
    """Sentences that the model is run on in a minute at most, of all visitors together."""

    def __post_init__(self) -> None:
        check_ranges(self, "serve")
