"""Plain twin of the flags: which patterns are closed and maximal among others, by comparing all of them."""

from collections.abc import Callable, Mapping
from typing import TypeVar

Any_ = TypeVar("Any_")


def shorter_sequences_of(pattern: tuple[int, ...]) -> list[tuple[int, ...]]:
    """A sequence with any one item left out."""
    return [pattern[:k] + pattern[k + 1 :] for k in range(len(pattern))]


def shorter_shapes_of(shape: tuple[tuple[int, int], ...]) -> list[tuple[tuple[int, int], ...]]:
    """A tree (depths and labels in preorder) with any leaf, or a root of one child, left out."""
    found = []
    for k in range(len(shape)):
        is_leaf = k + 1 == len(shape) or shape[k + 1][0] <= shape[k][0]
        if k > 0 and is_leaf:
            found.append(shape[:k] + shape[k + 1 :])
    if len(shape) > 1 and sum(depth == 1 for depth, _ in shape) == 1:
        found.append(tuple((depth - 1, label) for depth, label in shape[1:]))
    return found


def flags_of(supports: Mapping[Any_, int], shorter: Callable[[Any_], list[Any_]]) -> dict[Any_, tuple[bool, bool]]:
    """Whether each pattern is closed, whether it is maximal."""
    flags = {}
    for pattern, n in supports.items():
        above = [other for other in supports if pattern in shorter(other)]
        flags[pattern] = (all(supports[other] != n for other in above), not above)
    return flags
