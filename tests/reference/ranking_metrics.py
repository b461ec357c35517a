"""How well scores tell some items from the others, slowly and plainly."""

from collections.abc import Sequence


def auroc(scores: Sequence[float], positive: Sequence[bool]) -> float:
    """Count the pairs of a positive and a negative that are in order; ties count half."""
    own = [score for score, is_own in zip(scores, positive, strict=True) if is_own]
    others = [score for score, is_own in zip(scores, positive, strict=True) if not is_own]
    won = sum((a > b) + 0.5 * (a == b) for a in own for b in others)
    return won / (len(own) * len(others))


def average_precision(scores: Sequence[float], positive: Sequence[bool], *, weight: float = 1.0) -> float:
    """Sum precision times gain of recall over all thresholds; each negative weighs `weight`."""
    total, found = sum(positive), 0.0
    for threshold in sorted(set(scores), reverse=True):
        above = [is_own for score, is_own in zip(scores, positive, strict=True) if score >= threshold]
        here = sum(is_own for score, is_own in zip(scores, positive, strict=True) if score == threshold)
        found += here / total * sum(above) / (sum(above) + weight * (len(above) - sum(above)))
    return found
