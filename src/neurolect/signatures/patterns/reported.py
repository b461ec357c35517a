"""From the patterns of a list to the rows that are reported, however they were found."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from neurolect.signatures.mining.ranking import by_score, rank_patterns
from neurolect.signatures.mining.shorter_patterns import CLOSED, MAXIMAL
from neurolect.signatures.mining.trie import PatternTrie
from neurolect.signatures.patterns.inputs import Comparison
from neurolect.statistics.significance import log_factorials, upper_tails


class Candidates(NamedTuple):
    """Patterns of one list that may be reported. C candidates."""

    nodes: NDArray[np.int32]
    """Node of each in a trie of the patterns of all lists, shape (C,)."""
    length: NDArray[np.int8]
    """Items of each, shape (C,)."""
    place: NDArray[np.int32]
    """Where each is in the order of mining, which settles ties, shape (C,)."""
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


class Rules(NamedTuple):
    """What decides which candidates are reported."""

    n_background: int
    """Sentences of the background."""
    logs: NDArray[np.float64]
    """Logarithms of factorials, up to the size of background and list together."""
    prior_size: float
    min_z: float
    min_association: float
    flag: int
    """What those reported by score are, closed or maximal; 0 for either."""
    n_frequent: int
    n_relative: int
    n_candidates: int
    max_overlap: float


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


class Report(NamedTuple):
    """What is said of one list, or of several one after the other."""

    rows: ReportedPatterns
    n_rows: NDArray[np.int64]
    """Rows of each list."""
    tested: NDArray[np.float32]
    """``-ln p`` of all candidates, where above 0."""


class MinedLists(NamedTuple):
    """What is said of all lists, however it was found."""

    trie: PatternTrie
    """Has the nodes of the rows."""
    report: Report
    n_truncated: int
    """Lists with so many patterns that longer ones were left out."""
    n_distinct: int
    """Patterns of two items or more that one list has at least."""
    count_by_bin: Callable[[NDArray[np.int32]], NDArray[np.int32]]
    """From nodes, it counts the sentences of the background that hold each, by bin of length."""


def rules_of(compared: Comparison, *, longest: int) -> Rules:
    """Say what is reported, of lists of at most `longest` sentences."""
    options, n_background = compared.options, len(compared.background)
    return Rules(
        n_background=n_background,
        logs=log_factorials(1 << (longest + n_background).bit_length()),
        prior_size=float(options.prior_size),
        min_z=float(options.min_z),
        min_association=float(options.min_association(compared.item)),
        flag={"all": 0, "closed": int(CLOSED), "maximal": int(MAXIMAL)}[options.keep],
        n_frequent=options.n_frequent,
        n_relative=options.n_relative,
        n_candidates=options.n_candidates,
        max_overlap=float(options.max_overlap),
    )


@njit(cache=True, nogil=True)
def score_candidates(
    found: Candidates, in_background: NDArray[np.int64], rules: Rules
) -> tuple[NDArray[np.float64], NDArray[np.float32], NDArray[np.int64]]:
    """Score the candidates of a list, test them, and order those that may be reported for their score.

    ``in_background``: int64, shape (C,). Sentences of the background that hold each candidate.
    Returns: scores: float64, shape (C,). Log-odds z, as of :func:`neurolect.statistics.scores.log_odds_z`.
    Returns: surprise: float32, shape (C,). As of :func:`neurolect.statistics.significance.fisher_surprise`.
    Returns: ranking: int64. Candidates, best first.
    """
    scores = np.empty(len(in_background))
    held, rest = found.support.astype(np.int64), np.empty(len(in_background), np.int64)
    size_rest = max(rules.n_background - found.n_overlap, 0)
    eligible = np.empty(len(in_background), np.bool_)
    for each in range(len(in_background)):
        left = max(in_background[each] - found.overlap[each], 0)
        rest[each] = min(left, size_rest)
        scores[each] = log_odds_of(
            float(held[each]),
            float(found.n_sentences),
            float(in_background[each]),
            float(rules.n_background),
            float(left),
            float(max(size_rest, left)),
            rules.prior_size,
        )
        of_flag = rules.flag == 0 or found.flags[each] & rules.flag > 0
        tied = found.association[each] >= np.float32(rules.min_association)
        eligible[each] = of_flag and tied and scores[each] >= rules.min_z
    surprise = upper_tails(held, rest, found.n_sentences, size_rest, rules.logs)
    ranking = by_score(np.flatnonzero(eligible), scores, found.support, found.length, found.place)
    return scores, surprise, ranking


@njit(cache=True, nogil=True)
def log_odds_of(
    held: float, size: float, in_all: float, of_all: float, in_rest: float, of_rest: float, prior_size: float
) -> float:
    """Give the log-odds z of one pattern; see ``statistics/scores.py``, which says it of arrays."""
    share = min(max(in_all, 0.5), max(of_all - 0.5, 0.5)) / max(of_all, 1.0)
    prior, without = share * prior_size, (1.0 - share) * prior_size
    delta = np.log(held + prior) - np.log(size - held + without)
    delta -= np.log(in_rest + prior) - np.log(of_rest - in_rest + without)
    return float(delta / np.sqrt((1.0 / (held + prior) + 1.0 / (in_all + prior)) / (1.0 - share)))


@njit(cache=True, nogil=True)
def report_rows(
    found: Candidates,
    in_background: NDArray[np.int64],
    typical: NDArray[np.int64],
    scores: NDArray[np.float64],
    surprise: NDArray[np.float32],
    rules: Rules,
) -> ReportedPatterns:
    """Choose the rows to report of a list: typical candidates, best first, and the most frequent ones."""
    chosen, rank_frequency = rank_patterns(
        typical, scores, found.support, found.length, found.place, rules.n_frequent
    )
    return ReportedPatterns(
        found.nodes[chosen],
        found.support[chosen],
        found.overlap[chosen],
        in_background[chosen],
        scores[chosen].astype(np.float32),
        surprise[chosen],
        found.flags[chosen],
        rank_frequency,
        np.arange(1, len(chosen) + 1).astype(np.int16),
    )


def join_reports(reports: list[Report]) -> Report:
    """Join what is said of lists."""
    types = (np.int32, np.int32, np.int32, np.int64, np.float32, np.float32, np.uint8, np.int16, np.int16)
    nothing = ReportedPatterns._make(np.empty(0, each) for each in types)
    everything = [Report(nothing, np.empty(0, np.int64), np.empty(0, np.float32)), *reports]
    rows, n_rows, tested = zip(*everything, strict=True)
    return Report(
        ReportedPatterns(*(np.concatenate(column) for column in zip(*rows, strict=True))),
        np.concatenate(n_rows),
        np.concatenate(tested),
    )
