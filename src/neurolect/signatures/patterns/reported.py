"""From the patterns of a list to the rows that are reported, however they were found."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.signatures.mining.ranking import by_score, rank_patterns
from neurolect.signatures.mining.shorter_patterns import CLOSED, MAXIMAL
from neurolect.signatures.mining.trie import PatternTrie
from neurolect.signatures.patterns.inputs import Comparison
from neurolect.statistics.scores import log_odds_z
from neurolect.statistics.significance import fisher_surprise


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
    """As of :func:`neurolect.signatures.mining.ranking.association`, shape (C,)."""
    flags: NDArray[np.uint8]
    """Whether each is closed and maximal, as of ``shorter_patterns.py``, shape (C,)."""
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
    overlap: NDArray[np.int32]
    n_background: NDArray[np.int64]
    scores: NDArray[np.float32]
    surprise: NDArray[np.float32]
    """As of :func:`neurolect.statistics.significance.fisher_surprise`."""
    flags: NDArray[np.uint8]
    rank_frequency: NDArray[np.int16]
    rank_relative: NDArray[np.int16]


class ListReport(NamedTuple):
    """What is said of one list."""

    rows: ReportedPatterns
    tested: NDArray[np.float32]
    """``-ln p`` of all candidates, where above 0."""


class MinedLists(NamedTuple):
    """What is said of all lists, however it was found."""

    trie: PatternTrie
    """Has the nodes of the rows."""
    reports: list[ListReport]
    """One for each list."""
    n_truncated: int
    """Lists with so many patterns that longer ones were left out."""
    n_distinct: int
    """Patterns of two items or more that one list has at least."""
    count_by_bin: Callable[[NDArray[np.int32]], NDArray[np.int32]]
    """From nodes, it counts the sentences of the background that hold each, by bin of length."""


def report_patterns(
    found: Candidates,
    *,
    in_background: NDArray[np.int64],
    distinct: Callable[[NDArray[np.intp]], NDArray[np.int64]],
    compared: Comparison,
) -> ListReport:
    """Score the candidates of a list and choose the rows to report.

    ``in_background``: int64, shape (C,). Sentences of the background that hold each candidate.
    ``distinct``: From candidates, best first, it says which of them to keep, as places among them: those
        whose sentences overlap little with those of the ones kept before.
    ``compared``: Background, kind of the items, what is reported.
    """
    options, n_background = compared.options, len(compared.background)
    scores = log_odds_z(
        found.support,
        found.n_sentences,
        in_background,
        n_background,
        n_overlap=found.overlap,
        size_overlap=found.n_overlap,
        prior_size=options.prior_size,
    )
    surprise = fisher_surprise(
        found.support,
        found.n_sentences,
        in_background,
        n_background,
        n_overlap=found.overlap,
        size_overlap=found.n_overlap,
    )
    eligible = (scores >= options.min_z) & (found.association >= options.min_association(compared.item))
    if options.keep != "all":
        eligible &= (found.flags & (CLOSED if options.keep == "closed" else MAXIMAL)) > 0
    ranking = np.flatnonzero(eligible)
    ranking = ranking[by_score(scores[ranking], found.support[ranking], found.length[ranking])]
    ranks = rank_patterns(
        ranking[distinct(ranking)],
        scores=scores,
        support=found.support,
        length=found.length,
        n_frequent=options.n_frequent,
    )
    rows = ReportedPatterns(
        found.nodes[ranks.chosen],
        found.support[ranks.chosen],
        found.overlap[ranks.chosen],
        in_background[ranks.chosen],
        scores[ranks.chosen].astype(np.float32),
        surprise[ranks.chosen],
        found.flags[ranks.chosen],
        ranks.rank_frequency,
        ranks.rank_relative,
    )
    return ListReport(rows, surprise[surprise > 0])


def join_reported(reported: list[ReportedPatterns]) -> ReportedPatterns:
    """Join the rows of lists."""
    types = (np.int32, np.int32, np.int32, np.int64, np.float32, np.float32, np.uint8, np.int16, np.int16)
    empty = ReportedPatterns._make(np.empty(0, each) for each in types)
    return ReportedPatterns(*(np.concatenate(column) for column in zip(empty, *reported, strict=True)))
