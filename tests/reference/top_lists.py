"""The plain twin of the streaming lists: sort everything."""

import numpy as np
from numpy.typing import NDArray


def sorted_lists(
    activations: NDArray[np.float32], sentence_ids: NDArray[np.int64], *, list_size: int, side: str
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
    """Give activations, sentence ids and row numbers of every neuron's list, padded with NaN and -1."""
    n_neurons = activations.shape[1]
    values = np.full((n_neurons, list_size), np.nan, dtype=np.float32)
    ids = np.full((n_neurons, list_size), -1, dtype=np.int64)
    rows = np.full((n_neurons, list_size), -1, dtype=np.int64)
    for neuron in range(n_neurons):
        column = [
            (float(value), int(sentence_id), row)
            for row, (value, sentence_id) in enumerate(zip(activations[:, neuron], sentence_ids, strict=True))
            if not np.isnan(value)
        ]
        sign = -1.0 if side == "top" else 1.0
        column.sort(key=lambda entry: (sign * entry[0], entry[1]))
        for rank, (value, sentence_id, row) in enumerate(column[:list_size]):
            values[neuron, rank], ids[neuron, rank], rows[neuron, rank] = value, sentence_id, row
    return values, ids, rows
