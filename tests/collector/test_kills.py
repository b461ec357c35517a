"""Nothing is lost and nothing changes: kill -9, SIGTERM, a full disk, a reader that dies."""

import errno
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
import torch

from neurolect.collector import CollectOptions, collect
from neurolect.collector.feed.chunks import ahead
from neurolect.corpus import Corpus
from neurolect.errors import CollectError, CorpusError, NeurolectError
from neurolect.model import load_model
from tests.collector.test_corpus_pass import all_arrays
from tests.tiny_corpora import tiny_corpus
from tests.tiny_models import write_tiny_bert

SETTINGS: dict[str, Any] = {
    "list_size": 20,
    "chunk_sentences": 60,
    "token_budget": 250,
    "sample_size": 90,
    "activation_sample_size": 50,
    "checkpoint_seconds": 0,
}
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return tiny_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bert(tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="module")
def undisturbed(corpus: Corpus, bert: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    # with as many threads as the driver: the last bits of a matrix product depend on it
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("undisturbed") / "run"
    collect(load_model(str(bert)), corpus, out=folder, options=CollectOptions(**SETTINGS))
    torch.set_num_threads(n_threads)
    return all_arrays(folder)


@pytest.fixture
def one_thread() -> Iterator[None]:
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n_threads)


Driver: TypeAlias = "subprocess.Popen[str]"


@pytest.fixture(scope="module")
def driver(bert: Path, undisturbed: dict[str, Any]) -> Iterator[Driver]:
    """Give the process that starts and kills: it imports once for all tests, after kernels were compiled here."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.collector.kill_driver", str(bert)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        yield process
        process.communicate(timeout=60)
    assert process.returncode == 0


def killed(
    driver: Driver, corpus: Corpus, bert: Path, out: Path, *, n_kills: int, seed: int = 0, name: str = "SIGKILL"
) -> tuple[dict[str, Any], list[int], str]:
    """Run the command through all its deaths; give its arrays, the exit codes and what it said."""
    assert driver.stdin is not None
    assert driver.stdout is not None
    log = out.with_name("log")
    settings = [f"--set=collect.{key}={value}" for key, value in SETTINGS.items()]
    job = [name, seed, n_kills, str(out), str(log), ["collect", str(bert), str(corpus.folder), *settings]]
    driver.stdin.write(json.dumps(job) + "\n")
    driver.stdin.flush()
    ends = json.loads(driver.stdout.readline())
    said = log.read_text(encoding="utf-8")
    assert ends[-1] == 0, f"{ends}: {said}"
    assert not list(out.rglob(".*.tmp")), "a killed start left its unfinished files"
    assert not (out / "checkpoint").exists()
    return all_arrays(out), ends, said


@pytest.mark.parametrize(
    ("n_kills", "seed"), [(5, 0), *(pytest.param(5, seed, marks=pytest.mark.slow) for seed in (1, 2, 3))]
)
def test_kill_9_changes_nothing(
    driver: Driver, corpus: Corpus, bert: Path, undisturbed: dict[str, Any], tmp_path: Path, n_kills: int, seed: int
) -> None:
    arrays, ends, _ = killed(driver, corpus, bert, tmp_path / "run", n_kills=n_kills, seed=seed)
    assert ends.count(-9) >= 2, "most starts ended before they were killed"
    assert arrays == undisturbed


def test_sigterm_checkpoints_and_leaves_with_a_message(
    driver: Driver, corpus: Corpus, bert: Path, undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    arrays, ends, said = killed(driver, corpus, bert, tmp_path / "run", n_kills=2, seed=1, name="SIGTERM")
    assert 130 in ends
    assert "Stopped by SIGTERM after" in said
    assert "Hint: Give the same command again" in said
    assert "Resuming from the checkpoint after" in said
    assert arrays == undisturbed


@pytest.mark.usefixtures("one_thread")
def test_a_full_disk_keeps_the_last_checkpoint(
    corpus: Corpus, bert: Path, undisturbed: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    n_saved = 0
    saved = b""
    save = np.savez
    path = tmp_path / "run" / "checkpoint" / "state.npz"

    def full(file: Any, **arrays: Any) -> None:
        nonlocal n_saved, saved
        n_saved += 1
        if n_saved == 4:
            saved = path.read_bytes()
            file.write(b"the first part")
            raise OSError(errno.ENOSPC, "No space left on device")
        save(file, **arrays)

    monkeypatch.setattr("neurolect.collector.checkpoint._MAX_COST", float("inf"))
    monkeypatch.setattr(np, "savez", full)
    options = CollectOptions(**SETTINGS)
    model = load_model(str(bert))
    with pytest.raises(NeurolectError, match=r"The disk is full: .*state\.npz(.|\n)*Hint: Free some space"):
        collect(model, corpus, out=tmp_path / "run", options=options)
    assert saved
    assert path.read_bytes() == saved
    assert [each.name for each in path.parent.iterdir()] == ["state.npz"]
    collect(model, corpus, out=tmp_path / "run", options=options)
    assert n_saved > 4
    assert all_arrays(tmp_path / "run") == undisturbed


@pytest.mark.usefixtures("one_thread")
def test_a_reader_that_fails_ends_the_run_and_the_next_resumes(
    corpus: Corpus, bert: Path, undisturbed: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Corpus._groups

    def damaged(self: Corpus, part: Any, names: list[str], skip: int) -> Iterator[Any]:
        for table in read(self, part, names, skip):
            yield table.slice(0, 150)
            what = "The shard could not be read."
            raise CorpusError(what)

    options = CollectOptions(**SETTINGS)
    with monkeypatch.context() as patch:
        patch.setattr(Corpus, "_groups", damaged)
        patch.setattr("neurolect.collector.checkpoint._MAX_COST", float("inf"))
        with pytest.raises(CorpusError, match="The shard could not be read"):
            collect(load_model(str(bert)), corpus, out=tmp_path / "run", options=options)
    collect(load_model(str(bert)), corpus, out=tmp_path / "run", options=options)
    assert all_arrays(tmp_path / "run") == undisturbed


def test_a_reader_thread_that_vanishes_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def vanish(self: threading.Thread) -> None:
        time.sleep(0.01)

    monkeypatch.setattr(threading.Thread, "run", vanish)
    with pytest.raises(CollectError, match="thread that reads ahead ended"), ahead(iter([1, 2, 3])) as items:
        next(items)
