"""How a linear probe is fitted."""

from dataclasses import dataclass
from typing import Annotated, Literal

from neurolect.ranges import COUNT, SEED, Range, check_ranges

PENALTY = Range(0.0, 1e6)
"""Of an l1 or l2."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearOptions:
    """How a linear probe is fitted."""

    task: Literal["classes", "numbers"] = "classes"
    """``classes``: softmax, or logistic for two classes; ``numbers``: linear regression, the mean squared error."""
    l1: Annotated[float, PENALTY] = 1e-3
    """Times the sum of absolute weights, added to the mean loss."""
    l2: Annotated[float, PENALTY] = 1e-3
    """Times the sum of squared weights, added to the mean loss."""
    standardise: Literal["none", "zscore"] = "none"
    """``zscore``: weights, and their penalties, are of activations divided by their standard deviation."""
    gap: Annotated[float, Range(0.0, 1.0, above=True)] = 1e-3
    """The fit ends when the duality gap is at most this share of the objective."""
    gradient: Annotated[float, Range(0.0, 1.0, above=True)] = 1e-5
    """Or when no derivative by a weight of a standardised activation is greater; without penalties the only way."""
    max_steps: Annotated[int, COUNT] = 500
    """Or after these steps, with a warning."""
    compat: Literal["none", "neurox"] = "none"
    """``neurox``: the objective, optimiser and epochs of NeuroX, for comparison; there is no gap."""
    precision: Literal["float32", "float64"] = "float32"
    """Of the computation."""
    memory: Annotated[int, Range(1, 1 << 50)] = 1 << 30
    """Bytes that the activations may take; larger ones are read from their files once a step."""
    seed: Annotated[int, SEED] = 0
    """Of the batches of ``compat="neurox"``; all else is without chance."""

    def __post_init__(self) -> None:
        check_ranges(self, "probe")
