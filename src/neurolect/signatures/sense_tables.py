"""Senses of all lists as tables: one row a sense, its evidence, its sentences, and how many senses a list has."""

from collections.abc import Sequence
from itertools import repeat

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.signatures.evidence.kind import SenseItems
from neurolect.signatures.inputs import Inputs
from neurolect.signatures.lists import Lists
from neurolect.signatures.sense_evidence import SenseEvidence, sense_evidence
from neurolect.signatures.senses import Senses

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
    several = [each for each, found in enumerate(senses.of_list) if len(found.medoids) > 1]
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


def polysemy(shares: NDArray[np.float64]) -> float:
    """Give the effective number of senses.

    Examples
    --------
    >>> round(polysemy(np.array([0.5, 0.5])), 6), round(polysemy(np.array([0.95, 0.05])), 2)
    (2.0, 1.22)
    """
    held = shares[shares > 0]
    return float(np.exp(-(held * np.log(held)).sum())) if len(held) else float("nan")


def _sizes(senses: Senses, each: int) -> NDArray[np.intp]:
    labels = senses.labels[each]
    return np.bincount(labels[labels >= 0], minlength=len(senses.of_list[each].medoids))


def _senses_table(senses: Senses, *, lists: Lists, sentence_ids: NDArray[np.int64]) -> pa.Table:
    counts = np.array([len(each.medoids) for each in senses.of_list], np.int64)
    owners = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    sizes = [_sizes(senses, each) for each in range(len(counts))]
    rows = [lists.rows[each][found.medoids] for each, found in enumerate(senses.of_list)]
    numbers = [np.arange(1, count + 1, dtype=np.int8) for count in counts]
    columns = {
        "sense": pa.array(_joined(numbers, np.int8)),
        "n_sentences": pa.array(_joined(sizes, np.int32)),
        "share": pa.array(_joined([each / max(each.sum(), 1) for each in sizes], np.float32)),
        "silhouette": pa.array(
            _joined([each.silhouettes for each in senses.of_list], np.float32), from_pandas=True
        ),
        "medoid_sentence_id": pa.array(sentence_ids[_joined(rows, np.int64)]),
    }
    return pa.table(lists.identify(owners) | columns)


def _joined(parts: Sequence[NDArray[np.generic]], kind: type[np.generic]) -> NDArray[np.generic]:
    """Put columns of lists one after the other; nothing where there are no lists."""
    return np.concatenate([np.empty(0, kind), *parts]).astype(kind)


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


def _members_table(senses: Senses, several: list[int], *, lists: Lists) -> pa.Table:
    labels = senses.labels[several]
    places, ranks = np.nonzero(labels >= 0)
    owners = np.asarray(several, dtype=np.int32)[places]
    columns = {
        "rank": pa.array(ranks.astype(np.int32)),
        "sense": pa.array(labels[places, ranks] + np.int8(1)),
    }
    return pa.table(lists.identify(owners) | columns)


def _polysemy_table(senses: Senses, *, lists: Lists) -> pa.Table:
    shares = [_sizes(senses, each) / max(_sizes(senses, each).sum(), 1) for each in range(len(senses.of_list))]
    columns = {
        "n_senses": pa.array([len(each.medoids) for each in senses.of_list], pa.int8()),
        "polysemy": pa.array(np.array([polysemy(each) for each in shares], np.float32), from_pandas=True),
        "silhouette": pa.array(
            np.array([each.silhouette for each in senses.of_list], np.float32), from_pandas=True
        ),
        "null_silhouette": pa.array(
            np.array([each.null_silhouette for each in senses.of_list], np.float32), from_pandas=True
        ),
    }
    return pa.table(lists.identify(np.arange(len(senses.of_list), dtype=np.int32)) | columns)
