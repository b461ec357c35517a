"""Plain twins of neurolect.signatures.counting: count with dictionaries, one list at a time."""

from collections import Counter
from collections.abc import Sequence


def count_in_lists(
    sentences: Sequence[Sequence[int]],
    lists: Sequence[Sequence[int]],
    *,
    in_background: Sequence[bool],
    min_count: int,
    occurrences: bool,
) -> list[tuple[int, ...]]:
    found: list[tuple[int, ...]] = []
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
        kept = [row for row in rows if row >= 0]
        peaks = [Counter(item for row in kept[:depth] for item in set(sentences[row])) for depth in (10, 100)]
        found += [
            (number, item, n, inside[item], peaks[0][item], peaks[1][item])
            for item, n in sorted(total.items())
            if n >= min_count or peaks[0][item] >= 3 or peaks[1][item] >= 5
        ]
    return found


def held_in_list(
    sentences: Sequence[Sequence[int]],
    rows: Sequence[int],
    item: int,
    *,
    documents: Sequence[int],
    inside: Sequence[bool],
) -> tuple[list[int], int, int, int, list[float]]:
    """Give places among the strongest 100, sentences, those inside, documents, and design effects at each depth."""
    kept = [row for row in rows if row >= 0]
    places = [place for place, row in enumerate(kept[:100]) if item in sentences[row]]
    holders = [row for row in kept if item in sentences[row]]
    effects = []
    for depth in (10, 100, len(kept)):
        counts = Counter(documents[row] for row in kept[:depth] if item in sentences[row])
        total = sum(counts.values())
        effects.append(sum(n * n for n in counts.values()) / total if total else 1.0)
    n_documents = len({documents[row] for row in holders})
    return places, len(holders), sum(inside[row] for row in holders), n_documents, effects
