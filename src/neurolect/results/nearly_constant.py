"""Neurons whose activation hardly changes: nothing in the model can follow from their lists."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from neurolect.store import Run

FRACTION = 1e-4


@lru_cache(maxsize=1)  # a report asks for every card
def nearly_constant(run: Run) -> NDArray[np.bool_]:
    """Tell which neurons vary next to nothing.

    Returns: bool, shape (n_neurons,). True where the standard deviation is under a ten thousandth of the run's
        median: a norm's gain is close to zero there, as in a few dimensions of the last layer of many models.
    """
    deviations = run.table("neurons", columns=["std"]).column("std").to_numpy().astype(np.float64)
    known = deviations[np.isfinite(deviations)]
    floor = FRACTION * float(np.median(known)) if len(known) else 0.0
    found: NDArray[np.bool_] = np.nan_to_num(deviations) <= floor
    found.flags.writeable = False
    return found
