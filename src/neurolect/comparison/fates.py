"""What became of a neuron in another model: kept, elsewhere, or gone."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["FATES", "fates_of"]

FATES = ("kept", "moved within the layer", "moved to another layer", "vanished", "appeared")


def fates_of(
    *,
    same: NDArray[np.float32],
    best: NDArray[np.float32],
    layers: NDArray[np.int64],
    best_layers: NDArray[np.int64],
    match: float,
    gone: str,
) -> list[str]:
    """Say what became of every neuron.

    Parameters
    ----------
    same : float32, shape (n,)
        Correlation with the neuron of the same address in the other model; NaN where there is none.
    best : float32, shape (n,)
        Correlation with the best partner.
    layers, best_layers : int64, shape (n,)
        Layer of the neuron and of its partner; different numbers for different sites too.
    match : float
        Partners correlate at least so much, whatever the sign.
    gone : {"vanished", "appeared"}
        What a neuron without a partner is called: the first is of the model that comes first.

    Returns
    -------
    list of str
        One of :data:`FATES` each. A partner at the same address goes before a better one elsewhere.
    """
    kept = np.abs(np.nan_to_num(same)) >= match
    partner = np.abs(np.nan_to_num(best)) >= match
    found = []
    for index in range(len(same)):
        if kept[index]:
            found.append("kept")
        elif partner[index]:
            found.append(FATES[1] if layers[index] == best_layers[index] else FATES[2])
        else:
            found.append(gone)
    return found
