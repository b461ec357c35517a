"""The held-out part: bounded, disjoint from all else, the same however it was read."""

from pathlib import Path

import numpy as np
import pytest

from neurolect.collector import CollectOptions, collect
from neurolect.collector.held_out import choose_sentences
from neurolect.corpus import Corpus
from neurolect.errors import OptionError
from neurolect.model import Model, load_model
from neurolect.store import Run
from tests.collector.engines.test_merging import SETTINGS
from tests.tiny_corpora import tiny_corpus
from tests.tiny_models import write_tiny_bert


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return tiny_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return load_model(str(write_tiny_bert(tmp_path_factory.mktemp("bert"))))


@pytest.fixture(scope="module")
def run(model: Model, corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("run") / "run"
    return collect(model, corpus, out=out, options=CollectOptions(**SETTINGS, held_out_size=25))


def test_no_document_is_in_both_parts(run: Run, corpus: Corpus) -> None:
    held_out = run.table("held_out/sentences")
    assert held_out.num_rows == 25 == run.manifest["stages"]["collect"]["n_held_out"]
    assert set(held_out.column("sentence_id").to_pylist()) <= set(corpus.sentence_ids("held_out").tolist())
    kept = set(run.sentences().column("document_id").to_pylist())
    assert not kept & set(held_out.column("document_id").to_pylist())


def test_activations_are_those_of_the_sentences(run: Run, model: Model) -> None:
    held_out, activations = run.table("held_out/sentences"), run.array("held_out/activations")
    assert activations.shape == (run.n_neurons, 25)
    for column in (0, 11, 24):
        tokens = model.tokenize([held_out.column("text")[column].as_py()])
        alone = model.read(model.pad(tokens, np.array([0]))).values[0]
        assert np.allclose(activations[:, column], alone, atol=1e-5)


def test_the_sample_depends_on_the_seed_alone(corpus: Corpus) -> None:
    first, second, whole = (
        choose_sentences(corpus, part="held_out", size=size, seed=seed)
        for size, seed in ((9, 0), (9, 1), (10_000, 0))
    )
    assert not np.array_equal(first, second)
    assert set(first.tolist()) <= set(whole.tolist())
    assert len(whole) == corpus.n_held_out


def test_none_is_kept_where_none_is_asked_for(model: Model, corpus: Corpus, tmp_path: Path) -> None:
    bare = collect(model, corpus, out=tmp_path / "bare", options=CollectOptions(**SETTINGS, held_out_size=0))
    assert not (bare.folder / "held_out").exists()
    assert bare.manifest["stages"]["collect"]["n_held_out"] == 0
    with pytest.raises(OptionError, match=r"collect\.held_out_size is -1"):
        CollectOptions(held_out_size=-1)
