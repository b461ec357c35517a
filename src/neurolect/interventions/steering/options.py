"""What can be chosen about steering, and about neurons that switch a value."""

from dataclasses import dataclass
from typing import Annotated

from neurolect.model.options import SITES
from neurolect.ranges import COUNT, SEED, OneOf, Range, check_ranges

WHERE = ("generated", "all")


@dataclass(frozen=True, slots=True, kw_only=True)
class SteerOptions:
    """How neurons are set to write of a concept, and what that is measured on.

    Raises
    ------
    OptionError
        If a value is out of its range.
    """

    text: str | None = None
    """Column of the texts, where the concept is given as a table; the one that looks like it when not given."""
    sites: tuple[Annotated[str, OneOf(SITES)], ...] = ("mlp", "attn")
    """Where expert units are looked for; of a ranking its own sites are used."""
    set_to: str = "p50"
    """What they are set to: ``p50``, ``p90`` or ``mean`` of the activations in sentences of the concept; ``zero``,
    a number, ``scale=F`` or ``translate`` (the difference of the means is added, falling along the ranking)."""
    top: tuple[Annotated[int, COUNT], ...] = (10, 50, 200)
    """How many of the first neurons are set together."""
    strengths: tuple[Annotated[float, Range(0.0, 1e6, above=True)], ...] = (1.0, 2.0, 4.0)
    """How far: 1 is the value itself, 2 as far again from the mean over sentences without the concept; of the
    direction how often it is added. Not of ``zero``, numbers and ``scale``."""
    prefix: str | None = None
    """What the plain prompt says before the prompts; ``Write about VALUE.`` when not given."""
    words: tuple[str, ...] = ()
    """Words that say that a text is of the concept; a classifier of bags of words when none is given."""
    rank_texts: Annotated[int, Range(5, 1_000_000)] = 200
    """Sentences of each class that neurons are ranked on."""
    judge_texts: Annotated[int, Range(5, 1_000_000)] = 400
    """Other sentences of each class that the classifier of texts is fitted on."""
    dev_texts: Annotated[int, Range(2, 1_000_000)] = 20
    """Other sentences of each class that the direction's layer is chosen by."""
    test_texts: Annotated[int, Range(2, 1_000_000)] = 20
    """Other sentences of each class whose log-probability is measured."""
    text_tokens: Annotated[int, Range(4, 100_000)] = 48
    """Model tokens of those at most; the rest is cut."""
    tokens: Annotated[int, Range(2, 100_000)] = 24
    """Model tokens that are written after each prompt."""
    samples: Annotated[int, Range(1, 10_000)] = 1
    """Texts for each prompt."""
    temperature: Annotated[float, Range(0.0, 100.0)] = 1.0
    """Of sampling; 0 takes the likeliest token."""
    positions: Annotated[str, OneOf(WHERE)] = "generated"
    """Which tokens neurons are set at while texts are written: those ``generated``, or ``all``."""
    draws: Annotated[int, Range(1, 1_000)] = 2
    """Groups of random neurons of the same layers, averaged."""
    fluent: Annotated[float, Range(0.0, 100.0)] = 0.5
    """Nats a token by which a text's loss may be above that of plain texts, to be called fluent."""
    n_bootstrap: Annotated[int, Range(10, 100_000)] = 1_000
    """Resamples of the prompts, or texts, behind an interval."""
    interval: Annotated[float, Range(0.5, 0.999)] = 0.95
    """Share of the resamples inside an interval."""
    seed: Annotated[int, SEED] = 0
    """Seed of the parts, draws, texts and resamples."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_ranges(self, "steer")


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchOptions:
    """How neurons are found that switch a value, and what they are scored on.

    Raises
    ------
    OptionError
        If a value is out of its range.
    """

    sites: tuple[Annotated[str, OneOf(SITES)], ...] = ("mlp",)
    """Where they are looked for."""
    pairs: Annotated[int, Range(4, 1_000_000)] = 200
    """Pairs of each part, drawn by the seed: of those to look with, and of those held out."""
    exact: Annotated[int, Range(1, 1_000_000)] = 60
    """Neurons that are set by themselves: the first by the gradient's estimate; a quarter as many at random."""
    top: tuple[Annotated[int, COUNT], ...] = (1, 5, 20)
    """How many of the first neurons are set together on the held-out pairs."""
    likeliest: Annotated[int, Range(1, 1_000)] = 5
    """Likeliest tokens, those that are a form of any pair left out, that are to stay the same."""
    draws: Annotated[int, Range(1, 1_000)] = 5
    """Groups of random neurons of the same layers."""
    n_bootstrap: Annotated[int, Range(10, 100_000)] = 1_000
    """Resamples of the held-out templates' pairs behind an interval."""
    interval: Annotated[float, Range(0.5, 0.999)] = 0.95
    """Share of the resamples inside an interval."""
    seed: Annotated[int, SEED] = 0
    """Seed of pairs, draws and resamples."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_ranges(self, "switch")
