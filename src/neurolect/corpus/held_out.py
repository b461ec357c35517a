"""Choose the documents that are set aside, by a seeded hash of their numbers."""

import numpy as np
from numpy.typing import NDArray


def is_held_out(document_ids: NDArray[np.int64], *, share: float, seed: int) -> NDArray[np.bool_]:
    """Tell which documents are set aside.

    The choice depends on the document's number and the seed only (SplitMix64), not on what else is in the corpus.

    ``document_ids``: int64, shape (n,). Running numbers of documents.
    Returns: bool, shape (n,). True where set aside.
    """
    z = document_ids.astype(np.uint64) + np.uint64(1)
    z = _mix(z * np.uint64(0x9E3779B97F4A7C15) + _mix(np.array([seed], dtype=np.uint64) + np.uint64(1)))
    # 53 bits make an exact float in [0, 1).
    return (z >> np.uint64(11)).astype(np.float64) * 2.0**-53 < share


def _mix(z: NDArray[np.uint64]) -> NDArray[np.uint64]:
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
