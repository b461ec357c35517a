"""What goes wrong while things are tidied up never hides what went wrong first."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from neurolect.collector import checkpoint
from neurolect.collector.checkpoint import Checkpoints, Position
from neurolect.collector.engines import local, ray_engine
from neurolect.corpus.shards import ShardWriter
from neurolect.errors import CollectError, CorpusError, NeurolectError
from neurolect.folders.atomic import replacing, replacing_folder
from neurolect.folders.lock import only_here

FIRST = "what went wrong first"


class FirstError(Exception):
    """What went wrong first."""


def refuse(*_: Any, **__: Any) -> None:
    raise PermissionError(13, "Permission denied", "/somewhere")


@pytest.mark.parametrize("first", [FirstError, KeyboardInterrupt, CorpusError])
def test_files_and_folders(first: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write_file() -> None:
        with replacing(tmp_path / "f") as temporary:
            temporary.write_text("half")
            raise first(FIRST)

    def write_folder() -> None:
        with replacing_folder(tmp_path / "d", error=NeurolectError) as temporary:
            (temporary / "half").write_text("half")
            raise first(FIRST)

    def hold() -> None:
        with only_here(tmp_path, doing="test"):
            raise first(FIRST)

    monkeypatch.setattr(Path, "unlink", refuse)
    monkeypatch.setattr("shutil.rmtree", refuse)
    for act in (write_file, write_folder, hold):
        with pytest.raises(first, match=FIRST):
            act()


def test_an_unread_source_is_not_said_to_be_an_unwritten_result(tmp_path: Path) -> None:
    def make(path: Callable[[Path], Path]) -> None:
        with replacing_folder(tmp_path / "out", error=CorpusError) as temporary:
            path(temporary).read_text()

    with pytest.raises(FileNotFoundError, match="source"):
        make(lambda _: tmp_path / "source")
    with pytest.raises(CorpusError, match="out could not be written: No such file"):
        make(lambda temporary: temporary / "own")
    assert not list(tmp_path.iterdir())


def test_a_shard_that_cannot_be_closed(tmp_path: Path) -> None:
    writer = ShardWriter(tmp_path, group_rows=2)
    columns = {"document_id": [0, 1], "position": [0, 0], "n_words": [1, 1], "text": ["a", "b"]}
    writer.write(pa.table(columns), held_out=np.zeros(2, bool))
    assert writer._writer is not None

    def full() -> None:
        raise OSError(28, "No space left on device")

    writer._writer.close()
    writer._writer.close = full
    writer.abandon()
    assert writer._writer is None


@pytest.mark.parametrize("first", [FirstError, KeyboardInterrupt])
def test_a_checkpoint_that_is_being_written(
    first: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: Any) -> None:
        what = "The disk is full."
        raise NeurolectError(what)

    monkeypatch.setattr(checkpoint, "write_npz", full)
    state: Any = SimpleNamespace(device=SimpleNamespace(type="cuda"), to_arrays=dict)
    checkpoints = Checkpoints(tmp_path, least_seconds=60)

    def go(error: type[BaseException] | None) -> None:
        with checkpoints:
            checkpoints.save(state, Position(0, 0), wait=False)
            if error is not None:
                raise error(FIRST)

    with pytest.raises(first, match=FIRST):
        go(first)
    assert "The last checkpoint could not be kept: The disk is full." in caplog.text
    with pytest.raises(NeurolectError, match="The disk is full"):
        go(None)


class FakeProcess:
    """A process of which one does not start."""

    def __init__(self, *, starts: bool) -> None:
        self.pid: int | None = None
        self.exitcode, self._starts, self._alive = None, starts, False

    def start(self) -> None:
        if not self._starts:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        self.pid, self._alive = 1, True

    def is_alive(self) -> bool:
        return self._alive

    def terminate(self) -> None:
        self._alive = False

    def join(self) -> None:
        assert self.pid is not None


def test_workers_of_which_one_does_not_start_are_stopped() -> None:
    processes: Any = [FakeProcess(starts=True), FakeProcess(starts=False), FakeProcess(starts=True)]
    workers: Any = SimpleNamespace(processes=processes)
    stop: Any = SimpleNamespace(name=None)
    task: Any = None
    with pytest.raises(BlockingIOError):
        local._watch(workers, stop, task)
    assert not any(each.is_alive() for each in processes)


@pytest.mark.parametrize("error", [OSError(28, "No space left"), MemoryError("40 GiB"), RuntimeError("CUDA error")])
def test_a_worker_says_why_it_failed(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr("neurolect.model.load_model", failing)
    said: list[str] = []
    pipe: Any = SimpleNamespace(send=said.append)
    job = ("model", "corpus", Path("folder"), SimpleNamespace(n=1), None, None, "cpu")
    with pytest.raises(SystemExit):
        local._work(job, 0, [0], pipe)
    assert said == [f"{type(error).__name__}: {error}"]


@pytest.mark.parametrize(("code", "hint"), [(-9, "too little memory"), (1, "What it printed above says why")])
def test_a_dead_worker_is_not_always_short_of_memory(code: int, hint: str) -> None:
    workers: Any = SimpleNamespace(processes=[SimpleNamespace(exitcode=code)], failure=lambda: None)
    stop: Any = SimpleNamespace(name=None)
    with pytest.raises(CollectError, match=hint):
        local._check(workers, stop)


def test_a_lost_cluster() -> None:
    class RayError(Exception):
        pass

    class Handle:
        def options(self, **_: Any) -> "Handle":
            return self

        def remote(self, *_: Any) -> "Handle":
            return self

    def kill(_: Any) -> None:
        raise RayError(FIRST)

    ray: Any = SimpleNamespace(remote=lambda _: Handle(), kill=kill, exceptions=SimpleNamespace(RayError=RayError))
    share: Any = SimpleNamespace(cores=1, gpus=0)
    job: Any = None
    with pytest.raises(FirstError, match=FIRST), ray_engine._started(ray, [job], share):
        raise FirstError(FIRST)
