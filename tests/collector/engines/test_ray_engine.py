"""Workers of a Ray cluster on this machine find what one process finds. Run with: pytest -m ray."""

import gc
import os
import signal
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from neurolect.collector import CollectOptions, collect
from neurolect.collector.engines.ray_engine import collect_ray
from neurolect.collector.feed.shards import PARTIAL
from neurolect.corpus import Corpus
from neurolect.errors import CollectError, InterruptedRunError
from neurolect.model import load_model
from neurolect.progress import NullProgress, NullTask
from tests.collector.engines.test_local import SLOWLY, bert, corpus, one_thread, results, undisturbed  # noqa: F401 - fixtures
from tests.collector.engines.test_merging import SETTINGS
from tests.command_line import command

pytestmark = [
    pytest.mark.ray,
    pytest.mark.timeout(900),
    # Ray's own, and sockets that it leaves to the end of the process
    pytest.mark.filterwarnings("ignore"),
]
OPTIONS = CollectOptions(**SLOWLY)
FEW = CollectOptions(**SETTINGS)
KEPT = ("checkpoint/state.npz", PARTIAL)


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    ray = pytest.importorskip("ray")
    with pytest.MonkeyPatch.context() as patch:
        # otherwise they give way to whatever else the machine does
        patch.setenv("RAY_worker_niceness", "0")
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    with warnings.catch_warnings():
        # Ray leaves its processes' handles to the garbage collector, which complains of them
        warnings.simplefilter("ignore")
        ray.shutdown()
        gc.collect()


@pytest.fixture(scope="module")
def one(corpus: Corpus, bert: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:  # noqa: F811
    """What one process finds in a corpus that is read in a moment."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("one") / "run"
    collect(load_model(bert), corpus, out=folder, options=FEW)
    torch.set_num_threads(n_threads)
    return results(folder)


class Counting(NullProgress):
    """Adds up what is reported."""

    def __init__(self) -> None:
        self.counts: dict[str, float] = {}

    def task(self, name: str, *, total: float | None = None, unit: str = "") -> Any:
        from contextlib import nullcontext

        counts = self.counts
        counts[name] = 0.0

        class Task(NullTask):
            def advance(self, n: float = 1) -> None:
                counts[name] += n

        return nullcontext(Task())


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_workers_find_what_one_finds(
    bert: str,  # noqa: F811
    corpus: Corpus,  # noqa: F811
    one: dict[str, Any],
    tmp_path: Path,
    workers: int,
) -> None:
    progress = Counting()
    run = collect_ray(bert, corpus.folder, out=tmp_path / "run", workers=workers, options=FEW, progress=progress)
    assert results(run.folder) == one
    assert progress.counts["merge"] == workers - 1
    assert progress.counts["collect"] == run.manifest["stages"]["collect"]["n_sentences"]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["run"]


def begun(shards: Path) -> int:
    """Count the workers that have written a checkpoint, or are through."""
    return sum(any((each / name).is_file() for name in KEPT) for each in shards.glob("*"))


def when_begun(shards: Path, n: int, act: Any) -> threading.Thread:
    """Act once, when so many workers have something to keep."""

    def wait() -> None:
        while begun(shards) < n:
            time.sleep(0.005)
        act()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


def test_a_lost_worker_is_started_again(bert: str, undisturbed: Any, tmp_path: Path) -> None:  # noqa: F811
    folder, expected = undisturbed
    shards = tmp_path / "run-shards"
    killed = []

    def kill() -> None:
        lock = next(shards.glob("*/.lock"))
        killed.append(int(lock.read_text().split()[1]))
        os.kill(killed[0], signal.SIGKILL)

    thread = when_begun(shards, 1, kill)
    run = collect_ray(bert, folder, out=tmp_path / "run", workers=2, options=OPTIONS)
    thread.join()
    assert len(killed) == 1
    assert results(run.folder) == expected


def test_a_stop_keeps_what_was_read(bert: str, undisturbed: Any, tmp_path: Path) -> None:  # noqa: F811
    folder, expected = undisturbed
    thread = when_begun(tmp_path / "run-shards", 2, lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(InterruptedRunError, match="Stopped by SIGTERM; what 2 workers have read is kept"):
        collect_ray(bert, folder, out=tmp_path / "run", workers=2, options=OPTIONS)
    thread.join()
    assert begun(tmp_path / "run-shards") == 2
    run = collect_ray(bert, folder, out=tmp_path / "run", workers=2, options=OPTIONS)
    assert results(run.folder) == expected


def test_what_a_worker_says_is_reported(corpus: Corpus, tmp_path: Path) -> None:  # noqa: F811
    with pytest.raises(CollectError, match=r"A worker failed: (.|\n)*no-such-model"):
        collect_ray("./no-such-model", corpus.folder, out=tmp_path / "run", workers=1, options=FEW)


class Broken:
    """In place of a neurolect that cannot be loaded on the machine of a worker."""

    def __init__(self, *_: object) -> None:
        what = "as if neurolect were not there"
        raise ModuleNotFoundError(what)

    def collect(self) -> None:
        """Never called."""


def test_a_worker_that_cannot_start_is_reported(
    bert: str,  # noqa: F811
    corpus: Corpus,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("neurolect.collector.engines.ray_engine.ShardWorker", Broken)
    said = r"A worker could not start: ModuleNotFoundError: as if neurolect(.|\n)*on every machine"
    with pytest.raises(CollectError, match=said):
        collect_ray(bert, corpus.folder, out=tmp_path / "run", workers=1, options=FEW)


def test_the_command_line(
    bert: str,  # noqa: F811
    corpus: Corpus,  # noqa: F811
    one: dict[str, Any],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings = [f"--set=collect.{name}={value}" for name, value in SETTINGS.items()]
    line = ["collect", bert, corpus.folder, "--out", tmp_path / "run", "--engine=ray", "--workers=2", *settings]
    answer = command(*line)
    assert answer.code == 0, answer.err
    assert "Lists of 32 neurons" in answer.out
    assert results(tmp_path / "run") == one
    assert command(*line).code == 0
    assert "already collected" in caplog.text
