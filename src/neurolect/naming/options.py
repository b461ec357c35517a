"""What can be chosen about names by a language model."""

from dataclasses import dataclass
from typing import Annotated

from neurolect.ranges import SEED, OneOf, Range, check_ranges
from neurolect.store.sides import SIDES

LIST, SENTENCE = "list", "sentence"
ASKED = (LIST, SENTENCE)
"""What a judge is asked at a time."""
ANSWER_TOKENS, YES_TOKENS = 200, 5
"""Tokens of an answer at most: of a name or a list, and of yes or no with what may be around it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NameOptions:
    """What a language model is shown and asked, and how patient the asking is.

    Raises
    ------
    OptionError
        If a value is out of its range.
    """

    side: Annotated[str, OneOf(SIDES)] = "top"
    """Whose lists are named: the top or the bottom ones."""
    neurons: Annotated[int, Range(1, 1_000_000)] = 20
    """Neurons that are named where no address is given, drawn at random, equally by layer."""
    shown: Annotated[int, Range(1, 200)] = 15
    """Sentences of the list that a name is asked for, the strongest."""
    contrast: Annotated[int, Range(0, 200)] = 5
    """Random sentences of the corpus shown next to them."""
    judged: Annotated[int, Range(3, 100)] = 10
    """Held-out sentences that a name should fit, the neuron's highest; as many of the lower half are mixed in."""
    judge: str | None = None
    """The model that says which of them fit, by its name at the endpoint; the one that names when not given."""
    ask: Annotated[str, OneOf(ASKED)] = LIST
    """What the judge is asked at a time: which of the `list` fit, or of one `sentence` yes or no (small models)."""
    answer_tokens: Annotated[int, Range(1, 100_000)] | None = None
    """Tokens of an answer at most: 200, of a yes or no 5, when not given; models that think first need more."""
    temperature: Annotated[float, Range(0.0, 2.0)] = 0.0
    """How random answers are."""
    timeout: Annotated[float, Range(0.05, 86_400.0)] = 120.0
    """Seconds that an answer may take."""
    retries: Annotated[int, Range(0, 100)] = 4
    """Further tries of a question where the server is down, slow, overloaded or limits the rate."""
    longest_wait: Annotated[float, Range(0.0, 86_400.0)] = 60.0
    """Seconds to wait at most before a further try; a server that asks for more is not waited for."""
    at_once: Annotated[int, Range(1, 64)] = 1
    """Questions that are under way at the same time."""
    n_bootstrap: Annotated[int, Range(10, 100_000)] = 1_000
    """Resamples of the neurons behind the interval of a mean."""
    interval: Annotated[float, Range(0.5, 0.999)] = 0.95
    """What an interval covers."""
    seed: Annotated[int, SEED] = 0
    """Seed of neurons, sentences, their order, and whose name is the shuffled control."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_ranges(self, "name")

    @property
    def yes_tokens(self) -> int:
        """Tokens of a yes or no at most."""
        return self.answer_tokens or YES_TOKENS

    @property
    def line_tokens(self) -> int:
        """Tokens of a name or a list at most."""
        return self.answer_tokens or ANSWER_TOKENS
