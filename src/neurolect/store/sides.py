"""The two sides of a neuron, and the numbers of lists: neuron by neuron, within a neuron side by side.

List ``neuron_id * len(sides) + place of its side`` is the number that arrays of all lists are laid out by.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from neurolect.errors import OptionError

SIDES = ("top", "bottom")

PEAK_BEFORE, PEAK_AFTER = 8, 4
"""Tokens before and after a firing token whose values are kept of the first entries of lists."""


def peaks_of(side: str) -> str:
    """Name the array of a side's values: float16, shape (n_neurons, n_entries, 13), NaN where nothing is pooled."""
    return f"lists/{side}_peaks"


def check_side(side: str, sides: Sequence[str] = SIDES, *, of: object = None) -> None:
    """Refuse what is no side, and a side that the run in the folder `of` has no lists of."""
    if side not in SIDES:
        what = f"There is no side {side!r}."
        raise OptionError(what, expected="'top' or 'bottom'")
    if side not in sides:
        what = f"The run {of} has no {side} lists."
        raise OptionError(what, hint="Collect it again with --set collect.sides=top,bottom")


def lists_of(table: pa.Table, sides: Sequence[str]) -> NDArray[np.int64]:
    """Give the number of each row's list, from the columns ``neuron_id`` and ``side``.

    Examples
    --------
    >>> lists_of(pa.table({"neuron_id": [0, 3], "side": ["bottom", "top"]}), SIDES).tolist()
    [1, 6]
    """
    neurons = table.column("neuron_id").to_numpy().astype(np.int64)
    places = pc.index_in(table.column("side"), value_set=pa.array(list(sides), pa.string()))
    return np.asarray(neurons * len(sides) + places.to_numpy(), dtype=np.int64)


def list_columns(lists: NDArray[np.integer], sides: Sequence[str | None]) -> dict[str, pa.Array]:
    """Give the columns ``neuron_id`` and ``side`` of lists by their numbers; the sides ``(None,)`` are of neurons.

    Examples
    --------
    >>> {name: column.to_pylist() for name, column in list_columns(np.array([1, 6]), SIDES).items()}
    {'neuron_id': [0, 3], 'side': ['bottom', 'top']}
    """
    return {
        "neuron_id": pa.array((lists // len(sides)).astype(np.int32)),
        "side": pa.array(list(sides), pa.string()).take(pa.array(lists % len(sides))),
    }
