"""The activations that runs stored, some sentences at a time."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from neurolect.store import Run

__all__ = ["stored_values"]

_SENTENCES = 512


def stored_values(
    runs: Sequence[Run], *, columns: Sequence[NDArray[np.int64]]
) -> Iterator[list[NDArray[np.float32]]]:
    """Read the same sentences of several runs.

    Parameters
    ----------
    runs : sequence of Run
        The runs.
    columns : sequence of int64 arrays
        Columns of each run's stored activations, the same sentences in the same order.

    Yields
    ------
    list of float32 arrays, shape (n_sentences, n_neurons) each
        Run by run; NaN where a run skipped a sentence.
    """
    arrays = [run.array("sample/activations") for run in runs]
    for start in range(0, len(columns[0]), _SENTENCES):
        part = slice(start, start + _SENTENCES)
        yield [
            np.ascontiguousarray(array[:, own[part]].T, dtype=np.float32)
            for array, own in zip(arrays, columns, strict=True)
        ]
