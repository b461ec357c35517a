"""Plain twin of neurolect.corpus.prepare."""

from collections.abc import Hashable, Iterable


def first_occurrences(keys: Iterable[Hashable]) -> list[bool]:
    seen: set[Hashable] = set()
    first = []
    for key in keys:
        first.append(key not in seen)
        seen.add(key)
    return first
