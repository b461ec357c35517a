"""Subtrees of the trees of lists' sentences, where a run is described with trees."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neurolect.signatures.evidence.collected import Annotated, Collected
from neurolect.signatures.evidence.features import Rows, SentenceFeatures, nothing, present
from neurolect.signatures.evidence.kind import Counted, EvidenceKind, Shown
from neurolect.signatures.evidence.pattern_depths import subtrees_at_depths
from neurolect.signatures.evidence.patterns import how_many_pass

if TYPE_CHECKING:
    from neurolect.signatures.trees.subtrees import LabelledForest


def _count(collected: Collected) -> Counted:
    from neurolect.signatures.trees.subtrees import mine_subtrees_of, read_forest, subtrees_table

    options, stage, coded = collected.options, collected.stage, collected.coded
    annotations = collected.sentences.annotations
    if options.trees == "none":
        return Counted()
    if options.trees == "dependencies" and annotations.heads is None:
        stage.progress.message("No tagger, so no parser: signatures have no subtrees.")
        return Counted()
    with stage.timed("subtrees"):
        trees = read_forest(annotations, coded, sentences=collected.sentences.table, options=options)
        mined = mine_subtrees_of(
            trees,
            collected.lists,
            in_sample=collected.inputs.in_sample,
            lengths=coded.n_words,
            options=options,
            workers=stage.workers,
            progress=stage.progress,
        )
        mined = subtrees_at_depths(mined, collected, trees)
        table = subtrees_table(mined, n_labels=trees.forest.n_labels, lists=collected.lists)
    return Counted(tables={"subtrees": table}, passed={mined.item: how_many_pass(mined, collected)})


def _features(labels: Sequence[str], sentences: Annotated) -> SentenceFeatures:
    """Find subtrees; none in sentences without trees: not parsed, or no such field."""
    from neurolect.signatures.trees.subtrees import read_forest, trees_field

    field, annotations = trees_field(sentences.options.trees), sentences.annotations
    has_trees = annotations.heads is not None if field is None else field in sentences.table.column_names
    if not labels or not has_trees:
        return nothing(sentences.coded.n_sentences)
    trees = read_forest(annotations, sentences.coded, sentences=sentences.table, options=sentences.options)
    return present(*subtrees_of_sentences(labels, trees))


def subtrees_of_sentences(
    subtrees: Sequence[str], trees: "LabelledForest"
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Find subtrees in sentences: where each sentence's start, and their places, ascending within a sentence."""
    from neurolect.signatures.patterns.find_in_sentences import build_table
    from neurolect.signatures.trees.subtree_kernels import find_subtrees
    from neurolect.signatures.trees.subtrees import parse_subtree

    number = {label: code for code, label in enumerate(trees.labels)}
    n_labels = max(trees.forest.n_labels, 1)
    parsed = [parse_subtree(text) for text in subtrees]
    items = [
        depth * n_labels + number[label] if number.get(label, n_labels) < n_labels else -1
        for nodes in parsed
        for depth, label in nodes
    ]
    starts = np.cumsum([0, *map(len, parsed)]).astype(np.int64)
    deepest = max((depth for nodes in parsed for depth, _ in nodes), default=0)
    table = build_table(np.array(items, np.int32), starts, n_items=(deepest + 2) * n_labels)
    offsets, found = find_subtrees(trees.forest, table)
    return offsets, found


SUBTREE_ROWS = Rows("subtrees", ("subtree",))
SUBTREES = EvidenceKind(
    name="subtrees",
    title="subtrees",
    rows=SUBTREE_ROWS,
    optional=True,
    count=_count,
    features=_features,
    search=lambda label: {"subtree": label},
    shown=(Shown(name="subtrees", title="subtrees", rows=SUBTREE_ROWS, page_order=7),),
)
