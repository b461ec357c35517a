"""What can be chosen about aligning neurons with phrases."""

from dataclasses import dataclass
from typing import Annotated

from neurolect.ranges import COUNT, SEED, OneOf, Range, check_ranges
from neurolect.store.sides import SIDES


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignOptions:
    """How neurons are aligned with phrases of their strongest sentences.

    Raises
    ------
    OptionError
        If a value is out of its range.
    """

    sides: tuple[Annotated[str, OneOf(SIDES)], ...] = ("top",)
    """Lists whose sentences phrases are taken from: ``top``, ``bottom`` or both."""
    neurons: Annotated[int, COUNT] = 200
    """Neurons at most where none are named, as many of each layer, drawn at random."""
    n_sentences: Annotated[int, Range(1, 1_000)] = 10
    """First sentences of a list that phrases are taken from."""
    n_phrases: Annotated[int, Range(1, 100)] = 3
    """Phrases that a list is aligned with."""
    longest: Annotated[int, Range(1, 20)] = 3
    """Words of a phrase at most."""
    n_random: Annotated[int, Range(10, 10_000)] = 100
    """Random phrases of the corpus of each length in words: what a phrase is compared with."""
    n_draws: Annotated[int, Range(1, 1_000)] = 20
    """Random choices of phrases behind each baseline."""
    least_holding: Annotated[int, Range(1, 10_000)] = 5
    """Sentences of the sample that must hold an aligned phrase for a selectivity to be given."""
    seed: Annotated[int, SEED] = 0
    """Seed of neurons, random phrases and draws."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_ranges(self, "align")
