"""How the cores of some machines are shared out to workers."""

import math
from collections.abc import Sequence


def cores_each(cores: Sequence[float], n_workers: int) -> float:
    """Find the largest number of cores that every worker can have at the same time.

    Returns: Whole where there is a core or more for each; else the part of one that lets all work at once.

    Examples
    --------
    >>> cores_each([16, 16], 4), cores_each([16, 4], 5), cores_each([2], 4)
    (8, 4, 0.5)
    """
    for n in range(int(max(cores, default=0)), 0, -1):
        if sum(int(each // n) for each in cores) >= n_workers:
            return n
    whole = sum(int(each) for each in cores)
    return 1 / math.ceil(n_workers / max(1, whole))
