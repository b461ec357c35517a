"""A run is scored on another corpus, an older one is given its held-out part; others are reported."""

import shutil
from pathlib import Path

import pytest

from neurolect.corpus import open_corpus
from neurolect.errors import CorpusError, ModelError
from neurolect.fidelity.score import load_model_of, pool_held_out_of, score_against
from neurolect.pipeline import run
from neurolect.store import Run, open_run, read_manifest, write_manifest
from neurolect.views.texts.fidelity import fidelity_of_run, fidelity_text
from tests.damaged import forget_sums
from tests.documented_folder import check_folder
from tests.test_disjoint import CONFIG
from tests.tiny_corpora import tiny_corpus, write_documents
from tests.tiny_models import write_tiny_bert


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("second")
    write_tiny_bert(folder / "bert")
    documents = write_documents(folder / "documents.jsonl", n_documents=80)
    return run(str(folder / "bert"), [documents], out=folder / "run", config=CONFIG)


def test_another_corpus_is_read_and_scored(scored: Run, tmp_path: Path) -> None:
    model = load_model_of(scored)
    other = tiny_corpus(tmp_path, seed=3)
    before = {path: path.read_bytes() for path in (scored.folder / "fidelity").iterdir()}
    folder = score_against(scored, other, model)
    assert {path: path.read_bytes() for path in (scored.folder / "fidelity").iterdir()} == before
    again = open_run(scored.folder)
    assert again.table(f"against/{folder.name}/sentences").num_rows == other.n_sentences
    assert again.table(f"against/{folder.name}/scores").num_rows > 0
    assert check_folder(again.folder, page="run_folder.md", below="against")
    assert again.manifest["stages"]["against"]["corpora"][0]["n_sentences"] == other.n_sentences
    assert f"on {other.location}" in fidelity_text(fidelity_of_run(again))
    with pytest.raises(CorpusError, match="is the corpus that"):
        score_against(scored, open_corpus(scored.manifest["corpus"]["path"]), model)


def test_an_older_run_is_given_its_held_out_part(scored: Run, tmp_path: Path) -> None:
    copy = tmp_path / "older"
    shutil.copytree(scored.folder, copy)
    shutil.rmtree(forget_sums(copy) / "held_out")
    older = open_run(copy)
    pool_held_out_of(older, load_model_of(older))
    for name in ("sentences.parquet", "activations.npy"):
        assert (copy / "held_out" / name).read_bytes() == (scored.folder / "held_out" / name).read_bytes()


def test_another_model_or_corpus_is_refused(scored: Run, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(scored.folder, copy)
    shutil.rmtree(forget_sums(copy) / "held_out")
    manifest = read_manifest(copy)
    model = load_model_of(scored)
    manifest["corpus"]["fingerprint"] = "another"
    write_manifest(copy, manifest)
    with pytest.raises(CorpusError, match=r"is not the corpus that(.|\n)*fingerprint another"):
        pool_held_out_of(open_run(copy), model)
    manifest["model"]["fingerprint"] = "another"
    write_manifest(copy, manifest)
    with pytest.raises(ModelError, match=r"is not the model of(.|\n)*--model FOLDER"):
        load_model_of(open_run(copy))
