"""Subtrees and senses are evidence like any other: fitted, scored, alone and together."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from neurolect.fidelity import FidelityOptions, score_fidelity
from neurolect.fidelity.fit import fit
from neurolect.fidelity.inputs import Features, SenseVectors
from neurolect.fidelity.results import CENTROIDS, fitted
from neurolect.folders.atomic import write_table
from neurolect.signatures import DescribeOptions, describe
from neurolect.signatures.evidence.registry import kind_names
from neurolect.store import Run, open_run
from neurolect.views.texts.fidelity import fidelity_of_run, fidelity_text
from tests.documented_folder import check_folder
from tests.fidelity.scored_run import RECIPE, write_held_out
from tests.fidelity.test_fit import RIDGE, N, dense, sparse, written_out
from tests.signatures.collected_run import COOKING, NEWS, write_collected_run

COMMAND, REPORT = "(S (VP (VB add) (NP (NN salt))))", "(S (NP (NNP Chile)) (VP (VBD fell)))"
SENSES = kind_names().index("senses")


def add_trees(path: Path) -> None:
    """Recipes are commands, news have a subject."""
    table = pq.read_table(path)
    trees = [COMMAND if domain == "recipe" else REPORT for domain in table.column("domain").to_pylist()]
    write_table(path, table.append_column("tree", pa.array(trees, pa.string())))


def write_vectors(path: Path) -> Path:
    """Words of recipes point one way, words of news another."""
    words = [{word.lower().strip(".") for text in texts for word in text.split()} for texts in (COOKING, NEWS)]
    lines = [f"{word} 1 0.1" for word in sorted(words[0] - words[1])]
    lines += [f"{word} 0.1 1" for word in sorted(words[1] - words[0])]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("trees") / "run"
    write_collected_run(folder)
    write_held_out(folder)
    for part in (folder, folder / "held_out"):
        add_trees(part / "sentences.parquet")
    options = DescribeOptions(
        tagger="none", trees="field:tree", vectors=str(write_vectors(folder.parent / "a.vec"))
    )
    described = describe(open_run(folder), options=options)
    return score_fidelity(described, options=FidelityOptions(n_bootstrap=20))


def scores_of(run: Run, neuron: int, side: str) -> dict[str, dict[str, Any]]:
    rows = run.rows("fidelity/scores", neuron_id=neuron, side=side).to_pylist()
    return {row["evidence"]: row for row in rows}


@pytest.mark.parametrize("evidence", ["subtrees", "senses"])
def test_a_neuron_of_one_kind_of_text_is_explained_by_its_trees_and_by_its_meaning(
    scored: Run, evidence: str
) -> None:
    assert scores_of(scored, RECIPE, "top")[evidence]["auroc"] > 0.85
    for side in ("top", "bottom"):
        assert scores_of(scored, RECIPE, side)[evidence]["spearman"] > 0.5
    assert f"by {evidence}" in fidelity_text(fidelity_of_run(scored))


def test_files_columns_and_types_are_those_of_the_page(scored: Run) -> None:
    there = check_folder(scored.folder, page="run_folder.md", below="fidelity")
    assert "fidelity/sense_centroids.npy" in there
    there = check_folder(scored.folder, page="run_folder.md", below="signatures")
    assert {"signatures/subtrees.parquet", "signatures/word_vectors.npy"} <= there


def test_weights_name_subtrees_and_senses(scored: Run) -> None:
    rows = scored.rows("fidelity/weights", neuron_id=RECIPE, side="top").to_pylist()
    named = {(row["evidence"], row["feature"]) for row in rows}
    assert ("subtrees", "VP(VB NP(NN))") in named
    assert ("senses", "sense 01") in named
    assert scored.array(CENTROIDS).shape == (scored.table("signatures/senses").num_rows, 2)


def test_what_was_compiled_is_read_back(scored: Run) -> None:
    compiled = fitted(scored)
    senses = np.bincount(
        2 * scored.table("signatures/senses")["neuron_id"].to_numpy()
        + (np.array(scored.table("signatures/senses")["side"].to_pylist()) == "bottom"),
        minlength=2 * scored.n_neurons,
    )
    assert np.diff(compiled.starts).tolist() == senses.tolist()
    assert np.allclose(np.linalg.norm(compiled.centroids, axis=1), 1.0, atol=1e-5)


def test_a_run_described_without_them_has_neither(scored: Run) -> None:
    again = describe(scored, options=DescribeOptions(tagger="none", vectors="none"))
    again = score_fidelity(again, options=FidelityOptions(n_bootstrap=21))
    assert not {"subtrees", "senses"} & set(again.table("fidelity/scores")["evidence"].to_pylist())
    assert not (again.folder / f"{CENTROIDS}.npy").exists()


def unit(vectors: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def test_weights_of_senses_are_the_discriminant_written_out() -> None:
    random = np.random.default_rng(4)
    vectors, centroids = (unit(random.normal(size=(n, 5))) for n in (N, 3))
    kinds = np.array([0, 0, 1, SENSES, SENSES], np.int8)
    features = Features(list("abcde"), kinds, np.array([0, 2, 3, 4, 1, 2, 3], np.int32), np.array([0, 4, 7]))
    table = dense(kinds)
    lists = np.stack([np.arange(0, 80), np.arange(40, 120)]).astype(np.int32)
    background = np.arange(130, N, 2, dtype=np.int32)
    weights = fit(
        features,
        sparse(np.where(kinds == SENSES, 0.0, table)),
        lists=lists,
        background=background,
        options=FidelityOptions(ridge=RIDGE),
        senses=SenseVectors(vectors, centroids, np.array([0, 2, 3])),
    )
    for each, own_senses in enumerate((slice(0, 2), slice(2, 3))):
        own = slice(features.offsets[each], features.offsets[each + 1])
        codes = features.codes[own]
        likeness = vectors.astype(np.float64) @ centroids[own_senses].astype(np.float64).T
        columns = np.concatenate([table[:, codes[codes < 3]], likeness], axis=1)
        expected = written_out(columns[lists[each]], columns[background])
        assert np.allclose(weights.together[own], expected, rtol=1e-3)
        alone = written_out(likeness[lists[each]], likeness[background])
        assert np.allclose(weights.alone[own][codes >= 3], alone, rtol=1e-3)
