"""What a number of neurons is: how it is described and looked up, and what a look-up gives."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.store import Run


class Asked(NamedTuple):
    """Which number of which lists is wanted."""

    side: str
    """``top`` or ``bottom``."""
    value: str | None = None
    """One of the number's values, e.g. a tag."""
    argument: str = ""
    """What follows the ``=`` of its name, e.g. a field."""


class Numbers(NamedTuple):
    """A number of every neuron, for one side."""

    values: NDArray[np.float64]
    """In the order of neuron ids, shape (n_neurons,); NaN where there is none."""
    evidence: list[str] | None = None
    """What the number rests on, neuron by neuron, e.g. the tag; None where that is the same for all."""
    label: str = ""
    """What it is, for titles and axes; the number's own label where empty."""
    notes: tuple[str, ...] = ()
    """What a reader should know, e.g. how many neurons have no number."""
    of_neuron: bool = False
    """Whether it is the neuron's, the same for its top and its bottom list."""
    signed: bool = False
    """Whether a great number of its bottom list says that the neuron is low for something."""


def _no_arguments(_run: Run) -> Sequence[str]:
    return ("",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number that neurons can be ranked, mapped and compared by.

    Examples
    --------
    >>> Number(name="width", label="width of the list", source="lists", read=lambda run, asked: ...).of_neuron
    False
    """

    name: str
    """What ``--by`` takes. One that ends in ``=`` takes an argument behind it: ``field=author``."""
    label: str
    """What it is, for titles, axes and ``rank --list``."""
    source: str
    """Where it comes from: the run's tables."""
    read: Callable[[Run, Asked], Numbers | NDArray[np.float64]]
    """Gives it for the neurons of one side, by neuron id; raises a NeurolectError where the run has it not."""
    of_neuron: bool = False
    """Whether it is the neuron's, the same for both lists; else neurons that do not vary are left out."""
    signed: bool = False
    """Whether a great number of its bottom list says that the neuron is low for something."""
    takes_value: bool = False
    """Whether one value of it can be asked for."""
    arguments: Callable[[Run], Sequence[str]] = _no_arguments
    """What can follow the ``=`` for a run."""


# Neurons whose activation hardly changes, or is no number: nothing in the model can follow from their lists.
FRACTION = 1e-4


@lru_cache(maxsize=1)  # a report asks for every card
def nearly_constant(run: Run) -> NDArray[np.bool_]:
    """Tell which neurons vary next to nothing: the one rule of all stages and views.

    Returns: bool, shape (n_neurons,). True where the standard deviation is under a ten thousandth of the run's
        median: a norm's gain is close to zero there, as in a few dimensions of the last layer of many models. A
        neuron without any finite activation is :func:`not_finite` instead.
    """
    deviations = _deviations(run)
    known = deviations[np.isfinite(deviations)]
    floor = FRACTION * float(np.median(known)) if len(known) else 0.0
    found: NDArray[np.bool_] = np.nan_to_num(deviations, nan=np.inf) <= floor
    found.flags.writeable = False
    return found


@lru_cache(maxsize=1)
def not_finite(run: Run) -> NDArray[np.bool_]:
    """Tell which neurons have no finite activation at all; bool, shape (n_neurons,)."""
    found: NDArray[np.bool_] = np.isnan(_deviations(run))
    found.flags.writeable = False
    return found


def _deviations(run: Run) -> NDArray[np.float64]:
    """Give the standard deviation of every neuron; NaN where no activation was finite."""
    table = run.table("neurons", columns=["n", "std"])
    n, std = (np.asarray(table.column(name).to_numpy(zero_copy_only=False)) for name in ("n", "std"))
    return np.where((n > 0) & np.isfinite(std), std, np.nan).astype(np.float64)
