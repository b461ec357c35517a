"""Part-of-speech tags of lists, counted over tokens."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.signatures.coding import CodedSentences
from neurolect.signatures.evidence import Evidence, Sizes, evidence_columns, score_counts
from neurolect.signatures.items import count_in_lists, count_in_rows, items_of_tokens
from neurolect.signatures.lists import Lists

__all__ = ["ClassShares", "class_shares", "tag_evidence", "tags_table"]


class ClassShares(NamedTuple):
    """Share of each list's tokens that are nouns, verbs, adjectives; NaN without tags."""

    noun: NDArray[np.float64]
    verb: NDArray[np.float64]
    adjective: NDArray[np.float64]


def tag_evidence(
    coded: CodedSentences, lists: Lists, *, in_sample: NDArray[np.bool_], prior_size: float, workers: int = 1
) -> Evidence:
    """Compare the tags of lists with those of the sample.

    Parameters
    ----------
    coded : CodedSentences
        The kept sentences.
    lists : Lists
        Lists of kept sentences.
    in_sample : bool, shape (n_sentences,)
        The background: which kept sentences are the uniform sample.
    prior_size : float
        Weight of the prior of log-odds z.
    workers : int
        Threads.

    Returns
    -------
    Evidence
        Every tag of every list; items are tag codes, counts are tokens. Empty without tags.
    """
    codes = coded.tags if coded.tag_names else np.empty(0, dtype=np.int32)
    offsets = coded.offsets if coded.tag_names else np.zeros_like(coded.offsets)
    items = items_of_tokens(codes, offsets, n_items=len(coded.tag_names), occurrences=True)
    counts = count_in_lists(
        items, lists.rows, in_background=in_sample, min_counts=np.ones(len(lists.rows), np.int64), workers=workers
    )
    totals = count_in_rows(items, in_sample)
    sums = [
        np.bincount(counts.lists, weights=n, minlength=len(lists.rows)) for n in (counts.n_list, counts.n_overlap)
    ]
    sizes = Sizes(
        of_list=sums[0].astype(np.int64), of_overlap=sums[1].astype(np.int64), of_background=int(totals.sum())
    )
    return score_counts(counts, background=totals, sizes=sizes, prior_size=prior_size)


def class_shares(evidence: Evidence, *, tag_names: list[str], n_lists: int) -> ClassShares:
    """Add up the shares of noun, verb and adjective tags.

    Parameters
    ----------
    evidence : Evidence
        From :func:`tag_evidence`.
    tag_names : list of str
        Tag of each code.
    n_lists : int
        Number of lists.

    Returns
    -------
    ClassShares
        Each float64, shape (n_lists,); NaN for a list without tags.
    """
    has_tags = np.bincount(evidence.lists, minlength=n_lists) > 0
    shares = []
    for letter in "NVJ":
        member = np.array([name.startswith(letter) for name in tag_names], dtype=np.bool_)
        weights = evidence.share_list * member[evidence.items] if len(member) else evidence.share_list
        shares.append(np.where(has_tags, np.bincount(evidence.lists, weights=weights, minlength=n_lists), np.nan))
    return ClassShares(*shares)


def tags_table(evidence: Evidence, *, tag_names: list[str], lists: Lists) -> pa.Table:
    """Write tag evidence as a table.

    Parameters
    ----------
    evidence : Evidence
        From :func:`tag_evidence`.
    tag_names : list of str
        Tag of each code.
    lists : Lists
        The lists.

    Returns
    -------
    pyarrow.Table
        ``signatures/tags`` of ``docs/run_folder.md``; by neuron, side, frequency.
    """
    order = np.lexsort((evidence.rank_frequency, evidence.lists))
    ordered = Evidence._make(column[order] for column in evidence)
    names = {"tag": pa.array(tag_names, pa.string()).take(pa.array(ordered.items))}
    return pa.table(lists.identify(ordered.lists) | names | evidence_columns(ordered))
