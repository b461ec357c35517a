"""A network that takes equal lengths only: the same run by every road, and the user learns how it was fed."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurolect.collector import CollectOptions, collect
from neurolect.collector.chunk_pass import without_overflow
from neurolect.collector.engines.merging import merge
from neurolect.collector.feed.shards import Shard
from neurolect.corpus import Corpus
from neurolect.errors import CollectError
from neurolect.model import Activations, Model, PaddedBatch, load_model
from neurolect.model.batching import PackedBatch
from neurolect.model.token_values import read_token_values
from neurolect.progress import NullProgress
from neurolect.store import Run
from tests.collector.test_corpus_pass import Stopping, all_arrays
from tests.model.families import network_of
from tests.tiny_corpora import tiny_corpus
from tests.tiny_models import tiny_tokenizer

SETTINGS: dict[str, Any] = {
    "list_size": 20,
    "chunk_sentences": 30,
    "sample_size": 90,
    "activation_sample_size": 50,
    "checkpoint_seconds": 0.0,
}
OPTIONS = CollectOptions(**SETTINGS, token_budget=100)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return tiny_corpus(tmp_path_factory.mktemp("corpus"), n_documents=25)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fnet")
    network_of("FNet").save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def model(folder: Path) -> Model:
    return load_model(str(folder))


@pytest.fixture(scope="module")
def run(model: Model, corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return collect(model, corpus, out=tmp_path_factory.mktemp("run") / "run", options=OPTIONS)


def test_lists_do_not_depend_on_the_token_budget(model: Model, corpus: Corpus, run: Run, tmp_path: Path) -> None:
    other = collect(model, corpus, out=tmp_path / "r", options=CollectOptions(**SETTINGS, token_budget=8_192))
    for side in ("top", "bottom"):
        one, two = (each.table(f"lists/{side}").to_pandas() for each in (run, other))
        np.testing.assert_allclose(one["activation"], two["activation"], atol=1e-5)
        assert (one["sentence_id"] == two["sentence_id"]).mean() > 0.99


def test_the_run_says_how_the_network_was_fed(run: Run) -> None:
    assert run.manifest["model"]["feeding"] == "equal"
    assert "Sentences of equal length are fed together: a FNetModel gives" in run.manifest["notices"][0]


def test_shards_and_stops_give_the_same_bits(model: Model, corpus: Corpus, run: Run, tmp_path: Path) -> None:
    shards = [tmp_path / str(number) for number in range(3)]
    for number, each in enumerate(shards):
        collect(model, corpus, out=each, options=OPTIONS, shard=Shard(number, 3))
    merged = merge(shards, out=tmp_path / "merged", corpus=corpus)
    assert merged.manifest["notices"][0] == run.manifest["notices"][0]
    stopped = tmp_path / "stopped"
    dying = load_model(model.name)
    dying.__class__ = Stopping
    assert isinstance(dying, Stopping)
    dying.passes_left, dying.dies = 40, True
    with pytest.raises(KeyboardInterrupt):
        collect(dying, corpus, out=stopped, options=OPTIONS)
    assert (stopped / "checkpoint" / "state.npz").is_file()
    collect(model, corpus, out=stopped, options=OPTIONS)
    expected = all_arrays(run.folder)
    for got in (all_arrays(merged.folder), all_arrays(stopped)):
        for name in ("convergence/steps.parquet", "convergence/neurons.parquet"):
            got.pop(name), expected.pop(name, None)
        assert got == expected


def test_a_run_that_was_fed_otherwise_is_not_resumed(
    model: Model, corpus: Corpus, run: Run, tmp_path: Path
) -> None:
    path = run.folder / "manifest.json"
    text = path.read_text()
    manifest = json.loads(text)
    del manifest["model"]["feeding"]
    path.write_text(json.dumps(manifest))
    try:
        with pytest.raises(CollectError, match=r"differs in model.feeding used: 'any' there, 'equal' now"):
            collect(model, corpus, out=run.folder, options=OPTIONS)
    finally:
        path.write_text(text)


def test_values_at_tokens_are_those_of_the_pass(model: Model) -> None:
    texts = ["a car", "the movie was great", "", "oil", "of the film", "my team"]
    expected = model.activations(texts)
    for each in read_token_values(model, texts):
        if len(each.values):
            np.testing.assert_allclose(each.values.mean(axis=0), expected[each.number], atol=1e-5)


def test_the_trial_for_overflow_feeds_it_rightly(model: Model, corpus: Corpus) -> None:
    assert without_overflow(model, corpus, progress=NullProgress()) is model


class NeverFinite(Model):
    """Gives nothing but NaN in its second layer."""

    def read(self, batch: PaddedBatch | PackedBatch, **how: Any) -> Activations:
        found = super().read(batch, **how)
        found.values[:, 16:32] = np.nan
        return found


def test_a_layer_that_is_never_finite_is_named(folder: Path, corpus: Corpus, tmp_path: Path) -> None:
    model = load_model(str(folder))
    model.__class__ = NeverFinite
    options = CollectOptions(**SETTINGS, token_budget=100, non_finite="skip")
    run = collect(model, corpus, out=tmp_path / "run", options=options)
    expected = "hidden.2 is NaN or infinite on every sentence: its neurons have no lists."
    assert expected in run.manifest["notices"]
    assert set(run.table("neurons")["n"].to_pylist()) == {0, corpus.n_mining}
