"""Words of lists: all of them against exact background counts, nouns, verbs and adjectives against the sample."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.signatures.coding import CodedSentences
from neurolect.signatures.evidence import Evidence, Sizes, evidence_columns, score_counts, select
from neurolect.signatures.items import count_in_lists, count_in_rows, items_of_tokens
from neurolect.signatures.lists import Lists
from neurolect.signatures.options import DescribeOptions

__all__ = ["WORD_CLASSES", "min_counts", "word_evidence", "words_table"]

WORD_CLASSES = {"all": "", "noun": "N", "verb": "V", "adjective": "J"}
"""Word classes and the first letter of their Penn tags."""


def min_counts(lists: Lists, *, options: DescribeOptions) -> NDArray[np.int64]:
    """Say how many sentences of each list must hold something that counts as evidence.

    Parameters
    ----------
    lists : Lists
        The lists.
    options : DescribeOptions
        ``min_count`` and ``min_share``.

    Returns
    -------
    int64, shape (n_lists,)
        At least 1.
    """
    by_share = np.ceil(options.min_share * lists.sizes - 1e-9).astype(np.int64)
    return np.asarray(np.maximum(by_share, options.min_count), dtype=np.int64)


def word_evidence(
    coded: CodedSentences,
    lists: Lists,
    *,
    background: NDArray[np.int64],
    n_background: int,
    in_sample: NDArray[np.bool_],
    options: DescribeOptions,
    workers: int = 1,
    advance: Callable[[int], None] | None = None,
) -> dict[str, Evidence]:
    """Find the words that are frequent in lists, and those that are more frequent than elsewhere.

    Parameters
    ----------
    coded : CodedSentences
        The kept sentences.
    lists : Lists
        Lists of kept sentences.
    background : int64, shape (n_words,)
        Sentences of the whole corpus read that hold each word; 0 where that is not known.
    n_background : int
        Sentences of the whole corpus read.
    in_sample : bool, shape (n_sentences,)
        Which kept sentences are the uniform sample: background of the word classes.
    options : DescribeOptions
        What to keep.
    workers : int
        Threads.
    advance : callable, optional
        Told how many lists were done, now and then.

    Returns
    -------
    dict of str to Evidence
        For each word class (only ``all`` without tags) the kept evidence; items are word codes.
    """
    everywhere = np.ones(coded.n_sentences, dtype=np.bool_)
    is_word = coded.counts_as_word[coded.words]
    found: dict[str, Evidence] = {}
    for name, letter in WORD_CLASSES.items():
        if letter and not coded.tag_names:
            continue
        has_class = np.array([tag.startswith(letter) for tag in coded.tag_names], dtype=np.bool_)
        keep = is_word & has_class[coded.tags] if letter else is_word
        items = items_of_tokens(coded.words, coded.offsets, n_items=len(coded.vocabulary), keep=keep)
        inside = in_sample if letter else everywhere
        counts = count_in_lists(
            items,
            lists.rows,
            in_background=inside,
            min_counts=min_counts(lists, options=options),
            workers=workers,
            advance=advance,
        )
        sizes = Sizes(
            of_list=lists.sizes,
            of_overlap=overlap(lists, inside),
            of_background=int(inside.sum()) if letter else n_background,
        )
        totals = count_in_rows(items, inside) if letter else background
        scored = score_counts(counts, background=totals, sizes=sizes, prior_size=options.prior_size)
        found[name] = select(
            scored, n_frequent=options.n_frequent, n_relative=options.n_relative, min_z=options.min_z
        )
    return found


def overlap(lists: Lists, inside: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Count how many sentences of each list belong to a set.

    Parameters
    ----------
    lists : Lists
        The lists.
    inside : bool, shape (n_sentences,)
        The set.

    Returns
    -------
    int64, shape (n_lists,)
        At most the size of the list.
    """
    counts = np.empty(len(lists.rows), dtype=np.int64)
    for at, rows in enumerate(lists.rows):
        counts[at] = np.count_nonzero(inside[rows[rows >= 0]])
    return counts


def words_table(evidence: dict[str, Evidence], *, coded: CodedSentences, lists: Lists) -> pa.Table:
    """Write word evidence as a table.

    Parameters
    ----------
    evidence : dict of str to Evidence
        From :func:`word_evidence`.
    coded : CodedSentences
        The kept sentences.
    lists : Lists
        The lists.

    Returns
    -------
    pyarrow.Table
        ``signatures/words`` of ``docs/run_folder.md``; by neuron, side, class, frequency.
    """
    vocabulary, display = pa.array(coded.vocabulary, pa.string()), pa.array(coded.display, pa.string())
    joined = Evidence._make(np.concatenate(columns) for columns in zip(*evidence.values(), strict=True))
    classes = np.repeat(np.arange(len(evidence)), [len(each.lists) for each in evidence.values()])
    order = np.lexsort((joined.rank_frequency, classes, joined.lists))
    joined = Evidence._make(column[order] for column in joined)
    columns = lists.identify(joined.lists)
    columns["word_class"] = pa.array(list(evidence), pa.string()).take(pa.array(classes[order]))
    columns["word"] = vocabulary.take(pa.array(joined.items))
    columns["display"] = display.take(pa.array(joined.items))
    return pa.table(columns | evidence_columns(joined))
