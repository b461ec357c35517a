"""Every kind of evidence on one scale, ready for naming: who leads a list, by how many bits."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.signatures.divergence import expected_share, share_bits
from neurolect.signatures.evidence import Evidence

__all__ = ["Candidate", "Candidates", "leading", "of_evidence"]


class Candidate(NamedTuple):
    """One piece of evidence of one list."""

    label: str
    share: float
    """Share of the list that holds it."""
    expected: float
    """Share of the background that would hold it, at the list's sentence length."""
    z: float
    bits: float
    items: tuple[int, ...]
    """Word codes of a word or pattern; empty for other kinds."""


COMMON_WORD, COMMON_DISCOUNT = 0.03, 0.3
"""A word that more than this share of all sentences has says little of a theme; its bits count in part."""

Candidates = list[list[Candidate]]
"""For each list its candidates, most bits first."""


def of_evidence(
    evidence: Evidence,
    *,
    labels: Sequence[str],
    n_lists: int,
    times_longer: NDArray[np.float64] | None = None,
    per_sentence: NDArray[np.float64] | None = None,
    usable: NDArray[np.bool_] | None = None,
    limit: int = 8,
    are_words: bool = False,
) -> Candidates:
    """Turn evidence into candidates for a name.

    Parameters
    ----------
    evidence : Evidence
        Evidence of one kind, sorted by list.
    labels : sequence of str
        Label of each item.
    n_lists : int
        Number of lists.
    times_longer : float64, shape (n_lists,), optional
        Mean length of each list by the background's: longer sentences hold more of every word.
    per_sentence : float64, shape (n_lists,), optional
        Counted things a sentence: tokens, where shares are of tokens; 1 when not given.
    usable : bool, shape (n_items,), optional
        Items that may be part of a name.
    limit : int
        Candidates of each list.
    are_words : bool
        Whether items are word codes.

    Returns
    -------
    list of list of Candidate
        For each list the leading candidates.
    """
    expected = evidence.share_background
    if times_longer is not None:
        expected = expected_share(expected, times_longer[evidence.lists])
    bits = share_bits(evidence.share_list, expected)
    if are_words:
        bits = np.where(evidence.share_background > COMMON_WORD, bits * COMMON_DISCOUNT, bits)
    if per_sentence is not None:
        bits = bits * per_sentence[evidence.lists]
    if usable is not None and len(usable):
        bits = np.where(usable[evidence.items], bits, 0.0)
    found: Candidates = [[] for _ in range(n_lists)]
    for row in leading(evidence.lists, bits, limit=limit).tolist():
        item = int(evidence.items[row])
        found[evidence.lists[row]].append(
            Candidate(
                label=labels[item],
                share=float(evidence.share_list[row]),
                expected=float(expected[row]),
                z=float(evidence.log_odds_z[row]),
                bits=float(bits[row]),
                items=(item,) if are_words else (),
            )
        )
    return found


def leading(lists: NDArray[np.int32], bits: NDArray[np.float64], *, limit: int) -> NDArray[np.intp]:
    """Choose the rows with most bits of every list.

    Parameters
    ----------
    lists : int32, shape (n,), ascending
        List of each row.
    bits : float64, shape (n,)
        Rows without any are never chosen.
    limit : int
        How many of each list.

    Returns
    -------
    intp, shape (n_chosen,)
        Row numbers by list, then most bits first; equal ones in the order given.
    """
    order = np.lexsort((-np.round(bits, 9), lists))
    place = np.arange(len(order)) - np.searchsorted(lists, lists[order])
    chosen: NDArray[np.intp] = order[(place < limit) & (bits[order] > 0)]
    return chosen
