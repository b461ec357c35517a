"""The plain way to weigh a pattern's occurrences: place its items in every way there is."""

from collections.abc import Sequence
from itertools import combinations, pairwise


def mean_of_occurrences(
    sentence: Sequence[object], values: Sequence[float], pattern: Sequence[object], *, max_gap: int
) -> float | None:
    """Mean value of the words at all placements of a pattern; None without one."""
    found = [
        places
        for places in combinations(range(len(sentence)), len(pattern))
        if all(sentence[place] == item for place, item in zip(places, pattern, strict=True))
        and (max_gap < 0 or all(b - a - 1 <= max_gap for a, b in pairwise(places)))
    ]
    if not found:
        return None
    return sum(values[place] for places in found for place in places) / (len(found) * len(pattern))
