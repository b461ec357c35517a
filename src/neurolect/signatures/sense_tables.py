"""Senses of all lists as tables: one row a sense, its evidence, its sentences, and how many senses a list has."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.signatures.coding import CodedSentences
from neurolect.signatures.inputs import Inputs
from neurolect.signatures.items import count_in_rows, items_of_tokens, items_of_values
from neurolect.signatures.lists import Lists
from neurolect.signatures.metadata import CodedField
from neurolect.signatures.naming_evidence import word_weights
from neurolect.signatures.says_nothing import SAYS_NOTHING
from neurolect.signatures.sense_evidence import Kind, SenseEvidence, sense_evidence
from neurolect.signatures.senses import Senses

__all__ = ["polysemy", "sense_kinds", "sense_tables"]

N_WORDS, N_VALUES, N_TAGS = 6, 3, 2
MIN_SHARE = 0.03
"""Evidence of a sense is held by at least this share of its sentences."""


class _Labelled(NamedTuple):
    """A kind of evidence with what its items are called."""

    kind: Kind
    fields: list[str | None]
    labels: list[str]


def sense_kinds(
    coded: CodedSentences,
    inputs: Inputs,
    *,
    words_background: NDArray[np.int64],
    fields: Sequence[CodedField],
) -> list[_Labelled]:
    """Prepare words, tags and metadata for counting in senses.

    Parameters
    ----------
    coded : CodedSentences
        The kept sentences.
    inputs : Inputs
        The run; its sample is the background of tags.
    words_background : int64, shape (n_words,)
        Sentences read that hold each word.
    fields : sequence of CodedField
        Metadata.

    Returns
    -------
    list
        What :func:`sense_tables` takes.
    """
    n_words = len(coded.vocabulary)
    is_word = coded.counts_as_word[coded.words]
    words = items_of_tokens(coded.words, coded.offsets, n_items=n_words, keep=is_word)
    # a word that the background has let go is in one sentence at least
    at_least_one = np.maximum(words_background, 1)
    kinds = [
        _Labelled(
            Kind("word", words, at_least_one, inputs.n_read, word_weights(coded), N_WORDS),
            [None] * n_words,
            coded.display,
        )
    ]
    if coded.tag_names:
        names = coded.tag_names
        tags = items_of_tokens(coded.tags, coded.offsets, n_items=len(names), occurrences=True)
        in_all = count_in_rows(tags, inputs.in_sample)
        weights = np.array([float(name[:1].isalpha() and name != "XX") for name in names])
        kind = Kind("tag", tags, in_all, int(in_all.sum()), weights, N_TAGS, of_tokens=True)
        kinds.append(_Labelled(kind, [None] * len(names), names))
    if fields:
        values = items_of_values([each.codes for each in fields], n_items=[len(each.values) for each in fields])
        labels = [value for each in fields for value in each.values]
        counts = np.concatenate([each.background for each in fields])
        weights = np.array([float(value.lower() not in SAYS_NOTHING) for value in labels])
        kind = Kind("metadata", values, counts, inputs.n_read, weights, N_VALUES)
        kinds.append(_Labelled(kind, [each.name for each in fields for _ in each.values], labels))
    return kinds


def sense_tables(
    senses: Senses,
    kinds: Sequence[_Labelled],
    *,
    inputs: Inputs,
    times_longer: NDArray[np.float64],
    workers: int = 1,
) -> dict[str, pa.Table]:
    """Write senses as tables.

    Parameters
    ----------
    senses : Senses
        From :func:`neurolect.signatures.senses.find_senses`.
    kinds : sequence
        From :func:`sense_kinds`.
    inputs : Inputs
        Lists and sentences of the run.
    times_longer : float64, shape (n_lists,)
        Mean length of each list by the background's.
    workers : int
        Threads.

    Returns
    -------
    dict of str to pyarrow.Table
        ``senses``, ``sense_evidence``, ``sense_members`` and ``polysemy`` of ``docs/run_folder.md``.
    """
    lists, sentence_ids = inputs.lists, inputs.sentence_ids
    several = [each for each, found in enumerate(senses.of_list) if len(found.medoids) > 1]
    found = [
        sense_evidence(
            each.kind,
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

    Parameters
    ----------
    shares : float64, shape (n_senses,)
        Shares of the senses; they add up to 1.

    Returns
    -------
    float
        Exponential of the entropy of the shares: 1 for one sense, k for k equally large ones.

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


def _evidence_table(found: Sequence[SenseEvidence], kinds: Sequence[_Labelled], *, lists: Lists) -> pa.Table:
    joined = SenseEvidence._make(np.concatenate(columns) for columns in zip(*found, strict=True))
    which = np.repeat(np.arange(len(found)), [len(each.lists) for each in found])
    starts = np.concatenate([[0], np.cumsum([len(each.labels) for each in kinds])])
    items = pa.array(joined.items + starts[which])
    order = np.lexsort((-joined.bits, which, joined.senses, joined.lists))
    names = [each.kind.name for each in kinds]
    fields = pa.array([field for each in kinds for field in each.fields], pa.string())
    labels = pa.array([label for each in kinds for label in each.labels], pa.string())
    columns = {
        "sense": pa.array(joined.senses + np.int8(1)),
        "kind": pa.array(names, pa.string()).take(pa.array(which)),
        "field": fields.take(items),
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
