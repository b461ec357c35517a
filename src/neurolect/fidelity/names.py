"""How true a name alone is: what holds its conditions among sentences that it was not made from."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.signatures.evidence.collected import Annotated
from neurolect.signatures.evidence.name_parts import CONDITIONS, FIRST, count_parts
from neurolect.store import Run


class NameScores(NamedTuple):
    """What every name scores, shape (n_lists,); NaN without conditions, and where a list is refused."""

    auroc: NDArray[np.float32]
    """Of the number of parts that a sentence holds."""
    other: NDArray[np.float32]
    """Of the name of another list of the same layer and side."""
    covered: NDArray[np.float32]
    """Share of the list's sentences that hold the first part."""
    share: NDArray[np.float32]
    """Share of all sentences that do."""


def no_scores(n_lists: int) -> NameScores:
    """Give names that have not been scored."""
    return NameScores(*(np.full(n_lists, np.nan, np.float32) for _ in NameScores._fields))


class PartsHeld(NamedTuple):
    """Which sentences hold which names."""

    counts: NDArray[np.uint8]
    """Parts of every list's name that each sentence holds, with :data:`FIRST` where the first is one of them, shape
    (n_lists, n_sentences)."""
    is_named: NDArray[np.bool_]
    """Whether a list's name has conditions, shape (n_lists,)."""


def parts_held(run: Run, sentences: Annotated) -> PartsHeld | None:
    """Count the parts of names in sentences; None for a run described before names had conditions."""
    if CONDITIONS not in run.table("signatures/summary").column_names:
        return None
    every = run.table("signatures/summary", columns=[CONDITIONS]).column(CONDITIONS).to_pylist()
    return PartsHeld(count_parts(every, sentences), np.array([bool(each) for each in every], np.bool_))


def auroc_of_counts(counts: NDArray[np.uint8], positive: NDArray[np.bool_]) -> float:
    """Give the area under the curve of small whole numbers, ties counted half.

    ``counts``: uint8, shape (n,). What each sentence scores.
    ``positive``: bool, shape (n,). Which are to be scored higher; some are, and some are not.

    Examples
    --------
    >>> auroc_of_counts(np.array([2, 1, 1, 0], np.uint8), np.array([True, True, False, False]))
    0.875
    """
    n_of = np.bincount(counts[positive], minlength=128), np.bincount(counts[~positive], minlength=128)
    below = np.cumsum(n_of[1]) - n_of[1]
    won = float((n_of[0] * (below + 0.5 * n_of[1])).sum())
    return won / max(float(n_of[0].sum()) * float(n_of[1].sum()), 1.0)


def score_name(
    scores: NameScores,
    each: int,
    *,
    held: PartsHeld,
    rows: NDArray[np.int64],
    positive: NDArray[np.bool_],
    other: int,
) -> None:
    """Score one list's name, in place.

    ``rows, positive``: Sentences with an activation, and which of them are the list's.
    ``other``: The list whose name stands for another's; -1 for none.
    """
    if not held.is_named[each]:
        return
    own = held.counts[each, rows]
    scores.auroc[each] = auroc_of_counts(own & ~FIRST, positive)
    has_first = own >= FIRST
    scores.covered[each], scores.share[each] = has_first[positive].mean(), has_first.mean()
    if other >= 0 and held.is_named[other]:
        scores.other[each] = auroc_of_counts(held.counts[other, rows] & ~FIRST, positive)
