"""Plain twins of pattern mining and counting: every subsequence of every sentence, spelled out."""

from collections import Counter
from collections.abc import Sequence

Pattern = tuple[int, ...]


def patterns_of(
    sentence: Sequence[int], *, allowed: Sequence[bool], max_length: int, max_gap: int | None
) -> set[Pattern]:
    """Every pattern of a sentence, found by trying every place for every item."""
    found: set[Pattern] = set()
    ends = [((), -1)]
    for _ in range(max_length):
        longer: list[tuple[Pattern, int]] = []
        for pattern, last in ends:
            stop = len(sentence) if max_gap is None or not pattern else last + max_gap + 2
            for place in range(last + 1, min(stop, len(sentence))):
                if sentence[place] >= 0 and allowed[sentence[place]]:
                    longer.append(((*pattern, sentence[place]), place))
        ends = list(set(longer))  # type: ignore[arg-type]
        found.update(pattern for pattern, _ in ends)
    return found


def supports(
    sentences: Sequence[Sequence[int]], *, allowed: Sequence[bool], max_length: int, max_gap: int | None
) -> Counter[Pattern]:
    """Sentences that hold each pattern."""
    counts: Counter[Pattern] = Counter()
    for sentence in sentences:
        counts.update(patterns_of(sentence, allowed=allowed, max_length=max_length, max_gap=max_gap))
    return counts


def holds(sentence: Sequence[int], pattern: Pattern, *, max_gap: int | None) -> bool:
    """Whether a sentence holds a pattern, by looking for it from every place."""

    def from_place(rest: Pattern, start: int, stop: int) -> bool:
        if not rest:
            return True
        for place in range(start, min(stop, len(sentence))):
            if sentence[place] == rest[0]:
                limit = len(sentence) if max_gap is None else place + max_gap + 2
                if from_place(rest[1:], place + 1, limit):
                    return True
        return False

    return from_place(pattern, 0, len(sentence))
