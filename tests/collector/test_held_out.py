"""The held-out part: bounded, disjoint from all else, the same however it was read."""

import logging
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurolect.collector import CollectOptions, collect, merge
from neurolect.collector.held_out import choose_sentences, narrowed, pool_held_out
from neurolect.collector.process import StopRequest
from neurolect.corpus import Corpus
from neurolect.errors import CollectError, InterruptedRunError, OptionError
from neurolect.model import Model, ModelOptions, load_model
from neurolect.progress import NullProgress
from neurolect.store import Run
from tests.collector.engines.test_merging import SETTINGS
from tests.tiny_corpora import tiny_corpus
from tests.tiny_models import write_tiny, write_tiny_bert


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


def test_what_is_kept_is_bounded_by_bytes(run: Run, model: Model, corpus: Corpus, tmp_path: Path) -> None:
    options = CollectOptions(**SETTINGS, held_out_size=25, activation_bytes=1)
    small = collect(model, corpus, out=tmp_path / "small", options=options)
    for name in ("sample/activations", "held_out/activations"):
        assert small.array(name).dtype == np.float16
        assert np.array_equal(small.array(name), run.array(name).astype(np.float16), equal_nan=True)
    assert narrowed(np.full((1, 1), 70_000, np.float32), "float16").dtype == np.float32
    again = collect(model, corpus, out=run.folder, options=CollectOptions(**SETTINGS, held_out_size=25))
    assert again.folder == run.folder
    with pytest.raises(CollectError, match="activations kept"):
        collect(model, corpus, out=run.folder, options=options)


@pytest.fixture(scope="module")
def gated(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> tuple[Model, Run]:
    folder = write_tiny(tmp_path_factory.mktemp("llama"), family="Llama")
    model = load_model(str(folder), options=ModelOptions(sites=("mlp",), pooling="max"))
    options = CollectOptions(**SETTINGS, held_out_size=25)
    return model, collect(model, corpus, out=tmp_path_factory.mktemp("gated") / "run", options=options)


def test_lowest_values_are_kept_where_bottom_lists_are_of_these(gated: tuple[Model, Run]) -> None:
    model, run = gated
    held_out, lows = run.table("held_out/sentences"), run.array("held_out/lows")
    assert lows.shape == run.array("held_out/activations").shape == (run.n_neurons, 25)
    for column in (0, 24):
        tokens = model.tokenize([held_out.column("text")[column].as_py()])
        found: dict[int, Any] = {}
        model.visit(model.batch(tokens, np.array([0])), found.__setitem__)
        own = slice(int(tokens.first[0]), int(tokens.end[0]))
        expected = np.concatenate([found[layer][0, own].amin(0).numpy() for layer in sorted(found)])
        assert np.allclose(lows[:, column], expected, atol=1e-5)
    assert "held_out/lows.npy" in run.manifest["stages"]["collect"]["files"]


def test_a_merge_keeps_lowest_values(gated: tuple[Model, Run], corpus: Corpus, tmp_path: Path) -> None:
    model, whole = gated
    options = CollectOptions(**SETTINGS, held_out_size=25)
    shards = [collect(model, corpus, out=tmp_path / f"{n}", options=options, shard=f"{n}/2") for n in range(2)]
    merged = merge([each.folder for each in shards], out=tmp_path / "merged")
    for name in ("held_out/lows", "held_out/activations"):
        assert np.array_equal(merged.array(name), whole.array(name))


def test_lowest_values_without_room_are_reported(gated: tuple[Model, Run], corpus: Corpus, tmp_path: Path) -> None:
    options = CollectOptions(**SETTINGS, held_out_size=25, activation_bytes=1)
    small = collect(gated[0], corpus, out=tmp_path / "small", options=options)
    assert not small.files.has("held_out/lows.npy")
    assert any("Lowest values of held-out sentences are not kept" in each for each in small.manifest["notices"])


def test_lists_of_many_neurons_are_shorter_unless_asked_for() -> None:
    options = CollectOptions()
    assert options.resolved_list_size(100_000, n_lists=2 * 2_304) == 1_000
    assert options.resolved_list_size(6_000, n_lists=2 * 46_080) == 200
    assert options.resolved_list_size(10**7, n_lists=2 * 458_752) == 100
    assert CollectOptions(list_size=1_000).resolved_list_size(10**7, n_lists=2 * 458_752) == 1_000


def test_a_stop_keeps_what_was_read_and_a_time_limit_leaves_out_the_rest(
    run: Run, model: Model, corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options, stop, usual = (
        CollectOptions(**SETTINGS | {"held_out_size": 25, "token_budget": 60}),
        StopRequest(),
        Model.run,
    )
    n_batches: list[int] = []

    def counted(self: Model, batch: Any, **known: Any) -> Any:
        n_batches.append(len(batch.first))
        stop.name = "SIGTERM" if len(n_batches) == 3 else None
        return usual(self, batch, **known)

    def pool(folder: Path, **known: Any) -> None:
        pool_held_out(model, corpus, folder, options=options, progress=NullProgress(), stop=stop, **known)

    monkeypatch.setattr(Model, "run", counted)
    with pytest.raises(InterruptedRunError, match="those read are kept"):
        pool(tmp_path / "run")
    stop.name = None
    pool(tmp_path / "run")
    assert not (tmp_path / "run" / "checkpoint").exists()
    assert sum(n_batches) == 25  # none twice
    stopped = np.load(tmp_path / "run" / "held_out" / "activations.npy")
    assert np.allclose(stopped, run.array("held_out/activations"), atol=1e-5)
    n_batches[:] = [0] * 3
    pool(tmp_path / "limited", time_limit=0.0)
    limited = np.load(tmp_path / "limited" / "held_out" / "activations.npy")
    assert limited.shape[1] == sum(n_batches) < 25


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


def test_what_a_first_signal_does_is_said(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "neurolect")
    asked = StopRequest()
    asked.ask(signal.SIGINT, None)
    assert asked.name == "SIGINT"
    assert "SIGINT: stopping after the batch that runs" in caplog.text
    with pytest.raises(KeyboardInterrupt):
        asked.ask(signal.SIGTERM, None)
    caplog.clear()
    worker = StopRequest(patient=True)
    worker.ask(signal.SIGTERM, None)
    worker.ask(signal.SIGTERM, None)
    assert (worker.name, caplog.text) == ("SIGTERM", "")
