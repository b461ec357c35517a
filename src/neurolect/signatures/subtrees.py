"""Subtrees as a signature has them: of dependencies or of bracketed trees, mined, put into words and a table."""

import re
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.errors import DescribeError, nearest
from neurolect.progress import Progress
from neurolect.signatures.annotate import Annotations
from neurolect.signatures.coding import CodedSentences
from neurolect.signatures.evidence.counts import evidence_columns
from neurolect.signatures.forest import Forest, forest_of_brackets, forest_of_heads
from neurolect.signatures.lists import Lists
from neurolect.signatures.options import DescribeOptions
from neurolect.signatures.patterns import Patterns, columns_of_tests, found_patterns

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
    # punctuation is told by its tag: one more label, which becomes no node
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
    from neurolect.signatures.skip_ngram_options import SkipNgramOptions
    from neurolect.signatures.tree_index import mine_subtrees_of_lists

    background = np.flatnonzero(in_sample)
    found = mine_subtrees_of_lists(
        trees.forest,
        lists=lists.rows,
        background_rows=background,
        lengths=lengths,
        options=SkipNgramOptions(
            min_share=options.pattern_share,
            max_length=options.subtree_size,
            n_frequent=options.n_frequent,
            n_relative=options.n_relative,
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
