"""What is said of the reported patterns of all lists: counts, scores, and how sure they are."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.signatures.inverted import count_inside
from neurolect.signatures.mining.shorter_patterns import CLOSED, MAXIMAL
from neurolect.signatures.mining.trie import pattern_items
from neurolect.signatures.patterns.inputs import Comparison, match_lists, matched_counts
from neurolect.signatures.patterns.reported import MinedLists, ReportedPatterns
from neurolect.statistics.scores import lift, log_odds_z
from neurolect.statistics.significance import false_discoveries, g2_root, wilson_interval


class PatternTests(NamedTuple):
    """Further columns of the reported patterns. R rows."""

    g2: NDArray[np.float32]
    """Log-likelihood ratio of list and rest of the background, negative where the list has less, shape (R,)."""
    q: NDArray[np.float32]
    """Smallest false-discovery rate at which it passes, shape (R,)."""
    lift_low: NDArray[np.float32]
    """Lift at the upper end of the 95 % interval of the background's share, shape (R,)."""
    lift_high: NDArray[np.float32]
    """Lift at the lower end, shape (R,); NaN where the background has none."""
    lift_matched: NDArray[np.float32]
    """Lift over a background of the list's sentence lengths, shape (R,); NaN where that has none."""
    z_matched: NDArray[np.float32]
    """Log-odds z against it, shape (R,)."""
    closed: NDArray[np.bool_]
    """No frequent pattern of the list with one item more has the same support, shape (R,)."""
    maximal: NDArray[np.bool_]
    """The list has no frequent pattern with one item more, shape (R,)."""


class PatternEvidence(NamedTuple):
    """Reported patterns of two items or more: by list, then by `rank_relative`. R rows."""

    list_index: NDArray[np.int32]
    """Which list, shape (R,)."""
    items: NDArray[np.int32]
    """Item codes, flat: row r is ``items[offsets[r]:offsets[r + 1]]``."""
    offsets: NDArray[np.int64]
    """Shape (R + 1,)."""
    n_list: NDArray[np.int32]
    """Sentences of the list that hold the pattern, shape (R,)."""
    n_background: NDArray[np.int64]
    """Sentences of the background that hold it, those of the list included, shape (R,)."""
    log_odds_z: NDArray[np.float32]
    """Against the background without the list, shape (R,)."""
    rank_frequency: NDArray[np.int16]
    """From 1 by `n_list`, among the list's rows, shape (R,)."""
    rank_relative: NDArray[np.int16]
    """From 1, among the list's rows: by `log_odds_z`, but rows that are reported for their frequency only come
    after all others, shape (R,)."""
    tests: PatternTests
    n_tests: int
    """Hypotheses: each pattern that one list has at least, in each list."""
    n_passed: int
    """How many of them pass at the false-discovery rate asked for, among the candidates."""


def gather_evidence(mined: MinedLists, compared: Comparison, *, lists: NDArray[np.int32]) -> PatternEvidence:
    """Join the rows of all lists, and test them.

    ``lists``: int32, shape (n_lists, n). Sentences of each list; -1 where a list is shorter.
    """
    rows, n_rows, tested = mined.report
    list_index = np.repeat(np.arange(len(n_rows), dtype=np.int32), n_rows)
    items, offsets = pattern_items(mined.trie, rows.nodes)
    n_tests = mined.n_distinct * len(lists)
    found = false_discoveries(
        rows.surprise,
        every=tested,
        n_tests=n_tests,
        rate=compared.options.false_discovery_rate,
    )
    return PatternEvidence(
        list_index,
        items,
        offsets,
        rows.support,
        rows.n_background,
        rows.scores,
        rows.rank_frequency,
        rows.rank_relative,
        _tests(rows, list_index, mined, compared, lists=lists, q=found.q),
        n_tests,
        found.n_passed,
    )


def _tests(
    rows: ReportedPatterns,
    list_index: NDArray[np.int32],
    mined: MinedLists,
    compared: Comparison,
    *,
    lists: NDArray[np.int32],
    q: NDArray[np.float64],
) -> PatternTests:
    size = max(len(compared.background), 1)
    of_list = np.count_nonzero(lists >= 0, axis=1)[list_index]
    share = rows.support / np.maximum(of_list, 1)
    low, high = wilson_interval(rows.n_background, size)
    lift_matched, z_matched = _against_matched(rows, list_index, mined, compared, lists=lists)
    root = g2_root(
        rows.support,
        of_list,
        rows.n_background,
        size,
        n_overlap=rows.overlap,
        size_overlap=_own(lists, compared)[list_index],
    )
    return PatternTests(
        (np.sign(root) * np.square(root)).astype(np.float32),
        q.astype(np.float32),
        (share / high).astype(np.float32),
        np.divide(share, low, out=np.full(len(share), np.nan), where=low > 0).astype(np.float32),
        lift_matched.astype(np.float32),
        z_matched.astype(np.float32),
        (rows.flags & CLOSED) > 0,
        (rows.flags & MAXIMAL) > 0,
    )


def _own(lists: NDArray[np.int32], compared: Comparison) -> NDArray[np.int64]:
    """Count the sentences of each list that lie in the background."""
    return np.asarray(count_inside(lists, compared.in_background))


def _against_matched(
    rows: ReportedPatterns,
    list_index: NDArray[np.int32],
    mined: MinedLists,
    compared: Comparison,
    *,
    lists: NDArray[np.int32],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give lift and log-odds z against the background of the same lengths."""
    nodes, row_of = np.unique(rows.nodes, return_inverse=True)
    matched = match_lists(lists, bins=compared.bins, in_background=compared.in_background)
    by_bin = mined.count_by_bin(nodes.astype(np.int32))
    held = matched_counts(by_bin[row_of], lists=list_index, matched=matched)
    of_list = np.count_nonzero(lists >= 0, axis=1)
    weight, size = matched.overlap_weight, matched.sizes[list_index]
    scores = log_odds_z(
        rows.support,
        of_list[list_index],
        held,
        size,
        # the list's own sentences count as much there as they do on average
        n_overlap=rows.overlap * weight[list_index],
        size_overlap=(_own(lists, compared) * weight)[list_index],
        prior_size=compared.options.prior_size,
    )
    return lift(rows.support, of_list[list_index], held, size), scores
