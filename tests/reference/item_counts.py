"""Plain twin of neurolect.signatures.counting.items: count with dictionaries, one list at a time."""

from collections import Counter
from collections.abc import Sequence


def count_in_lists(
    sentences: Sequence[Sequence[int]],
    lists: Sequence[Sequence[int]],
    *,
    in_background: Sequence[bool],
    min_count: int,
    occurrences: bool,
) -> list[tuple[int, int, int, int]]:
    found = []
    for number, rows in enumerate(lists):
        inside: Counter[int] = Counter()
        total: Counter[int] = Counter()
        for row in rows:
            if row < 0:
                continue
            items = list(sentences[row]) if occurrences else sorted(set(sentences[row]))
            total.update(items)
            if in_background[row]:
                inside.update(items)
        found += [(number, item, n, inside[item]) for item, n in sorted(total.items()) if n >= min_count]
    return found
