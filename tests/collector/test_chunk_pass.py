"""The pass as it runs on a GPU, run on the CPU: packed, lists during the forward pass, processes."""

import json
import threading
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from neurolect.collector import CollectOptions, chunk_pass, collect, corpus_pass, memory
from neurolect.collector.checkpoint import load_arrays
from neurolect.collector.chunk_pass import Launched
from neurolect.collector.feed.chunks import chunks
from neurolect.collector.state import Plan
from neurolect.corpus import Corpus
from neurolect.errors import CollectError, InterruptedRunError, NonFiniteActivationsError, OptionError
from neurolect.model import Model, ModelOptions, PaddedBatch, load_model
from neurolect.model.batching import PackedBatch
from neurolect.model.pooling.receive import DeviceActivations
from neurolect.progress import NullProgress
from tests.collector.test_corpus_pass import all_arrays
from tests.tiny_corpora import tiny_corpus
from tests.tiny_models import write_tiny_bert

SETTING = ContextVar("SETTING", default="")
SIZES: dict[str, Any] = {"list_size": 20, "chunk_sentences": 150, "token_budget": 400, "sample_size": 90}
HOST = CollectOptions(**SIZES)
DEVICE = CollectOptions(**SIZES, keep_on="device")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return tiny_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bert(tmp_path_factory.mktemp("bert"))


@pytest.mark.parametrize("pooling", ["mean", "max"])
def test_results_are_those_of_the_host(corpus: Corpus, bert: Path, tmp_path: Path, pooling: str) -> None:
    model = load_model(str(bert), options=ModelOptions(pooling=pooling))
    host = collect(model, corpus, out=tmp_path / "host", options=HOST)
    device = collect(model, corpus, out=tmp_path / "device", options=DEVICE)
    ours, theirs = all_arrays(device.folder), all_arrays(host.folder)
    assert ours.keys() == theirs.keys()
    for name in ours.keys() - {"neurons.parquet"}:
        assert ours[name] == theirs[name], name
    for column in ("mean", "std", "skewness", "kurtosis"):
        one, two = (run.table("neurons")[column].to_numpy() for run in (device, host))
        np.testing.assert_allclose(one, two, rtol=1e-9, atol=1e-9)


def test_packed_sentences_and_processes_give_the_same_lists(corpus: Corpus, bert: Path, tmp_path: Path) -> None:
    padded = collect(load_model(str(bert)), corpus, out=tmp_path / "padded", options=HOST)
    model = load_model(str(bert), options=ModelOptions(packing="on"))
    options = CollectOptions(**SIZES, keep_on="device", workers=2)
    packed = collect(model, corpus, out=tmp_path / "packed", options=options)
    lists: list[Any] = [run.table("lists/top").to_pandas() for run in (padded, packed)]
    assert (lists[0]["sentence_id"] == lists[1]["sentence_id"]).mean() > 0.99
    np.testing.assert_allclose(lists[0]["activation"], lists[1]["activation"], atol=1e-5)
    for name in ("words", "lengths", "metadata"):
        assert padded.table(f"background/{name}").equals(packed.table(f"background/{name}"))
    used = json.loads((packed.folder / "manifest.json").read_text())["model"]
    assert (used["dtype"], used["packed"], used["compiled"]) == ("float32", True, False)


class Stopping(Model):
    """A model that asks for a stop in its third chunk, and overflows in its second."""

    rows_left = 0
    overflows = False
    raised = 0

    def run(self, batch: PaddedBatch | PackedBatch, *, out: DeviceActivations | None = None) -> DeviceActivations:
        done = super().run(batch, out=out)
        self.rows_left -= len(batch.first)
        if self.overflows and self.rows_left < 0:
            done.values[0, 3] = torch.inf
            self.overflows = False
            self.raised += 1
        elif not self.overflows and self.rows_left < 0 and not self.raised:
            self.raised = 1
            raise KeyboardInterrupt
        return done


def stopping(bert: Path) -> Stopping:
    model = load_model(str(bert))
    model.__class__ = Stopping
    assert isinstance(model, Stopping)
    return model


def test_a_stop_inside_a_chunk_changes_nothing(
    corpus: Corpus, bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunk_pass, "_BLOCK_BYTES", 1)  # every batch is a block
    options = CollectOptions(**SIZES, keep_on="device", checkpoint_seconds=0)
    whole = collect(load_model(str(bert)), corpus, out=tmp_path / "whole", options=options)
    model = stopping(bert)
    model.rows_left = 128 + 400
    with pytest.raises((KeyboardInterrupt, InterruptedRunError)):
        collect(model, corpus, out=tmp_path / "stopped", options=options)
    assert load_arrays(tmp_path / "stopped" / "checkpoint" / "state.npz")[1].batch > 0
    again = collect(load_model(str(bert)), corpus, out=tmp_path / "stopped", options=options)
    assert all_arrays(whole.folder) == all_arrays(again.folder)


def overflowing(bert: Path) -> Stopping:
    model = stopping(bert)
    model.overflows, model.rows_left = True, 128 + 200
    return model


def test_a_chunk_that_overflows_is_run_again_in_a_wider_format(corpus: Corpus, bert: Path, tmp_path: Path) -> None:
    model = overflowing(bert)
    model.dtype = "float16"  # as if it were
    # the trial before the pass reads 128 sentences too
    model.rows_left += 128
    run = collect(model, corpus, out=tmp_path / "run", options=DEVICE)
    assert model.raised == 1
    notices = [each for each in run.manifest["notices"] if "were run in bfloat16" in each]
    assert notices == ["150 sentences were run in bfloat16: the usual number format overflowed."]
    assert np.isfinite(run.table("lists/top")["activation"].to_numpy()).all()


def test_where_nothing_is_wider_it_is_reported_or_left_out(corpus: Corpus, bert: Path, tmp_path: Path) -> None:
    with pytest.raises(NonFiniteActivationsError, match=r"hidden\.1"):
        collect(overflowing(bert), corpus, out=tmp_path / "run", options=DEVICE)
    options = CollectOptions(**SIZES, keep_on="device", non_finite="skip")
    run = collect(overflowing(bert), corpus, out=tmp_path / "skip", options=options)
    assert run.manifest["stages"]["collect"]["n_skipped"] == {"hidden.1": 1}


def test_a_wider_format_is_taken_from_the_start(corpus: Corpus, bert: Path, tmp_path: Path) -> None:
    model = overflowing(bert)
    model.dtype, model.rows_left = "float16", 0
    run = collect(model, corpus, out=tmp_path / "run", options=DEVICE)
    assert run.manifest["model"]["dtype"] == "bfloat16"


def test_chunks_do_not_depend_on_processes(corpus: Corpus, bert: Path) -> None:
    model = load_model(str(bert))
    here, there = (list(chunks(corpus, model, size=90, token_budget=300, workers=n)) for n in (1, 2))
    assert len(here) == len(there) > 3
    for one, two in zip(here, there, strict=True):
        assert one.sentences.equals(two.sentences)
        assert all(
            np.array_equal(np.asarray(a), np.asarray(b)) for a, b in zip(one.tokens, two.tokens, strict=True)
        )
        assert two.background is not None
        assert sum(two.background.lengths_table()["n_sentences"].to_pylist()) == one.sentences.num_rows


def test_padded_batches_are_launched_in_a_thread_that_ends_with_the_pass(
    corpus: Corpus, bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    launched_in = []

    class Watched(Launched):
        def __init__(self, *given: Any, **how: Any) -> None:
            launched_in.append((threading.current_thread().name, SETTING.get()))
            super().__init__(*given, **how)

    def running() -> list[str]:
        return [each.name for each in threading.enumerate() if each.name == "neurolect-ahead"]

    monkeypatch.setattr(corpus_pass, "Launched", Watched)
    SETTING.set("of the context")
    collect(load_model(str(bert)), corpus, out=tmp_path / "padded", options=DEVICE)
    assert set(launched_in) == {("neurolect-ahead", "of the context")}
    assert not running()
    launched_in.clear()
    packed = load_model(str(bert), options=ModelOptions(packing="on"))
    collect(packed, corpus, out=tmp_path / "packed", options=DEVICE)
    assert {name for name, _ in launched_in} == {"MainThread"}
    early = CollectOptions(**SIZES, keep_on="device", max_seconds=0)
    stopped = collect(load_model(str(bert)), corpus, out=tmp_path / "early", options=early)
    assert stopped.manifest["stages"]["collect"]["n_sentences"] < corpus.n_mining
    assert not running()
    # the error is held, and with it the frames in which it was raised
    model = stopping(bert)
    model.rows_left = 128 + 400
    with pytest.raises(KeyboardInterrupt) as caught:
        collect(model, corpus, out=tmp_path / "stopped", options=DEVICE)
    assert not running(), caught


def test_blocks_are_compiled_on_request_and_it_is_reported_where_they_cannot_be(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []

    class Reports(NullProgress):
        def message(self, text: str) -> None:
            said.append(text)

    bert = write_tiny_bert(tmp_path / "bert", n_layers=1)  # every block is traced again, half a second each time
    options = CollectOptions(**SIZES, keep_on="device", compile="on")
    plain = collect(load_model(str(bert)), corpus, out=tmp_path / "plain", options=DEVICE)
    usual = torch.compile
    monkeypatch.setattr(torch, "compile", lambda forward, **known: usual(forward, backend="eager", **known))
    run = collect(load_model(str(bert)), corpus, out=tmp_path / "run", options=options, progress=Reports())
    assert run.manifest["model"]["compiled"] is True
    ours, theirs = all_arrays(run.folder), all_arrays(plain.folder)
    assert all(ours[name] == theirs[name] for name in ours)
    assert not said
    inside = load_model(str(bert), options=ModelOptions(sites=("mlp",)))
    run = collect(inside, corpus, out=tmp_path / "inside", options=options, progress=Reports())
    assert run.manifest["model"]["compiled"] is False
    assert said == ["Blocks are not compiled: activations are read inside of blocks."]


def test_lists_that_a_gpu_does_not_hold_are_kept_on_the_host_and_are_the_same(
    corpus: Corpus, bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load_model(str(bert), options=ModelOptions(pooling="max"))
    usual = collect(model, corpus, out=tmp_path / "usual", options=DEVICE)
    monkeypatch.setattr(corpus_pass, "must_spill", lambda *given: True)
    run = collect(model, corpus, out=tmp_path / "spilled", options=DEVICE)
    ours, theirs = all_arrays(run.folder), all_arrays(usual.folder)
    assert all(ours[name] == theirs[name] for name in theirs)
    assert any("the host's memory" in each for each in run.manifest["notices"])


@pytest.mark.parametrize(("gib", "found"), [(60.0, False), (40.0, True), (1.0, None)])
def test_memory_is_counted_before_the_pass(
    bert: Path, monkeypatch: pytest.MonkeyPatch, gib: float, found: bool | None
) -> None:
    monkeypatch.setattr(memory, "free_bytes", lambda device: int(gib * 2**30))
    plan = Plan(n_neurons=131_072, list_size=10_000, sides=("top", "bottom"), with_tokens=True, fields=())
    options, gpu = CollectOptions().on_device("cuda"), torch.device("cuda")
    if found is None:
        with pytest.raises(CollectError, match=r"1\.0 are free on the GPU(?s:.*)collect\.token_budget=32768"):
            memory.must_spill(load_model(str(bert)), plan, options, gpu)
    else:
        assert memory.must_spill(load_model(str(bert)), plan, options, gpu) is found


def test_a_gpu_that_turns_out_too_small_is_named_and_nothing_is_lost(
    corpus: Corpus, bert: Path, tmp_path: Path
) -> None:
    def full(*given: Any, **known: Any) -> None:
        said = "CUDA out of memory. Tried to allocate 2.00 GiB."
        raise torch.cuda.OutOfMemoryError(said)

    model = load_model(str(bert))
    model.__dict__["run"] = full
    with pytest.raises(CollectError, match=r"was not enough: CUDA out of memory(?s:.*)same command resumes"):
        collect(model, corpus, out=tmp_path / "run", options=DEVICE)
    assert collect(load_model(str(bert)), corpus, out=tmp_path / "run", options=DEVICE).n_neurons


def test_unknown_choices_are_refused() -> None:
    with pytest.raises(OptionError, match="keep_on is 'gpu'"):
        CollectOptions(keep_on="gpu")
    with pytest.raises(OptionError, match="compile is 'yes'"):
        CollectOptions(compile="yes")


def test_sizes_depend_on_the_device() -> None:
    assert CollectOptions().on_device("cpu").token_budget == 2048
    assert CollectOptions().on_device("cuda").chunk_sentences == 16_384
    assert CollectOptions(token_budget=7).on_device("cuda").token_budget == 7
