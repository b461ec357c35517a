"""Several processes find what one finds."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from neurolect.collector import CollectOptions, collect
from neurolect.collector.engines.local import collect_local
from neurolect.corpus import Corpus
from neurolect.errors import CollectError, OptionError
from neurolect.model import ModelOptions, load_model
from tests.collector.engines.test_merging import SETTINGS
from tests.collector.test_corpus_pass import all_arrays
from tests.tiny_corpora import tiny_corpus
from tests.tiny_models import write_tiny_bert


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return tiny_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_tiny_bert(tmp_path_factory.mktemp("bert")))


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> Any:
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    yield
    torch.set_num_threads(n_threads)


def results(folder: Path) -> dict[str, Any]:
    arrays = all_arrays(folder)
    return {name: array for name, array in arrays.items() if not name.startswith("convergence")}


def test_two_workers_find_what_one_finds(corpus: Corpus, bert: str, tmp_path: Path) -> None:
    options = CollectOptions(**SETTINGS)
    collect(load_model(bert), corpus, out=tmp_path / "one", options=options)
    run = collect_local(bert, corpus.folder, out=tmp_path / "two", workers=2, options=options)
    assert results(tmp_path / "one") == results(tmp_path / "two")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["one", "two"]
    again = collect_local(bert, corpus.folder, out=tmp_path / "two", workers=2, options=options)
    assert again.manifest == run.manifest
    other = CollectOptions(**{**SETTINGS, "list_size": 19})
    with pytest.raises(CollectError, match=r"collect\.list_size: 20 there, 19 now"):
        collect_local(bert, corpus.folder, out=tmp_path / "two", workers=2, options=other)


def test_what_a_worker_says_is_reported(corpus: Corpus, tmp_path: Path) -> None:
    with pytest.raises(CollectError, match=r"A worker failed: (.|\n)*no-such-model"):
        collect_local(str(tmp_path / "no-such-model"), corpus.folder, out=tmp_path / "run", workers=1)


def test_more_workers_than_chunks_are_refused(corpus: Corpus, bert: str, tmp_path: Path) -> None:
    for n, said in ((0, "no shard 0 of 0"), (1000, f"at most {-(-corpus.n_mining // 30)} shards or workers")):
        with pytest.raises(OptionError, match=said):
            collect_local(bert, corpus.folder, out=tmp_path / "run", workers=n, options=CollectOptions(**SETTINGS))
    assert not list(tmp_path.iterdir())


def test_a_finished_run_of_another_model_or_corpus_is_reported(corpus: Corpus, bert: str, tmp_path: Path) -> None:
    options = CollectOptions(**SETTINGS)
    collect(load_model(bert), corpus, out=tmp_path / "run", options=options)
    other = tiny_corpus(tmp_path / "other", n_documents=50)
    for model, folder, said in ((bert, other.folder, "differs in corpus"), ("gpt2", corpus.folder, "'gpt2' now")):
        with pytest.raises(CollectError, match=said):
            collect_local(model, folder, out=tmp_path / "run", workers=2, options=options)
    max_pooled = ModelOptions(pooling="max")
    with pytest.raises(CollectError, match=r"model\.pooling: 'mean' there, 'max' now"):
        collect_local(
            bert, corpus.folder, out=tmp_path / "run", workers=2, options=options, model_options=max_pooled
        )


class Command:
    """``neurolect collect --engine local --workers 2`` in a session of its own, on a corpus that takes a while."""

    def __init__(self, folder: Path, corpus: Path, bert: str) -> None:
        self.out = folder / "run"
        self._shards = folder / "run-shards"
        arguments = ["collect", bert, str(corpus), "--out", str(self.out), "--engine=local", "--workers=2"]
        arguments += [f"--set=collect.{name}={value}" for name, value in SLOWLY.items()]
        self._line = [sys.executable, "-c", "from neurolect.cli import main; main()", *arguments]

    def start(self) -> "subprocess.Popen[str]":
        """Start it, and wait until both workers have written a checkpoint."""
        process = subprocess.Popen(self._line, stderr=subprocess.PIPE, text=True, start_new_session=True)
        while len(list(self._shards.glob("*/checkpoint/state.npz"))) < 2:
            assert process.poll() is None, process.communicate()[1]
            time.sleep(0.01)
        return process

    def workers(self) -> list[int]:
        """Read the process numbers of those that hold a shard's folder."""
        return [int(path.read_text().split()[1]) for path in sorted(self._shards.glob("*/.lock"))]

    def finish(self) -> str:
        """Give the command once more, and let it be."""
        done = subprocess.run(self._line, capture_output=True, text=True, timeout=120, check=True)
        return done.stderr


SLOWLY: dict[str, Any] = {"list_size": 20, "chunk_sentences": 100, "token_budget": 100, "checkpoint_seconds": 0}


@pytest.fixture(scope="module")
def undisturbed(bert: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("undisturbed")
    corpus = tiny_corpus(folder, n_documents=600)
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    collect(load_model(bert), corpus, out=folder / "run", options=CollectOptions(**SLOWLY))
    torch.set_num_threads(n_threads)
    return corpus.folder, results(folder / "run")


@pytest.mark.slow
@pytest.mark.parametrize("how", ["scheduler", "terminal", "all at once"])
def test_a_stop_keeps_what_was_read(bert: str, undisturbed: tuple[Path, Any], tmp_path: Path, how: str) -> None:
    corpus, expected = undisturbed
    command = Command(tmp_path, corpus, bert)
    process = command.start()
    if how == "scheduler":
        process.terminate()
    else:
        # a terminal signals the workers too, and they are signalled again by their parent
        os.killpg(process.pid, signal.SIGINT if how == "terminal" else signal.SIGTERM)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 130, said
    assert f"Stopped by {'SIGINT' if how == 'terminal' else 'SIGTERM'}; what 2 workers have read is kept" in said
    assert "Traceback" not in said
    assert "Resuming with what 2 workers have read" in command.finish()
    assert results(command.out) == expected
    assert sorted(each.name for each in tmp_path.iterdir()) == ["run"]


@pytest.mark.slow
@pytest.mark.parametrize("who", ["worker", "parent"])
def test_a_kill_loses_nothing(bert: str, undisturbed: tuple[Path, Any], tmp_path: Path, who: str) -> None:
    corpus, expected = undisturbed
    command = Command(tmp_path, corpus, bert)
    process = command.start()
    workers = command.workers()
    os.kill(workers[0] if who == "worker" else process.pid, signal.SIGKILL)
    said = process.communicate(timeout=60)[1]
    if who == "worker":
        assert process.returncode == 1
        assert "Worker 0 of 2 died (SIGKILL)" in said
        assert "The same command resumes from the checkpoints" in said
    # the others have left, after a checkpoint
    while any(Path(f"/proc/{number}").exists() for number in workers):
        time.sleep(0.05)
    assert not command.out.exists()
    command.finish()
    assert results(command.out) == expected
