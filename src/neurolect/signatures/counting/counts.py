"""From counts to evidence: scores, ranks, and the few rows a signature keeps."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.signatures.inputs import Lists
from neurolect.signatures.options import FREQUENT, RELATIVE, DescribeOptions
from neurolect.statistics.scores import lift, log_odds_z, share_bits

if TYPE_CHECKING:
    from neurolect.signatures.counting.items import Items, ListCounts


class Sizes(NamedTuple):
    """What shares are shares of: numbers of sentences (of tokens, for tags)."""

    of_list: NDArray[np.int64]
    """Size of each list, shape (n_lists,)."""
    of_overlap: NDArray[np.int64]
    """How much of each list lies in the background, shape (n_lists,)."""
    of_background: int
    """Size of the background, those included."""


class Evidence(NamedTuple):
    """Rows of evidence as parallel columns, sorted by list, then item."""

    lists: NDArray[np.int32]
    items: NDArray[np.int32]
    n_list: NDArray[np.int64]
    share_list: NDArray[np.float64]
    n_background: NDArray[np.int64]
    share_background: NDArray[np.float64]
    lift: NDArray[np.float64]
    """NaN where the background has none."""
    log_odds_z: NDArray[np.float64]
    rank_frequency: NDArray[np.int64]
    rank_relative: NDArray[np.int64]
    share_10: NDArray[np.float64]
    """Share of the list's strongest 10 sentences that hold it."""
    share_100: NDArray[np.float64]
    """Share of its strongest 100."""
    n_documents: NDArray[np.int32]
    """Documents of the sentences that hold it."""
    z_documents: NDArray[np.float64]
    """``log_odds_z`` by the root of the design effect: sentences of one document go together."""
    q_10: NDArray[np.float64]
    """Smallest false-discovery rate at which it passes among the strongest 10."""
    q_100: NDArray[np.float64]
    q: NDArray[np.float64]
    usual: NDArray[np.float64]
    """Share of the background's sentences that hold it: ``share_background``, but for what is counted in tokens."""
    places: NDArray[np.uint64]
    """Which of the strongest 100 sentences hold it, as bits, shape (n, 2)."""


_WHOLE, _REAL, _FEW = np.empty(0, np.int64), np.empty(0, np.float64), np.empty(0, np.int32)
_DEPTHS = (_REAL, _REAL, _FEW, _REAL, _REAL, _REAL, _REAL, _REAL, np.empty((0, 2), np.uint64))
NO_EVIDENCE = Evidence(_FEW, _FEW, _WHOLE, _REAL, _WHOLE, _REAL, _REAL, _REAL, _WHOLE, _WHOLE, *_DEPTHS)
N_PEAK = 20
"""Evidence kept a list because its strongest 10 and 100 have more of it than the background, besides the rest."""


def min_counts(lists: Lists, *, options: DescribeOptions) -> NDArray[np.int64]:
    """Say how many sentences of each list must hold something that counts as evidence; at least 1."""
    by_share = np.ceil(options.min_share * lists.sizes - 1e-9).astype(np.int64)
    return np.asarray(np.maximum(by_share, options.min_count), dtype=np.int64)


def overlap(lists: Lists, inside: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Count how many sentences of each list belong to a set."""
    return lists.count_in(inside)


def item_evidence(
    items: "Items",
    lists: Lists,
    *,
    background: NDArray[np.int64],
    n_background: int,
    inside: NDArray[np.bool_],
    options: DescribeOptions,
    workers: int = 1,
    advance: Callable[[int], None] | None = None,
) -> Evidence:
    """Count items in lists and keep those that are frequent, or more frequent than in the background.

    `background` counts each item in the `n_background` sentences that the background has, of which those kept are
    `inside`.
    """
    from neurolect.signatures.counting.items import count_in_blocks

    of_list, of_overlap = lists.sizes, overlap(lists, inside)
    sizes = Sizes(of_list=of_list, of_overlap=of_overlap, of_background=n_background)

    def leading(counts: "ListCounts") -> Evidence:
        scored = score_counts(counts, background=background, sizes=sizes, prior_size=options.prior_size)
        return select(scored, counts, options=options)

    found = count_in_blocks(
        items,
        lists,
        in_background=inside,
        min_counts=min_counts(lists, options=options),
        of_block=leading,
        workers=workers,
        advance=advance,
    )
    return at_depths(
        Evidence._make(np.concatenate(columns) for columns in zip(NO_EVIDENCE, *found, strict=True)),
        items=items,
        lists=lists,
        background=background,
        size_background=n_background,
        inside=inside,
        workers=workers,
    )


def at_depths(
    evidence: Evidence,
    *,
    items: "Items",
    lists: Lists,
    background: NDArray[np.int64],
    size_background: int | NDArray[np.int64],
    inside: NDArray[np.bool_],
    n_items: int | None = None,
    workers: int = 1,
) -> Evidence:
    """Say of evidence how far down its lists it holds, in how many documents, and whether it passes.

    ``items``: What sentences hold, whose codes are those of the evidence.
    ``background``: int64, shape (n_items,). Sentences of the background that hold each item.
    ``size_background``: Sentences of the background, of each item where they differ.
    ``n_items``: Items that could have been evidence, where those counted are not all.
    """
    from neurolect.signatures.counting.depths import depth_tests, held_in_lists

    held = held_in_lists(
        items, lists, row_lists=evidence.lists, row_items=evidence.items, inside=inside, workers=workers
    )
    tested = depth_tests(
        held,
        lists,
        row_lists=evidence.lists,
        n_background=background[evidence.items],
        size_background=size_background if isinstance(size_background, int) else size_background[evidence.items],
        inside=inside,
        n_items=int(np.count_nonzero(background)) if n_items is None else n_items,
        workers=workers,
    )
    return evidence._replace(
        share_10=tested.share_10,
        share_100=tested.share_100,
        n_documents=tested.n_documents,
        z_documents=evidence.log_odds_z / np.sqrt(tested.clustering),
        q_10=tested.q_10,
        q_100=tested.q_100,
        q=tested.q,
        usual=tested.usual,
        places=tested.places,
    )


def score_counts(
    counts: "ListCounts", *, background: NDArray[np.int64], sizes: Sizes, prior_size: float
) -> Evidence:
    """Compare counts in lists with a background; what is known at depths is left empty."""
    n_background = background[counts.items]
    of_list = sizes.of_list[counts.lists]
    scores = log_odds_z(
        counts.n_list,
        of_list,
        n_background,
        sizes.of_background,
        n_overlap=counts.n_overlap,
        size_overlap=sizes.of_overlap[counts.lists],
        prior_size=prior_size,
    )
    return Evidence(
        lists=counts.lists,
        items=counts.items,
        n_list=counts.n_list,
        share_list=counts.n_list / np.maximum(of_list, 1),
        n_background=n_background,
        share_background=n_background / max(sizes.of_background, 1),
        lift=lift(counts.n_list, of_list, n_background, sizes.of_background),
        log_odds_z=scores,
        rank_frequency=rank_within(counts.lists, counts.n_list.astype(np.float64)),
        rank_relative=rank_within(counts.lists, scores),
        **no_depths(len(scores)),
    )


def no_depths(n: int) -> dict[str, NDArray[Any]]:
    """Give the columns of rows whose depths are not known yet."""
    names = ("share_10", "share_100", "z_documents", "q_10", "q_100", "q", "usual")
    real = dict.fromkeys(names, np.full(n, np.nan))
    return {**real, "n_documents": np.zeros(n, np.int32), "places": np.zeros((n, 2), np.uint64)}


def rank_within(groups: NDArray[np.int32], scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """Rank scores within groups, highest first.

    Examples
    --------
    >>> rank_within(np.array([0, 0, 0, 4], np.int32), np.array([1.0, 5.0, 1.0, 2.0])).tolist()
    [2, 1, 3, 1]
    """
    order = np.lexsort((-scores, groups))
    ranks = np.empty(len(scores), dtype=np.int64)
    ranks[order] = np.arange(len(scores)) - np.searchsorted(groups, groups) + 1
    return ranks


def select(evidence: Evidence, counts: "ListCounts", *, options: DescribeOptions) -> Evidence:
    """Keep the leading evidence of every list by either ranking, and what its peak has more of.

    ``counts``: What `evidence` was made of, row by row.
    """
    keep = evidence.rank_frequency <= (options.n_frequent or FREQUENT)
    keep |= (evidence.rank_relative <= (options.n_relative or RELATIVE)) & (evidence.log_odds_z >= options.min_z)
    keep[_leading_at_peak(evidence, counts)] = True
    return Evidence._make(column[keep] for column in evidence)


def _leading_at_peak(evidence: Evidence, counts: "ListCounts") -> NDArray[np.int64]:
    """Choose the rows that diverge most among the strongest 10 and 100, of those of twice the usual share."""
    usual = evidence.share_background
    of_peak = (counts.n_10 >= 3) & (counts.n_10 >= 20 * usual)
    of_peak |= (counts.n_100 >= 5) & (counts.n_100 >= 200 * usual)
    rows = np.flatnonzero(of_peak)
    bits = share_bits(counts.n_10[rows] / 10, usual[rows]) + share_bits(counts.n_100[rows] / 100, usual[rows])
    ranks = rank_within(evidence.lists[rows], bits)
    return rows[ranks <= N_PEAK]


def evidence_columns(evidence: Evidence) -> dict[str, pa.Array]:
    """Give the evidence columns that every signature table has."""
    largest = np.iinfo(np.int16).max
    return {
        "n_list": pa.array(evidence.n_list.astype(np.int32)),
        "share_list": pa.array(evidence.share_list.astype(np.float32)),
        "n_background": pa.array(evidence.n_background),
        "share_background": pa.array(evidence.share_background.astype(np.float32)),
        "lift": pa.array(evidence.lift.astype(np.float32), from_pandas=True),
        "log_odds_z": pa.array(evidence.log_odds_z.astype(np.float32)),
        "share_10": pa.array(evidence.share_10.astype(np.float32), from_pandas=True),
        "share_100": pa.array(evidence.share_100.astype(np.float32), from_pandas=True),
        "n_documents": pa.array(evidence.n_documents),
        "z_documents": pa.array(evidence.z_documents.astype(np.float32), from_pandas=True),
        "q_10": pa.array(evidence.q_10.astype(np.float32), from_pandas=True),
        "q_100": pa.array(evidence.q_100.astype(np.float32), from_pandas=True),
        "q": pa.array(evidence.q.astype(np.float32), from_pandas=True),
        "rank_frequency": pa.array(np.minimum(evidence.rank_frequency, largest).astype(np.int16)),
        "rank_relative": pa.array(np.minimum(evidence.rank_relative, largest).astype(np.int16)),
    }


def evidence_table(evidence: Evidence, *, labels: Mapping[str, Sequence[str]], lists: Lists) -> pa.Table:
    """Write evidence as a table, by neuron, side and frequency; each column of labels has one for every item."""
    order = np.lexsort((evidence.rank_frequency, evidence.lists))
    ordered = Evidence._make(column[order] for column in evidence)
    items = pa.array(ordered.items)
    names = {name: pa.array(of_items, pa.string()).take(items) for name, of_items in labels.items()}
    return pa.table(lists.identify(ordered.lists) | names | evidence_columns(ordered))
