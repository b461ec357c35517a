"""What can be chosen about measuring what neurons do."""

from dataclasses import dataclass
from typing import Annotated

from neurolect.interventions.changes import TO
from neurolect.ranges import COUNT, SEED, OneOf, Range, check_ranges
from neurolect.store.sides import SIDES


@dataclass(frozen=True, slots=True, kw_only=True)
class EditOptions:
    """How neurons are set, and on how many texts that is measured.

    Raises
    ------
    OptionError
        If a value is out of its range.
    """

    to: Annotated[str, OneOf(TO)] = "mean"
    """What neurons are set to: ``mean`` (over the texts' own tokens), ``zero``, or ``resample`` (values at tokens
    drawn from the texts)."""
    top: tuple[Annotated[int, COUNT], ...] = (10, 50)
    """Of a ranking, how many of the first neurons are set together."""
    texts: Annotated[int, COUNT] = 200
    """Texts at most, drawn at random where there are more."""
    exact: Annotated[int, Range(0, 1_000_000_000)] | None = None
    """Neurons of ``--each`` that are measured, the first by estimate, and as many at random; by default 50, and all
    on a GPU or where they are at most 200."""
    controls: Annotated[int, Range(1, 1_000)] = 10
    """Random neurons of the same layer, or random groups as large, that each is compared with."""
    text: str | None = None
    """Column of the texts, where they are rows of a table; the one that looks like it when not given."""
    label: str | None = None
    """Column of their classes, for a model with a classifier."""
    n_bootstrap: Annotated[int, Range(10, 100_000)] = 1_000
    """Resamples of the texts behind an interval."""
    interval: Annotated[float, Range(0.5, 0.999)] = 0.95
    """Share of the resamples inside an interval."""
    seed: Annotated[int, SEED] = 0
    """Seed of texts, masks, draws and resamples."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_ranges(self, "edit")


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseOptions:
    """How it is checked that a neuron does something where its signature says it responds.

    Raises
    ------
    OptionError
        If a value is out of its range.
    """

    side: Annotated[str, OneOf(SIDES)] = "top"
    """Whose signature: of the top or of the bottom list."""
    to: Annotated[str, OneOf(TO)] = "mean"
    """What neurons are set to: ``mean`` (over the held-out sentences' own tokens), ``zero``, or ``resample``."""
    n_sentences: Annotated[int, Range(5, 10_000)] = 20
    """Held-out sentences that match a signature, and as many controls."""
    neurons: Annotated[int, COUNT] = 2_500
    """Neurons at most, as many of each layer, drawn at random where more have a scored signature."""
    least_effect: Annotated[float, Range(0.0, 100.0)] = 0.01
    """Mean change where its signature matches that counts as something: nats of divergence, or a tenth of it of
    cosine distance."""
    n_permutations: Annotated[int, Range(100, 10_000_000)] = 4_999
    """Permutations behind a p value."""
    n_bootstrap: Annotated[int, Range(10, 100_000)] = 1_000
    """Resamples of the sentences behind an interval."""
    interval: Annotated[float, Range(0.5, 0.999)] = 0.95
    """Share of the resamples inside an interval."""
    seed: Annotated[int, SEED] = 0
    """Seed of the neurons, masks, random neurons, permutations and resamples."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_ranges(self, "cause")


@dataclass(frozen=True, slots=True, kw_only=True)
class DreamOptions:
    """How texts are written that activate a neuron.

    Raises
    ------
    OptionError
        If a value is out of its range.
    """

    side: Annotated[str, OneOf(SIDES)] = "top"
    """Whether the activation is to be high (``top``) or low (``bottom``)."""
    tokens: Annotated[int, Range(1, 200)] = 12
    """Model tokens of a text."""
    population: Annotated[int, Range(1, 1_000)] | None = None
    """Texts that are changed side by side, each with a penalty of its own on the loss; 4 on a CPU, 8 on a GPU."""
    children: Annotated[int, Range(1, 10_000)] | None = None
    """Changes of each that are tried at a time; 16 on a CPU, 32 on a GPU."""
    iterations: Annotated[int, Range(1, 100_000)] | None = None
    """How often; 60 on a CPU, 300 on a GPU."""
    candidates: Annotated[int, Range(1, 100_000)] = 512
    """Tokens at a place, the best by gradient, that a change is drawn from."""
    restart: Annotated[int, Range(1, 100_000)] = 50
    """Iterations after which all texts are the best one by a penalty drawn at random."""
    gumbel_steps: Annotated[int, Range(0, 100_000)] = 100
    """Steps of the Gumbel-softmax; 0 leaves it out."""
    gumbel_restarts: Annotated[int, Range(1, 1_000)] = 4
    """Texts that it writes at once."""
    gumbel_rate: Annotated[float, Range(1e-6, 100.0)] = 0.3
    """Its learning rate (Adam)."""
    max_seconds: Annotated[float, Range(1.0, 1e9)] | None = None
    """Stop after so long, with what there is."""
    seed: Annotated[int, SEED] = 0
    """Seed of random texts and draws."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_ranges(self, "dream")
