"""Senses of all lists as tables: one row a sense, its evidence, its sentences, and how many senses a list has."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from neurolect.signatures.counting.candidates import COMMON_DISCOUNT, COMMON_WORD
from neurolect.signatures.counting.items import Items
from neurolect.signatures.evidence.kind import SenseItems
from neurolect.signatures.inputs import Inputs, Lists
from neurolect.signatures.vectors.senses import Senses
from neurolect.statistics.scores import MIN_Z, expected_share, lift, log_odds_z, share_bits

# What the sentences of one sense have more of than the corpus and than the other senses of the same list.
LISTS_PER_BLOCK = 64


class SenseEvidence(NamedTuple):
    """Evidence of senses as parallel columns, sorted by list, then sense, strongest first."""

    lists: NDArray[np.int32]
    senses: NDArray[np.int8]
    """From 0."""
    items: NDArray[np.int32]
    n_sense: NDArray[np.int64]
    share_sense: NDArray[np.float64]
    share_list: NDArray[np.float64]
    share_background: NDArray[np.float64]
    lift: NDArray[np.float64]
    log_odds_z: NDArray[np.float64]
    """Against the background."""
    contrast_z: NDArray[np.float64]
    """Log-odds z against the list's other sentences."""
    bits: NDArray[np.float64]
    """Divergence from the background or from the list, whichever is smaller, times the item's weight."""


class _Block(NamedTuple):
    """What is needed of some lists with several senses."""

    lists: NDArray[np.int64]
    rows: NDArray[np.int32]
    labels: NDArray[np.int8]


def sense_evidence(
    kind: SenseItems,
    rows: NDArray[np.int32],
    labels: NDArray[np.int8],
    *,
    lists: NDArray[np.intp],
    times_longer: NDArray[np.float64],
    min_share: float,
    workers: int = 1,
) -> SenseEvidence:
    """Find the leading evidence of every sense.

    ``rows``: int32, shape (n_lists, N). Sentences of all lists; -1 after the end.
    ``labels``: int8, shape (n_lists, N). Sense of each entry; -1 for none.
    ``lists``: The lists to look at, ascending: those with several senses.
    ``times_longer``: float64, shape (n_lists,). Mean length of each list by the background's.
    ``min_share``: Evidence is held by at least this share of a sense's sentences (a tenth of it, of tokens), and by
        three.
    ``workers``: Threads; the result is the same for any number.
    Returns: At most ``kind.n_kept`` rows a sense, all above 2 by both log-odds z.
    """
    chosen = lists.astype(np.int64)
    blocks = [chosen[start : start + LISTS_PER_BLOCK] for start in range(0, len(chosen), LISTS_PER_BLOCK)]

    def count(block: NDArray[np.int64]) -> SenseEvidence:
        part = _Block(block, rows[block], labels[block])
        return _of_block(kind, part, times_longer=times_longer, min_share=min_share)

    with ThreadPoolExecutor(max(1, workers)) as pool:
        found = list(pool.map(count, blocks or [chosen]))
    return SenseEvidence._make(np.concatenate(columns) for columns in zip(*found, strict=True))


def _of_block(
    kind: SenseItems, block: _Block, *, times_longer: NDArray[np.float64], min_share: float
) -> SenseEvidence:
    n_senses = int(block.labels.max(initial=0)) + 1
    sizes = np.stack([np.count_nonzero(block.labels == sense, axis=1) for sense in range(n_senses)], axis=1)
    least = np.maximum(np.ceil(min_share * sizes * (0.1 if kind.of_tokens else 1.0) - 1e-9), 3).astype(np.int64)
    places, senses, items, n_sense, n_list = _counted(kind.items, block, least)
    if kind.of_tokens:
        sizes = _tokens_of_senses(kind.items, block, n_senses)
    size_sense, size_list = sizes[places, senses], sizes.sum(axis=1)[places]
    n_background = kind.background[items]
    z = log_odds_z(n_sense, size_sense, n_background, kind.n_background, n_overlap=0, size_overlap=0)
    contrast = log_odds_z(n_sense, size_sense, n_list, size_list)
    share, of_list = n_sense / np.maximum(size_sense, 1), n_list / np.maximum(size_list, 1)
    of_background = n_background / max(kind.n_background, 1)
    expected = of_background
    weights = kind.weights[items]
    if kind.of_words:
        expected = expected_share(of_background, times_longer[block.lists[places]])
        weights = np.where(of_background > COMMON_WORD, np.minimum(weights, COMMON_DISCOUNT), weights)
    bits = np.minimum(share_bits(share, expected), share_bits(share, of_list)) * weights
    evidence = SenseEvidence(
        lists=block.lists[places].astype(np.int32),
        senses=senses.astype(np.int8),
        items=items.astype(np.int32),
        n_sense=n_sense,
        share_sense=share,
        share_list=of_list,
        share_background=of_background,
        lift=lift(n_sense, size_sense, n_background, kind.n_background),
        log_odds_z=z,
        contrast_z=contrast,
        bits=bits,
    )
    return _leading(evidence, n_kept=kind.n_kept, n_senses=n_senses)


def _leading(evidence: SenseEvidence, *, n_kept: int, n_senses: int) -> SenseEvidence:
    """Keep the rows with most bits of every sense."""
    keep = (evidence.log_odds_z >= MIN_Z) & (evidence.contrast_z >= MIN_Z) & (evidence.bits > 0)
    evidence = SenseEvidence._make(column[keep] for column in evidence)
    groups = evidence.lists.astype(np.int64) * max(n_senses, 1) + evidence.senses
    order = np.lexsort((evidence.items, -np.round(evidence.bits, 9), groups))
    place = np.arange(len(order)) - np.searchsorted(groups[order], groups[order])
    order = order[place < n_kept]
    return SenseEvidence._make(column[order] for column in evidence)


def _counted(
    items: Items, block: _Block, least: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Count items in senses: list of the block, sense, item, count in the sense, count in the list."""
    scratch = np.zeros((items.n_items, least.shape[1]), np.int32), np.empty(items.n_items, np.int32)
    out = np.empty((5, len(block.rows) * 512), dtype=np.int64)
    n = _count_kernel(*items[:3], block.rows, block.labels, least, *scratch, out)
    if n > out.shape[1]:  # once more, now that the number is known
        out = np.empty((5, n), dtype=np.int64)
        _count_kernel(*items[:3], block.rows, block.labels, least, *scratch, out)
    places, senses, codes, n_sense, n_list = (column[:n] for column in out)
    return places, senses, codes, n_sense, n_list


def _tokens_of_senses(items: Items, block: _Block, n_senses: int) -> NDArray[np.intp]:
    """Add up the weights of all items in every sense."""
    ends = np.concatenate([[0], np.cumsum(items.weights)])[items.offsets]
    tokens = np.diff(ends)[np.maximum(block.rows, 0)]
    return np.stack([(tokens * (block.labels == sense)).sum(axis=1) for sense in range(n_senses)], axis=1)


@njit(nogil=True, cache=True)
def _count_kernel(
    offsets: NDArray[np.int64],
    codes: NDArray[np.int32],
    weights: NDArray[np.int32],
    rows: NDArray[np.int32],
    labels: NDArray[np.int8],
    least: NDArray[np.int64],
    counts: NDArray[np.int32],
    held: NDArray[np.int32],
    out: NDArray[np.int64],
) -> int:
    """Fill `out`, as far as it goes; give the number of entries.

    `counts`, of each item in each sense, are zeros before and after; `held` is for the items of the list at hand.
    """
    n_out, n_senses = 0, counts.shape[1]
    for each in range(rows.shape[0]):
        n_held = 0
        for place in range(rows.shape[1]):
            sense = labels[each, place]
            if sense < 0:
                continue
            row = rows[each, place]
            for entry in range(np.uint64(offsets[row]), np.uint64(offsets[row + 1])):
                own = counts[np.uint64(codes[entry])]
                if not own.any():
                    held[n_held] = codes[entry]
                    n_held += 1
                own[sense] += weights[entry]
        for at in range(n_held):
            own = counts[np.uint64(held[at])]
            for sense in range(n_senses):
                if own[sense] >= least[each, sense]:
                    if n_out < out.shape[1]:
                        out[0, n_out], out[1, n_out], out[2, n_out] = each, sense, held[at]
                        out[3, n_out], out[4, n_out] = own[sense], own.sum()
                    n_out += 1
            own[:] = 0
    return n_out


MIN_SHARE = 0.03
"""Evidence of a sense is held by at least this share of its sentences."""


def sense_tables(
    senses: Senses,
    kinds: Sequence[SenseItems],
    *,
    inputs: Inputs,
    times_longer: NDArray[np.float64],
    workers: int = 1,
) -> dict[str, pa.Table]:
    """Write senses as tables."""
    lists, sentence_ids = inputs.lists, inputs.sentence_ids
    several = np.flatnonzero(senses.n_senses > 1)
    found = [
        sense_evidence(
            each,
            lists.rows,
            senses.labels,
            lists=several,
            times_longer=times_longer,
            min_share=MIN_SHARE,
            workers=workers,
        )
        for each in kinds
    ]
    return {
        "senses": _senses_table(senses, lists=lists, sentence_ids=sentence_ids),
        "sense_evidence": _evidence_table(found, kinds, lists=lists),
        "sense_members": _members_table(senses, several, lists=lists),
        "polysemy": _polysemy_table(senses, lists=lists),
    }


def polysemy(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the effective number of senses.

    ``shares``: float64, shape (..., M). Share of each sense; zeros after the last.
    Returns: float64, shape (...). NaN where there is none.

    Examples
    --------
    >>> polysemy(np.array([[0.5, 0.5], [0.95, 0.05]])).round(2).tolist()
    [2.0, 1.22]
    """
    held = np.where(shares > 0, shares, 1.0)
    return np.where(shares.sum(axis=-1) > 0, np.exp(-(held * np.log(held)).sum(axis=-1)), np.nan)


def _shares(senses: Senses) -> NDArray[np.float64]:
    return np.asarray(senses.sizes / np.maximum(senses.sizes.sum(axis=1, keepdims=True), 1))


def _senses_table(senses: Senses, *, lists: Lists, sentence_ids: NDArray[np.int64]) -> pa.Table:
    owners, numbers = np.nonzero(senses.medoids >= 0)
    rows = lists.rows[owners, senses.medoids[owners, numbers]]
    columns = {
        "sense": pa.array((numbers + 1).astype(np.int8)),
        "n_sentences": pa.array(senses.sizes[owners, numbers]),
        "share": pa.array(_shares(senses)[owners, numbers].astype(np.float32)),
        "silhouette": pa.array(senses.silhouettes[owners, numbers], from_pandas=True),
        "medoid_sentence_id": pa.array(sentence_ids[rows].astype(np.int64)),
    }
    return pa.table(lists.identify(owners.astype(np.int32)) | columns)


def _evidence_table(found: Sequence[SenseEvidence], kinds: Sequence[SenseItems], *, lists: Lists) -> pa.Table:
    joined = SenseEvidence._make(np.concatenate(columns) for columns in zip(*found, strict=True))
    which = np.repeat(np.arange(len(found)), [len(each.lists) for each in found])
    starts = np.concatenate([[0], np.cumsum([len(each.labels) for each in kinds])])
    items = pa.array(joined.items + starts[which])
    order = np.lexsort((-joined.bits, which, joined.senses, joined.lists))
    names = [each.name for each in kinds]
    fields = pa.array(
        [field for each in kinds for field in each.fields or repeat(None, len(each.labels))], pa.string()
    )
    labels = pa.array([label for each in kinds for label in each.labels], pa.string())
    columns = {
        "sense": pa.array(joined.senses + np.int8(1)),
        "kind": pa.array(names, pa.string()).take(pa.array(which)),
        "field": pa.array(fields, pa.string()).take(items),
        "label": labels.take(items),
        "n_sense": pa.array(joined.n_sense.astype(np.int32)),
        "share_sense": pa.array(joined.share_sense.astype(np.float32)),
        "share_list": pa.array(joined.share_list.astype(np.float32)),
        "share_background": pa.array(joined.share_background.astype(np.float32)),
        "lift": pa.array(joined.lift.astype(np.float32), from_pandas=True),
        "log_odds_z": pa.array(joined.log_odds_z.astype(np.float32)),
        "contrast_z": pa.array(joined.contrast_z.astype(np.float32)),
        "bits": pa.array(joined.bits.astype(np.float32)),
    }
    return pa.table(lists.identify(joined.lists) | columns).take(pa.array(order))


def _members_table(senses: Senses, several: NDArray[np.intp], *, lists: Lists) -> pa.Table:
    labels = senses.labels[several]
    places, ranks = np.nonzero(labels >= 0)
    owners = several[places].astype(np.int32)
    columns = {
        "rank": pa.array(ranks.astype(np.int32)),
        "sense": pa.array(labels[places, ranks] + np.int8(1)),
    }
    return pa.table(lists.identify(owners) | columns)


def _polysemy_table(senses: Senses, *, lists: Lists) -> pa.Table:
    columns = {
        "n_senses": pa.array(senses.n_senses),
        "polysemy": pa.array(polysemy(_shares(senses)).astype(np.float32), from_pandas=True),
        "silhouette": pa.array(senses.silhouette.astype(np.float32), from_pandas=True),
        "null_silhouette": pa.array(senses.null_silhouette.astype(np.float32), from_pandas=True),
    }
    return pa.table(lists.identify(np.arange(len(senses.n_senses), dtype=np.int32)) | columns)
