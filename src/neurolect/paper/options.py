"""What the reproduction lets the user choose."""

from dataclasses import dataclass, field
from typing import Annotated

from neurolect.config import RunConfig
from neurolect.ranges import COUNT, SEED, OneOf, Range, check_ranges

STEPS = ("data", "variants", "collect", "compare", "describe", "relate", "report")
"""In their order; each has a folder of its own and is skipped when that is complete."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperOptions:
    """Model, corpus and labels of a reproduction; the defaults need nothing but the extra ``demo``."""

    model: str = "minilm"
    """The pre-trained model: a folder, a hub name, or ``minilm``."""

    corpus: str | None = None
    """A prepared corpus folder, or documents to prepare; the built-in corpus when not given."""

    sentiment: str | None = None
    """Metadata field of positive and negative texts; ``polarity`` or ``sentiment`` when not given."""

    sentiment_data: tuple[str, ...] = ()
    """Documents to fine-tune on for sentiment; those of the corpus when not given."""

    category: str | None = None
    """Metadata field of the category; ``category``, ``topic`` or ``group`` when not given."""

    category_data: tuple[str, ...] = ()
    """Documents to fine-tune on for the category; those of the corpus when not given."""

    epochs: Annotated[int, Range(1, 100_000)] = 5
    """Passes over the texts at most when fine-tuning; the papers' number."""

    texts: Annotated[int, COUNT] | None = None
    """Fine-tune on so many texts at most, a seeded choice; all when not given."""

    sentences: Annotated[int, Range(2, 1_000_000_000)] = 10_000
    """Sentences of each set that the distance before and after fine-tuning is taken over; the paper's number."""

    seed: Annotated[int, SEED] = 0
    """Seed of all that is random: weights, choices of texts and sentences."""

    until: Annotated[str, OneOf(STEPS)] = "report"
    """The last step: ``data``, ``variants``, ``collect``, ``compare``, ``describe``, ``relate`` or ``report``."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_ranges(self, "paper")


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperConfig(RunConfig):
    """All options of a reproduction: its own, and those of the stages."""

    paper: PaperOptions = field(default_factory=PaperOptions)
    """What the reproduction lets the user choose."""
