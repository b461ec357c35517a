"""Several processes find what one finds."""

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from neurolect.collector import CollectOptions, collect
from neurolect.collector.local import collect_local
from neurolect.corpus import Corpus
from neurolect.errors import CollectError
from neurolect.model import load_model
from tests.collector.test_corpus_pass import all_arrays
from tests.collector.test_merge import SETTINGS
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


def test_what_a_worker_says_is_told(corpus: Corpus, tmp_path: Path) -> None:
    with pytest.raises(CollectError, match=r"A worker failed: (.|\n)*no-such-model"):
        collect_local(str(tmp_path / "no-such-model"), corpus.folder, out=tmp_path / "run", workers=1)


@pytest.mark.slow
def test_a_killed_worker_is_told_and_the_next_start_goes_on(
    corpus: Corpus, bert: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import multiprocessing

    options = CollectOptions(**SETTINGS)

    def kill_one() -> None:
        while not multiprocessing.active_children():
            time.sleep(0.01)
        victim = multiprocessing.active_children()[0].pid
        assert victim is not None
        os.kill(victim, signal.SIGKILL)

    killer = threading.Thread(target=kill_one)
    killer.start()
    with pytest.raises(CollectError, match=r"Worker 0 of 1 died \(SIGKILL\)(.|\n)*goes on from the checkpoints"):
        collect_local(bert, corpus.folder, out=tmp_path / "run", workers=1, options=options)
    killer.join()
    assert not (tmp_path / "run").exists()
    run = collect_local(bert, corpus.folder, out=tmp_path / "run", workers=1, options=options)
    assert run.manifest["stages"]["collect"]["n_sentences"] == corpus.n_mining
