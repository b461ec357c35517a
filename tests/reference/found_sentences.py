"""The plain way to search: read every sentence, try every place."""

from collections.abc import Sequence

from neurolect.finding.patterns import Step


def holds(steps: Sequence[Step], words: Sequence[str], tags: Sequence[str]) -> bool:
    """Try the first step at every place, the next one at every place it may reach from there, and so on."""

    def fits(step: Step, place: int) -> bool:
        return (tags if step.is_tag else words)[place] == step.item

    def matches(at: int, rest: Sequence[Step]) -> bool:
        if not rest:
            return True
        reach = range(at + 1, min(at + 2 + rest[0].gap, len(words)))
        return any(fits(rest[0], place) and matches(place, rest[1:]) for place in reach)

    return any(fits(steps[0], place) and matches(place, steps[1:]) for place in range(len(words)))


def counts(rows: set[int], lists: Sequence[Sequence[int]]) -> list[int]:
    """Count the rows in every list."""
    return [sum(row in rows for row in each) for each in lists]
