"""What can be chosen about scoring signatures."""

from dataclasses import dataclass

from neurolect.errors import OptionError


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
    top_share: float = 0.01
    """Share of the held-out sentences that a neuron is to be told by: those with its highest (lowest) activations.
    Where the lists hold a greater share of the corpus, that is taken."""
    min_positives: int = 20
    """With fewer such sentences nothing is scored, and the card says so."""
    n_evidence: int = 40
    """Pieces of evidence of a kind that a signature is compiled from, strongest first."""
    fit_list: int = 1_000
    """Sentences of the list that weights are fitted on at most, from all ranks alike."""
    fit_background: int = 4_000
    """Sentences of the mining part's sample that weights are fitted on at most."""
    ridge: float = 0.1
    """How much each weight is held back: the share added to its feature's variance."""
    n_bootstrap: int = 200
    """Resamples of the held-out documents behind an interval."""
    interval: float = 0.95
    """Share of the resamples inside an interval."""
    seed: int = 0
    """Seed of resamples and of the neurons that stand for another."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name, low, high in _RANGES:
            value = getattr(self, name)
            if not low <= value <= high:
                what = f"fidelity.{name} is {value!r}."
                raise OptionError(what, expected=f"a number from {low} to {high}")


_LARGE = 10_000_000
_RANGES: tuple[tuple[str, float, float], ...] = (
    ("top_share", 0.0001, 0.5),
    ("min_positives", 2, _LARGE),
    ("n_evidence", 1, 1_000),
    ("fit_list", 10, _LARGE),
    ("fit_background", 10, _LARGE),
    ("ridge", 0.0, 1_000.0),
    ("n_bootstrap", 10, 100_000),
    ("interval", 0.5, 0.999),
)
