"""Time limits and stops inside a chunk: a slow model, and a clock that only it moves."""

import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from neurolect.collector import CollectOptions, chunk_pass, collect, corpus_pass, held_out
from neurolect.collector.checkpoint import load_arrays
from neurolect.collector.feed.chunks import chunks
from neurolect.collector.feed.mixed import mixed, read_part
from neurolect.corpus import Corpus
from neurolect.errors import FormatVersionError, InterruptedRunError
from neurolect.model import Model, ModelOptions, PaddedBatch, load_model
from neurolect.model.batching import PackedBatch
from neurolect.model.pooling.receive import DeviceActivations
from neurolect.store import Run
from tests.collector.test_corpus_pass import all_arrays
from tests.tiny_corpora import tiny_corpus
from tests.tiny_models import write_tiny_bert

SIZES: dict[str, Any] = {"list_size": 20, "chunk_sentences": 150, "token_budget": 160, "sample_size": 90}
LONG = 10.0
"""Seconds that a batch takes."""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return tiny_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bert(tmp_path_factory.mktemp("bert"))


class Slow(Model):
    """A model that takes ten seconds for a batch, and is asked to stop at its n-th."""

    seconds = 0.0
    batches_left = -1

    def run(self, batch: PaddedBatch | PackedBatch, *, out: DeviceActivations | None = None) -> DeviceActivations:
        self.seconds += LONG
        self.batches_left -= 1
        if self.batches_left == 0:
            signal.raise_signal(signal.SIGINT)
        return super().run(batch, out=out)


@pytest.fixture
def slow(bert: Path, monkeypatch: pytest.MonkeyPatch) -> Slow:
    return slowed(load_model(str(bert)), monkeypatch)


def slowed(model: Model, monkeypatch: pytest.MonkeyPatch) -> Slow:
    model.__class__ = Slow
    assert isinstance(model, Slow)
    clock = SimpleNamespace(monotonic=lambda: model.seconds)
    for module in (corpus_pass, held_out):
        monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(chunk_pass, "_BLOCK_BYTES", 1)  # every batch is a block
    return model


@pytest.mark.parametrize("where", ["host", "device"])
def test_time_is_up_inside_a_chunk(
    bert: Path, corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    # packed batches are launched in this thread: how many are on their way is no chance
    packing: Any = "on" if where == "device" else "off"
    slow = slowed(load_model(str(bert), options=ModelOptions(packing=packing)), monkeypatch)
    whole = list(chunks(corpus, slow, size=150, token_budget=160))
    n_first = len(whole[0].batches)
    keep: Any = {"keep_on": where}
    options = CollectOptions(**SIZES, **keep, held_out_size=1, max_seconds=LONG * 1000)
    full = collect(slow, corpus, out=tmp_path / "all", options=options)
    before = slow.seconds - LONG * sum(len(chunk.batches) for chunk in whole)  # held-out part and pilot
    slow.seconds = 0.0
    seconds = before + LONG * (n_first + 4)
    options = CollectOptions(**SIZES, **keep, held_out_size=1, max_seconds=seconds)
    run = collect(slow, corpus, out=tmp_path / "run", options=options)
    assert seconds - 2 * LONG <= slow.seconds <= seconds + 2 * LONG
    stage = run.manifest["stages"]["collect"]
    assert stage["ending"]["reason"] == "max_seconds"
    part, ids = read_part(mixed(whole[1], seed=0), 4 if where == "host" else 3)
    assert stage["n_sentences"] == 150 + len(ids)
    assert 0 < len(ids) < 150
    read = set(whole[0].sentences.column("sentence_id").to_pylist()) | set(ids.tolist())
    listed = run.table("lists/top").column("sentence_id").to_pylist()
    assert set(listed) <= read
    assert set(listed) & set(ids.tolist())
    assert sampled(run) == [each for each in sampled(full) if each in read]
    assert np.isfinite(run.array("sample/activations")).all()
    assert sum(run.table("background/lengths").column("n_sentences").to_pylist()) == len(read)
    # of all lengths
    lengths = np.diff(whole[1].tokens.offsets)
    own = lengths[np.isin(whole[1].sentences.column("sentence_id").to_numpy(), ids)]
    assert abs(own.mean() - lengths.mean()) < lengths.std()
    assert part.batches == []


def sampled(run: Run) -> list[int]:
    return list(run.table("sample/sentences").column("sentence_id").to_pylist())


def test_lists_are_full_before_the_time_is_up(slow: Slow, corpus: Corpus, tmp_path: Path) -> None:
    options = CollectOptions(**SIZES, held_out_size=1, max_seconds=0)
    run = collect(slow, corpus, out=tmp_path / "run", options=options)
    assert 20 <= run.manifest["stages"]["collect"]["n_sentences"] < 150
    assert run.table("lists/top").num_rows == 20 * run.n_neurons


def test_a_stop_inside_a_mixed_chunk_changes_nothing(slow: Slow, corpus: Corpus, tmp_path: Path) -> None:
    options = CollectOptions(**SIZES, held_out_size=1, max_seconds=1e9)
    collect(slow, corpus, out=tmp_path / "whole", options=options)
    n_batches = slow.seconds / LONG
    slow.batches_left = round(0.7 * n_batches)
    with pytest.raises(InterruptedRunError, match="they are kept"):
        collect(slow, corpus, out=tmp_path / "stopped", options=options)
    state = tmp_path / "stopped" / "checkpoint" / "state.npz"
    position = load_arrays(state)[1]
    assert position.mixed
    assert position.batch > 0
    # the rest of the chunk keeps its order where the limit is gone
    plain = CollectOptions(**SIZES, held_out_size=1)
    collect(slow, corpus, out=tmp_path / "stopped", options=plain)
    ours, theirs = all_arrays(tmp_path / "stopped"), all_arrays(tmp_path / "whole")
    assert {name for name in ours if ours[name] != theirs[name]} <= {"neurons.parquet"}


def test_all_sentences_of_a_mixed_chunk_are_read_once(slow: Slow, corpus: Corpus) -> None:
    chunk = next(chunks(corpus, slow, size=150, token_budget=160))
    other = mixed(chunk, seed=0)
    ours, theirs = ([rows.tolist() for rows in each.batches] for each in (other, chunk))
    assert ours != theirs
    assert sorted(ours) == sorted(theirs)
    part, ids = read_part(other._replace(tokens=other.tokens._replace(n_cut=7)), len(ours))
    assert part.tokens.n_cut == 7
    assert ids.tolist() == chunk.sentences.column("sentence_id").to_pylist()


def test_a_checkpoint_of_a_later_version_is_refused(slow: Slow, corpus: Corpus, tmp_path: Path) -> None:
    options = CollectOptions(**SIZES, held_out_size=1, max_seconds=1e9)
    slow.batches_left = 25
    with pytest.raises(InterruptedRunError):
        collect(slow, corpus, out=tmp_path / "run", options=options)
    state = tmp_path / "run" / "checkpoint" / "state.npz"
    with np.load(state) as file:
        arrays = {name: file[name] for name in file.files}
    assert int(arrays["layout"]) == 3  # earlier versions refuse it: they would go on in another order
    np.savez(state, **(arrays | {"layout": np.array(4)}))
    with pytest.raises(FormatVersionError, match="has layout 4"):
        load_arrays(state)
