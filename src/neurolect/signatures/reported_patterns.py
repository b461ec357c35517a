"""From the patterns of a list to the rows that are reported, however they were found."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.signatures.pattern_ranking import by_score, rank_patterns
from neurolect.signatures.scoring import log_odds_z
from neurolect.signatures.skip_ngram_options import Item, SkipNgramOptions

__all__ = ["Candidates", "ReportedPatterns", "join_reported", "report_patterns"]


class Candidates(NamedTuple):
    """Patterns of one list that may be reported. C candidates, in the order of mining."""

    nodes: NDArray[np.int32]
    """Node of each in a trie of the patterns of all lists, shape (C,)."""
    length: NDArray[np.int8]
    """Items of each, shape (C,)."""
    support: NDArray[np.int32]
    """Sentences of the list that hold it, shape (C,)."""
    overlap: NDArray[np.int32]
    """How many of these lie in the background, shape (C,)."""
    association: NDArray[np.float32]
    """As of :func:`neurolect.signatures.pattern_ranking.association`, shape (C,)."""
    n_sentences: int
    """Size of the list."""
    n_overlap: int
    """How much of it lies in the background."""
    truncated: bool
    """Whether there were too many, and longer ones are not among them."""


class ReportedPatterns(NamedTuple):
    """The reported rows of one list, or of several one after the other, by `rank_relative`."""

    nodes: NDArray[np.int32]
    support: NDArray[np.int32]
    n_background: NDArray[np.int64]
    scores: NDArray[np.float32]
    rank_frequency: NDArray[np.int16]
    rank_relative: NDArray[np.int16]


def report_patterns(
    found: Candidates,
    *,
    in_background: NDArray[np.int64],
    n_background: int,
    distinct: Callable[[NDArray[np.intp]], NDArray[np.int64]],
    item: Item,
    options: SkipNgramOptions,
) -> ReportedPatterns:
    """Score the candidates of a list and choose the rows to report.

    Parameters
    ----------
    found : Candidates
        Of the list.
    in_background : int64, shape (C,)
        Sentences of the background that hold each candidate.
    n_background : int
        Size of the background.
    distinct : callable
        Told candidates, best first, it says which of them to keep, as places in what it was told: those whose
        sentences overlap little with those of the ones kept before.
    item : {"word", "tag"}
        Kind of the items.
    options : SkipNgramOptions
        What is reported.

    Returns
    -------
    ReportedPatterns
        Of the list.
    """
    scores = log_odds_z(
        found.support,
        found.n_sentences,
        in_background,
        n_background,
        n_overlap=found.overlap,
        size_overlap=found.n_overlap,
        prior_size=options.prior_size,
    )
    eligible = (scores >= options.min_z) & (found.association >= options.min_association(item))
    ranking = np.flatnonzero(eligible)
    ranking = ranking[by_score(scores[ranking], found.support[ranking], found.length[ranking])]
    ranks = rank_patterns(
        ranking[distinct(ranking)],
        scores=scores,
        support=found.support,
        length=found.length,
        n_frequent=options.n_frequent,
    )
    return ReportedPatterns(
        found.nodes[ranks.chosen],
        found.support[ranks.chosen],
        in_background[ranks.chosen],
        scores[ranks.chosen].astype(np.float32),
        ranks.rank_frequency,
        ranks.rank_relative,
    )


def join_reported(reported: list[ReportedPatterns]) -> ReportedPatterns:
    """Join the rows of lists.

    Parameters
    ----------
    reported : list of ReportedPatterns
        One for each list.

    Returns
    -------
    ReportedPatterns
        One after the other.
    """
    nothing = np.empty(0, np.int32)
    few = np.empty(0, np.int16)
    empty = ReportedPatterns(nothing, nothing, np.empty(0, np.int64), np.empty(0, np.float32), few, few)
    return ReportedPatterns(*(np.concatenate(column) for column in zip(empty, *reported, strict=True)))
