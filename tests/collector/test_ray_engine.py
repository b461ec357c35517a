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

from neurolect.collector import CollectOptions
from neurolect.collector.ray_engine import collect_ray
from neurolect.errors import CollectError, InterruptedRunError
from neurolect.progress import NullProgress, NullTask
from tests.collector.test_local import SLOWLY, bert, one_thread, results, undisturbed  # noqa: F401 - fixtures
from tests.command_line import command

pytestmark = [
    pytest.mark.ray,
    pytest.mark.timeout(900),
    # Ray's own, and sockets that it leaves to the end of the process
    pytest.mark.filterwarnings("ignore"),
]
OPTIONS = CollectOptions(**SLOWLY)


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    ray = pytest.importorskip("ray")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    with warnings.catch_warnings():
        # Ray leaves its processes' handles to the garbage collector, which complains of them
        warnings.simplefilter("ignore")
        ray.shutdown()
        gc.collect()


class Counting(NullProgress):
    """Adds up what is told."""

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
def test_workers_find_what_one_finds(bert: str, undisturbed: Any, tmp_path: Path, workers: int) -> None:  # noqa: F811
    corpus, expected = undisturbed
    progress = Counting()
    run = collect_ray(bert, corpus, out=tmp_path / "run", workers=workers, options=OPTIONS, progress=progress)
    assert results(run.folder) == expected
    assert progress.counts["merge"] == workers - 1
    assert progress.counts["collect"] == run.manifest["stages"]["collect"]["n_sentences"]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["run"]


def when_checkpoints(shards: Path, n: int, act: Any) -> threading.Thread:
    """Act once, when so many workers have written a checkpoint."""

    def wait() -> None:
        while len(list(shards.glob("*/checkpoint/state.npz"))) < n:
            time.sleep(0.005)
        act()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def test_a_lost_worker_is_started_again(bert: str, undisturbed: Any, tmp_path: Path) -> None:  # noqa: F811
    corpus, expected = undisturbed
    shards = tmp_path / "run-shards"
    killed = []

    def kill() -> None:
        lock = next(shards.glob("*/checkpoint/state.npz")).parents[1] / ".collect.lock"
        killed.append(int(lock.read_text().split()[1]))
        os.kill(killed[0], signal.SIGKILL)

    thread = when_checkpoints(shards, 1, kill)
    run = collect_ray(bert, corpus, out=tmp_path / "run", workers=2, options=OPTIONS)
    thread.join()
    assert len(killed) == 1
    assert results(run.folder) == expected


def test_a_stop_keeps_what_was_read(bert: str, undisturbed: Any, tmp_path: Path) -> None:  # noqa: F811
    corpus, expected = undisturbed
    thread = when_checkpoints(tmp_path / "run-shards", 2, lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(InterruptedRunError, match="Stopped by SIGTERM; what 2 workers have read is kept"):
        collect_ray(bert, corpus, out=tmp_path / "run", workers=2, options=OPTIONS)
    thread.join()
    assert len(list((tmp_path / "run-shards").glob("*/checkpoint/state.npz"))) == 2
    run = collect_ray(bert, corpus, out=tmp_path / "run", workers=2, options=OPTIONS)
    assert results(run.folder) == expected


def test_what_a_worker_says_is_told(undisturbed: Any, tmp_path: Path) -> None:  # noqa: F811
    corpus, _ = undisturbed
    with pytest.raises(CollectError, match=r"A worker failed: (.|\n)*no-such-model"):
        collect_ray("./no-such-model", corpus, out=tmp_path / "run", workers=2, options=OPTIONS)


def test_the_command_line(
    bert: str,  # noqa: F811
    undisturbed: Any,  # noqa: F811
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    corpus, expected = undisturbed
    settings = [f"--set=collect.{name}={value}" for name, value in SLOWLY.items()]
    line = ["collect", bert, corpus, "--out", tmp_path / "run", "--engine=ray", "--workers=2", *settings]
    answer = command(*line)
    assert answer.code == 0, answer.err
    assert "Lists of 32 neurons" in answer.out
    assert results(tmp_path / "run") == expected
    assert command(*line).code == 0
    assert "already collected" in caplog.text
