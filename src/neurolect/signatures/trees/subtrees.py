"""Subtrees as a signature has them: of dependencies or of bracketed trees, mined, put into words and a table."""

import re
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from neurolect.errors import DescribeError, nearest
from neurolect.progress import NullProgress, Progress
from neurolect.signatures.annotation.annotate import Annotations
from neurolect.signatures.annotation.coding import CodedSentences
from neurolect.signatures.counting.counts import evidence_columns
from neurolect.signatures.inputs import Lists
from neurolect.signatures.mining.index import PatternIndex
from neurolect.signatures.mining.shorter_patterns import shorter_trees
from neurolect.signatures.mining.trie import PatternTrie
from neurolect.signatures.options import FREQUENT, RELATIVE, DescribeOptions
from neurolect.signatures.patterns.evidence import PatternEvidence, gather_evidence
from neurolect.signatures.patterns.indexed_lists import count_indexed_lists
from neurolect.signatures.patterns.inputs import compare_with
from neurolect.signatures.patterns.options import SkipNgramOptions
from neurolect.signatures.patterns.tables import Patterns, columns_of_tests, found_patterns
from neurolect.signatures.trees.forest import Forest, forest_of_brackets, forest_of_heads
from neurolect.signatures.trees.freqt import MinedSubtrees, mine_subtrees


# Subtrees of lists, from an index of the corpus: mined once, then a list is a sum over its sentences.
#
# The same index as that of sequences (``pattern_index.py``), made by FREQT: what counts, ranks and tests patterns
# does not know the difference.
def mine_subtrees_of_lists(
    forest: Forest,
    *,
    lists: NDArray[np.int32],
    background_rows: NDArray[np.int64],
    lengths: NDArray[np.int32],
    options: SkipNgramOptions | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> PatternEvidence:
    """Find what subtrees every list has, and which of them it has more than the background.

    ``lists``: int32, shape (n_lists, n). Sentences of each list, distinct; -1 where a list is shorter.
    ``background_rows``: int64, shape (n_background,). Sentences of the background, distinct. Lists may overlap with
        it.
    ``lengths``: int32, shape (n_sentences,). Length of each sentence, by which the background is matched with
        lists.
    ``options``: What is mined and reported; ``max_length`` is the number of nodes.
    Returns: Subtrees of two nodes or more; items are ``depth * n_labels + label``.
    """
    options, progress = options or SkipNgramOptions(), progress or NullProgress()
    compared = compare_with(
        background_rows, lengths=lengths, lists=lists, item="subtree", options=options, workers=workers
    )
    smallest = int(np.count_nonzero(lists >= 0, axis=1).min()) if len(lists) else 0
    mined = mine_subtrees(
        forest,
        min_support=options.min_support(smallest),
        max_size=options.max_length,
        max_entries=max(1, options.max_entries),
        workers=workers,
    )
    if mined.max_size < options.max_length:
        progress.message(
            f"Sentences have more than {options.max_entries:,} subtrees of up to {options.max_length} nodes: "
            f"those of up to {mined.max_size} were mined."
        )
    index = index_subtrees(mined, forest)
    found = count_indexed_lists(index, compared, lists=lists, progress=progress)
    if found.n_truncated:
        progress.message(
            f"{found.n_truncated} of {len(lists)} lists have too many subtrees (over {options.max_patterns:,}, or "
            f"held over {options.max_list_entries:,} times): theirs are smaller than {options.max_length} nodes."
        )
    return gather_evidence(found, compared, lists=lists)


def index_subtrees(mined: MinedSubtrees, forest: Forest) -> PatternIndex:
    """Give subtrees numbers by falling support, and note which of them each sentence holds.

    Returns: Of a subtree's `parts` the first two are all but its last node in preorder, and that node alone; the
        others repeat them.
    """
    support = np.diff(mined.holder_starts)
    order = np.argsort(-support, kind="stable")
    number = np.empty(len(order) + 1, np.int32)
    number[order] = np.arange(len(order), dtype=np.int32)
    number[-1] = -1
    parent = number[mined.trie.parent][order]
    size, item = mined.size[order], mined.trie.item[order]
    alone = np.full(max(forest.n_labels, 1), -1, np.int32)
    alone[item[size == 1]] = np.flatnonzero(size == 1)
    parts = np.stack([parent, alone[item % max(forest.n_labels, 1)]] * 2, axis=1)
    parts[size == 1] = -1
    trie = PatternTrie(parent, item)
    holder_starts = np.concatenate([[0], np.cumsum(support[order])])
    holders, starts = _reorder(mined.holder_starts, mined.holders, order, forest.n_sentences)
    return PatternIndex(
        trie=trie,
        length=size,
        place=order.astype(np.int32),
        parts=parts,
        starts=starts,
        numbers=_by_sentence(holder_starts, holders, starts),
        holder_starts=holder_starts,
        holders=holders,
        shorter=shorter_trees(trie, length=size, n_labels=forest.n_labels),
        max_length=mined.max_size,
    )


@njit(cache=True, nogil=True)
def _reorder(
    before: NDArray[np.int64], holders: NDArray[np.int32], order: NDArray[np.int64], n_sentences: int
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Sentences of each subtree in a new order of subtrees; where those of each sentence start."""
    moved = np.empty(len(holders), np.int32)
    starts = np.zeros(n_sentences + 1, np.int64)
    n = 0
    for subtree in order:
        for place in range(before[subtree], before[subtree + 1]):
            moved[n] = holders[place]
            starts[holders[place] + 1] += 1
            n += 1
    for sentence in range(n_sentences):
        starts[sentence + 1] += starts[sentence]
    return moved, starts


@njit(cache=True, nogil=True)
def _by_sentence(
    holder_starts: NDArray[np.int64], holders: NDArray[np.int32], starts: NDArray[np.int64]
) -> NDArray[np.int32]:
    """Subtrees of each sentence, ascending."""
    numbers = np.empty(len(holders), np.int32)
    free = starts[:-1].copy()
    for subtree in range(len(holder_starts) - 1):
        for place in range(holder_starts[subtree], holder_starts[subtree + 1]):
            sentence = holders[place]
            numbers[free[sentence]] = subtree
            free[sentence] += 1
    return numbers


FIELD = "field:"
_PIECE = re.compile(r"[()]|[^\s()]+")
MAX_ENTRIES = 150_000_000
"""Pairs of sentence and subtree, 16 bytes each while the index is made."""


class LabelledForest(NamedTuple):
    """Trees, and what their labels are called."""

    forest: Forest
    labels: list[str]


def trees_field(trees: str) -> str | None:
    """Give the metadata field that holds bracketed trees; None where there is none.

    Examples
    --------
    >>> trees_field("field:tree"), trees_field("dependencies")
    ('tree', None)
    """
    return trees.removeprefix(FIELD) if trees.startswith(FIELD) else None


def read_forest(
    annotations: Annotations, coded: CodedSentences, *, sentences: pa.Table, options: DescribeOptions
) -> LabelledForest:
    """Make the trees of the kept sentences.

    ``annotations``: With heads and relations where ``options.trees`` is ``dependencies``.
    """
    field = trees_field(options.trees)
    if field is not None:
        if field not in sentences.column_names or not pa.types.is_string(sentences.schema.field(field).type):
            there = [each.name for each in sentences.schema if pa.types.is_string(each.type)]
            what = f"describe.trees names the field {field!r}, which the corpus does not have as text."
            hint = f"Nearest: {nearest(field, there)}. Keep it with --set prepare.metadata_columns={field}"
            raise DescribeError(what, hint=hint)
        return LabelledForest(*forest_of_brackets(sentences.column(field).to_pylist()))
    if annotations.heads is None or annotations.relations is None:
        what = "Sentences without dependencies have no trees."
        raise DescribeError(what, expected="annotations that were made with a parser")
    heads = annotations.heads.flatten().to_numpy().astype(np.int32)
    is_word = np.array([name[:1].isalpha() for name in coded.tag_names], dtype=np.bool_)
    if options.tree_labels == "tag":
        return LabelledForest(
            forest_of_heads(heads, coded.tags, coded.offsets, keep=is_word), list(coded.tag_names)
        )
    encoded = annotations.relations.flatten().dictionary_encode()
    names = [str(name) for name in encoded.dictionary.to_pylist()]
    labels = sorted(names)
    place = np.array([labels.index(name) for name in names], dtype=np.int32)
    codes = place[encoded.indices.to_numpy()] if len(names) else np.empty(0, np.int32)
    # punctuation is known by its tag: one more label, which becomes no node
    codes = np.where(is_word[coded.tags], codes, len(labels)).astype(np.int32)
    keep = np.append(np.ones(len(labels), np.bool_), False)
    return LabelledForest(forest_of_heads(heads, codes, coded.offsets, keep=keep), labels)


def mine_subtrees_of(
    trees: LabelledForest,
    lists: Lists,
    *,
    in_sample: NDArray[np.bool_],
    lengths: NDArray[np.int32],
    options: DescribeOptions,
    workers: int,
    progress: Progress,
) -> Patterns:
    """Mine the subtrees of every list.

    ``in_sample``: bool, shape (n_sentences,). The background.
    ``lengths``: int32, shape (n_sentences,). Length of each sentence in words.
    """
    from neurolect.signatures.patterns.options import SkipNgramOptions

    background = np.flatnonzero(in_sample)
    found = mine_subtrees_of_lists(
        trees.forest,
        lists=lists.rows,
        background_rows=background,
        lengths=lengths,
        options=SkipNgramOptions(
            min_share=options.pattern_share,
            max_length=options.subtree_size,
            n_frequent=options.n_frequent or FREQUENT,
            n_relative=options.n_relative or RELATIVE,
            prior_size=options.prior_size,
            keep=options.pattern_filter,
            max_entries=MAX_ENTRIES,
            false_discovery_rate=options.false_discovery_rate,
        ),
        workers=workers,
        progress=progress,
    )
    return found_patterns(found, lists, item="subtree", labels=trees.labels, n_background=len(background))


def subtree_text(depths: list[int], labels: list[str]) -> str:
    """Write a subtree as people read it: a label, and its children in brackets.

    Examples
    --------
    >>> subtree_text([0, 1, 2, 1], ["VBD", "NN", "DT", "IN"])
    'VBD(NN(DT) IN)'
    """
    text, before = "", -1
    for depth, label in zip(depths, labels, strict=True):
        if before >= 0:
            text += "(" if depth > before else ")" * (before - depth) + " "
        text += label
        before = depth
    return text + ")" * max(before, 0)


def parse_subtree(text: str) -> list[tuple[int, str]]:
    """Read a subtree as signatures write it.

    Returns: list of (int, str). Depth and label of each node in preorder.

    Examples
    --------
    >>> parse_subtree("VBD(NN(DT) IN)")
    [(0, 'VBD'), (1, 'NN'), (2, 'DT'), (1, 'IN')]
    """
    nodes, depth = [], 0
    for piece in _PIECE.findall(text):
        if piece in "()":
            depth += 1 if piece == "(" else -1
        else:
            nodes.append((depth, piece))
    return nodes


def subtrees_table(patterns: Patterns, *, n_labels: int, lists: Lists) -> pa.Table:
    """Write subtrees as a table.

    Returns: ``signatures/subtrees`` of ``docs/run_folder.md``; by neuron, side, relative rank.
    """
    offsets = pa.array(patterns.offsets.astype(np.int32))
    spelled = pa.array(patterns.labels, pa.string()).take(pa.array(patterns.codes % max(n_labels, 1)))
    labels = pa.ListArray.from_arrays(offsets, spelled)
    depths = pa.ListArray.from_arrays(offsets, pa.array((patterns.codes // max(n_labels, 1)).astype(np.int8)))
    texts = [subtree_text(*node) for node in zip(depths.to_pylist(), labels.to_pylist(), strict=True)]
    columns = lists.identify(patterns.evidence.lists)
    columns["size"] = pa.array(np.diff(patterns.offsets).astype(np.int8))
    columns["subtree"] = pa.array(texts, pa.string())
    columns["labels"] = labels
    columns["depths"] = depths
    return pa.table(columns | evidence_columns(patterns.evidence) | columns_of_tests(patterns.tests))
