"""What can be chosen about scoring signatures."""

from dataclasses import dataclass
from typing import Annotated

from neurolect.ranges import SEED, Range, check_ranges


@dataclass(frozen=True, slots=True, kw_only=True)
class FidelityOptions:
    """How signatures are compiled and what they are scored on.

    Raises
    ------
    OptionError
        If a value is out of its range.
    """

    after_describe: bool = True
    """Whether ``describe``, ``run`` and ``demo`` score signatures too."""
    top_share: Annotated[float, Range(0.0001, 0.5)] = 0.01
    """Share of the held-out sentences that a neuron is to be distinguished by: those with its highest (lowest)
    activations. Where the lists hold a greater share of the corpus, or ``min_positives`` are one, that is taken."""
    min_positives: Annotated[int, Range(2, 10_000_000)] = 20
    """Such sentences at least; where that is more than half of all, nothing is scored, and the card says so."""
    n_evidence: Annotated[int, Range(1, 1_000)] = 40
    """Pieces of evidence of a kind that a signature is compiled from, strongest first."""
    fit_list: Annotated[int, Range(10, 10_000_000)] = 1_000
    """Sentences of the list that weights are fitted on at most, from all ranks alike."""
    fit_background: Annotated[int, Range(10, 10_000_000)] = 4_000
    """Sentences of the mining part's sample that weights are fitted on at most."""
    ridge: Annotated[float, Range(0.0, 1_000.0)] = 0.1
    """How much each weight is held back: the share added to its feature's variance."""
    n_bootstrap: Annotated[int, Range(10, 100_000)] = 200
    """Resamples of the held-out documents behind an interval."""
    interval: Annotated[float, Range(0.5, 0.999)] = 0.95
    """Share of the resamples inside an interval."""
    seed: Annotated[int, SEED] = 0
    """Seed of resamples and of the neurons that stand for another."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_ranges(self, "fidelity")
