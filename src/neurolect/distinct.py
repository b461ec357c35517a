"""The different values of an array, by sorting: since 2.3 NumPy hashes integers to find them, ten times slower."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", bound=np.integer)


def distinct(values: NDArray[Number]) -> NDArray[Number]:
    """Give every value once.

    ``values``: int array, shape (n,). Of any integer type.
    Returns: int array, shape (n_distinct,), ascending. Of the same type.

    Examples
    --------
    >>> distinct(np.array([3, 1, 3, 2]))
    array([1, 2, 3])
    """
    ordered = np.sort(values)
    first = np.ones(len(ordered), dtype=np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    return ordered[first]
