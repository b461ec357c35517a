"""The whole pass on a tiny model: right, reproducible, interruptible."""

import signal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from neurolect.collector import CollectOptions, collect
from neurolect.collector.feed.chunks import chunks
from neurolect.corpus import Corpus
from neurolect.errors import CollectError, InterruptedRunError, NonFiniteActivationsError, OptionError
from neurolect.model import Activations, Model, ModelOptions, PaddedBatch, load_model
from neurolect.model.batching import PackedBatch
from neurolect.store import Run
from tests.reference.top_lists import sorted_lists
from tests.tiny_corpora import tiny_corpus
from tests.tiny_models import write_tiny_bert

OPTIONS = CollectOptions(
    list_size=20, chunk_sentences=64, token_budget=160, sample_size=90, activation_sample_size=50
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return tiny_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bert(tmp_path_factory.mktemp("bert"))


def table(run: Run, name: str) -> Any:
    return run.table(name).to_pandas()


def all_arrays(folder: Path) -> dict[str, Any]:
    """Read every result of a run folder."""
    tables = {
        str(path.relative_to(folder)): pq.read_table(path).to_pylist() for path in sorted(folder.rglob("*.parquet"))
    }
    return tables | {
        str(path.relative_to(folder)): np.load(path).tobytes() for path in sorted(folder.rglob("*.npy"))
    }


def test_lists_equal_plain_hugging_face_calls(corpus: Corpus, bert: Path, tmp_path: Path) -> None:
    run = collect(load_model(str(bert)), corpus, out=tmp_path / "run", options=OPTIONS)
    model = load_model(str(bert))
    mining = corpus.take(corpus.sentence_ids("mining"))
    rows = []
    for text in mining.column("text").to_pylist():
        encoded = model.tokenizer(text, return_tensors="pt")
        with torch.no_grad():
            states = model.network(**encoded, output_hidden_states=True).hidden_states
        rows.append(torch.cat([state[0, 1:-1].mean(dim=0) for state in states[1:]]).numpy())
    activations = np.stack(rows)
    ids = mining.column("sentence_id").to_numpy()
    for side in ("top", "bottom"):
        values, expected, _ = sorted_lists(activations, ids, list_size=20, side=side)
        lists = table(run, f"lists/{side}")
        got = lists["sentence_id"].to_numpy().reshape(-1, 20)
        # where batches round differently, neighbours that differ by 1e-6 may change places
        assert (got == expected).mean() > 0.99
        np.testing.assert_allclose(lists["activation"].to_numpy().reshape(-1, 20), values, atol=1e-5)
    neurons = table(run, "neurons")
    np.testing.assert_allclose(neurons["mean"], activations.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(neurons["std"], activations.std(axis=0), atol=1e-5)
    assert (neurons["n"] == corpus.n_mining).all()
    assert run.array("histograms").sum(axis=1).tolist() == [corpus.n_mining] * run.n_neurons
    sample = table(run, "sample/sentences")["sentence_id"].to_numpy()[:50]
    columns = activations[np.searchsorted(ids, sample)].T
    np.testing.assert_allclose(run.array("sample/activations"), columns, atol=1e-5)


def test_held_out_sentences_are_not_read(corpus: Corpus, bert: Path, tmp_path: Path) -> None:
    run = collect(load_model(str(bert)), corpus, out=tmp_path / "run", options=OPTIONS)
    held_out = set(corpus.sentence_ids("held_out").tolist())
    assert held_out
    assert not held_out & set(run.sentences().column("sentence_id").to_pylist())
    assert sum(run.table("background/lengths").column("n_sentences").to_pylist()) == corpus.n_mining
    topics = run.table("background/metadata").filter(
        [x == "topic" for x in run.table("background/metadata")["field"].to_pylist()]
    )
    assert sum(topics.column("n_sentences").to_pylist()) == corpus.n_mining


def test_batches_do_not_matter(corpus: Corpus, bert: Path, tmp_path: Path) -> None:
    model = load_model(str(bert))
    first = collect(model, corpus, out=tmp_path / "a", options=OPTIONS)
    other = CollectOptions(
        list_size=20, chunk_sentences=500, token_budget=4000, sample_size=90, activation_sample_size=50
    )
    second = collect(model, corpus, out=tmp_path / "b", options=other)
    one, two = table(first, "lists/top"), table(second, "lists/top")
    assert (one["sentence_id"] == two["sentence_id"]).mean() > 0.99
    np.testing.assert_allclose(one["activation"], two["activation"], atol=1e-5)
    np.testing.assert_allclose(table(first, "neurons")["kurtosis"], table(second, "neurons")["kurtosis"], atol=1e-3)
    assert table(first, "background/words").equals(table(second, "background/words"))
    assert table(first, "sample/sentences").equals(table(second, "sample/sentences"))


class Stopping(Model):
    """A model that asks for a stop, or dies, at its n-th forward pass."""

    passes_left = 0
    dies = False

    def read(self, batch: PaddedBatch | PackedBatch, **how: Any) -> Activations:
        self.passes_left -= 1
        if self.passes_left == 0:
            if self.dies:
                raise KeyboardInterrupt
            signal.raise_signal(signal.SIGTERM)
        return super().read(batch, **how)


@pytest.mark.parametrize(
    ("share", "dies", "pooling"),
    [(0.1, False, "mean"), (0.5, True, "max"), (0.6, False, "max"), (0.97, True, "mean")],
)
def test_a_stop_changes_nothing(
    corpus: Corpus,
    bert: Path,
    tmp_path: Path,
    share: float,
    dies: bool,
    pooling: str,
) -> None:
    options = CollectOptions(
        list_size=20, chunk_sentences=150, token_budget=400, sample_size=90, checkpoint_seconds=0
    )
    model = load_model(str(bert), options=ModelOptions(pooling=pooling))
    model.__class__ = Stopping
    assert isinstance(model, Stopping)
    stream = chunks(corpus, model, size=150, token_budget=400)
    n_passes = sum(len(chunk.batches) for chunk in stream)
    collect(model, corpus, out=tmp_path / "whole", options=options)
    n_pilot = -model.passes_left - n_passes
    model.passes_left = n_pilot + max(2, int(share * n_passes))
    model.dies = dies
    expected = KeyboardInterrupt if dies else InterruptedRunError
    with pytest.raises(expected):
        collect(model, corpus, out=tmp_path / "stopped", options=options)
    assert (tmp_path / "stopped" / "checkpoint" / "state.npz").is_file()
    collect(model, corpus, out=tmp_path / "stopped", options=options)
    assert all_arrays(tmp_path / "whole") == all_arrays(tmp_path / "stopped")
    assert not (tmp_path / "stopped" / "checkpoint").exists()


def test_max_pooling_keeps_the_token(corpus: Corpus, bert: Path, tmp_path: Path) -> None:
    model = load_model(str(bert), options=ModelOptions(pooling="max"))
    run = collect(model, corpus, out=tmp_path / "run", options=OPTIONS)
    neuron = run.neuron("hidden.2.5")
    best = neuron.list("top", limit=1).to_pylist()[0]
    encoded = model.tokenizer(best["text"], return_tensors="pt")
    with torch.no_grad():
        state = model.network(**encoded, output_hidden_states=True).hidden_states[2][0, :, 5]
    assert int(state[1:-1].argmax()) + 1 == best["token"]
    assert float(state[best["token"]]) == pytest.approx(best["activation"], abs=1e-5)


def test_a_finished_run_is_opened_and_another_refused(corpus: Corpus, bert: Path, tmp_path: Path) -> None:
    model = load_model(str(bert))
    first = collect(model, corpus, out=tmp_path / "run", options=OPTIONS)
    written = (tmp_path / "run" / "manifest.json").stat().st_mtime_ns
    again = collect(model, corpus, out=tmp_path / "run", options=OPTIONS)
    assert again.manifest == first.manifest
    assert (tmp_path / "run" / "manifest.json").stat().st_mtime_ns == written
    with pytest.raises(CollectError, match=r"collect\.list_size: 20 there, 19 now"):
        collect(model, corpus, out=tmp_path / "run", options=CollectOptions(list_size=19))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("dear")
    with pytest.raises(CollectError, match="is not a run folder"):
        collect(model, corpus, out=tmp_path / "full", options=OPTIONS)


def test_lists_larger_than_the_corpus_are_refused(corpus: Corpus, bert: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"list_size is 5,000(.|\n)*Hint: --set collect.list_size="):
        collect(load_model(str(bert)), corpus, out=tmp_path / "run", options=CollectOptions(list_size=5000))
    assert not (tmp_path / "run").exists()


class Broken(Model):
    """A model whose second layer gives NaN for a fifth of the sentences."""

    def read(self, batch: PaddedBatch | PackedBatch, **how: Any) -> Activations:
        done = super().read(batch, **how)
        done.values[batch.ids[:, 1].numpy() % 5 == 0, 16:20] = np.nan
        return done


def test_nan_is_reported_or_left_out(corpus: Corpus, bert: Path, tmp_path: Path) -> None:
    model = load_model(str(bert))
    model.__class__ = Broken
    with pytest.raises(NonFiniteActivationsError, match=r"hidden\.2"):
        collect(model, corpus, out=tmp_path / "error", options=OPTIONS)
    options = CollectOptions(list_size=20, sample_size=90, non_finite="skip")
    run = collect(model, corpus, out=tmp_path / "skip", options=options)
    n = table(run, "neurons")["n"]
    assert (n[:16] == corpus.n_mining).all()
    assert (n[16:32] < corpus.n_mining).all()
    assert any("left out of hidden.2" in notice for notice in run.manifest["notices"])
    assert np.isfinite(table(run, "lists/top")["activation"]).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"list_size": 0}, r"collect\.list_size is 0"),
        ({"sides": ("up",)}, r"collect\.sides"),
        ({"non_finite": "ignore"}, r"collect\.non_finite"),
        ({"limit": 0}, r"collect\.limit"),
        ({"histogram_bins": 1}, r"collect\.histogram_bins"),
    ],
)
def test_options_out_of_range(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        CollectOptions(**options)


def test_a_folder_killed_before_its_manifest_is_started_again(corpus: Corpus, bert: Path, tmp_path: Path) -> None:
    out, model = tmp_path / "run", load_model(str(bert))
    collect(model, corpus, out=out, options=OPTIONS)
    options = (out / "options.toml").read_bytes()
    for name, content in (("options.toml", options), (".options.toml.00000000-1.tmp", b"x")):
        half = tmp_path / f"half{name}"
        half.mkdir()
        (half / name).write_bytes(content)
        assert collect(model, corpus, out=half, options=OPTIONS).is_current("collect")
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "options.toml").write_text("[collect]\n")
    with pytest.raises(CollectError, match="exists and is not a run folder"):
        collect(model, corpus, out=foreign, options=OPTIONS)
