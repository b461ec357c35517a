"""Pooling as one would write it on paper: sentence by sentence, neuron by neuron."""

import numpy as np
from numpy.typing import NDArray


def pool_plainly(
    states: NDArray[np.float64], *, first: int, end: int, pooling: str
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Pool one sentence's states (n_tokens, n_neurons); return values and the token of each maximum."""
    n_neurons = states.shape[1]
    values = np.zeros(n_neurons)
    tokens = np.zeros(n_neurons, dtype=np.int64)
    for neuron in range(n_neurons):
        own = [float(states[token, neuron]) for token in range(first, end)]
        if pooling == "mean":
            values[neuron] = sum(own) / len(own)
        elif pooling == "max":
            values[neuron] = max(own)
            tokens[neuron] = first + own.index(max(own))
        else:
            values[neuron] = own[0] if pooling == "first" else own[-1]
    return values, tokens
