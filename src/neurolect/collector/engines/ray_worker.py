"""What runs on the machines of a Ray cluster: workers with a shard each, and the merging of two states.

Plain classes and functions that know nothing of Ray; :mod:`neurolect.collector.engines.ray_engine` calls them.
"""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from neurolect.collector.checkpoint import load_arrays
from neurolect.collector.feed.shards import PARTIAL, Shard
from neurolect.collector.held_out import joined_arrays, read_partial
from neurolect.collector.options import CollectOptions
from neurolect.collector.process import StopRequest, stop_requests
from neurolect.collector.state import CollectState, Plan
from neurolect.corpus import open_corpus
from neurolect.errors import InterruptedRunError, NeurolectError
from neurolect.model import ModelOptions
from neurolect.progress import NullProgress, NullTask, Task
from neurolect.store.manifest import RunManifest, read_manifest

Arrays = dict[str, NDArray[np.generic]]

_EVERY = 0.5
"""Seconds between two reports of a worker."""


class Job(NamedTuple):
    """What a worker is to collect.

    ``model``: A folder, the same on every machine, or a hub name.
    ``corpus``: A corpus folder that every machine can read.
    ``folder``: Where the shard lies while it is collected; kept by the machine, or by all where the place is
        shared.
    """

    model: str
    corpus: str
    folder: str
    shard: Shard
    options: CollectOptions
    model_options: ModelOptions | None
    device: str
    n_threads: int


class Outcome(NamedTuple):
    """How a worker ended.

    ``failure``: What went wrong; None also where it was asked to stop.
    """

    manifest: RunManifest | None
    failure: str | None


class Report(Protocol):
    """Tell the tally how many sentences a shard has read; says whether to stop."""

    def __call__(self, number: int, n_sentences: int) -> bool:
        """Report."""


class ShardWorker:
    """Collects one shard."""

    def __init__(self, job: Job, report: Report) -> None:
        self._job, self._report = job, report

    def collect(self) -> tuple[Outcome, Arrays]:
        """Collect the shard, or resume it; done twice it gives the same twice."""
        import torch

        from neurolect.collector.corpus_pass import collect_here
        from neurolect.model import load_model

        job = self._job
        torch.set_num_threads(job.n_threads)
        with stop_requests(patient=True) as stop:
            counting = _Reporting(job.shard.number, self._report, stop)
            try:
                loaded = load_model(job.model, options=job.model_options, device=job.device)
                collect_here(
                    loaded,
                    open_corpus(job.corpus),
                    out=job.folder,
                    options=job.options,
                    progress=counting,
                    shard=job.shard,
                    stop=stop,
                )
            except InterruptedRunError:
                return Outcome(None, None), {}
            except NeurolectError as error:
                return Outcome(None, str(error)), {}
        return Outcome(read_manifest(Path(job.folder)), None), _arrays_of(Path(job.folder))

    def forget(self) -> None:
        """Remove the shard, now that it is merged."""
        folder = Path(self._job.folder)
        shutil.rmtree(folder, ignore_errors=True)  # on another machine than before there is none
        with suppress(OSError):  # not empty yet, or another worker was quicker
            folder.parent.rmdir()


def _arrays_of(folder: Path) -> Arrays:
    """Read a finished shard's state."""
    return load_arrays(folder / PARTIAL)[0] | read_partial(folder)


def merge_two(plan: Plan, one: Arrays, other: Arrays) -> Arrays:
    """Merge the states of two shards, or of two groups of them."""
    state = CollectState.from_arrays(one, plan=plan)
    state.merge(CollectState.from_arrays(other, plan=plan))
    return state.to_arrays() | joined_arrays([one, other])


class _Reporting(NullProgress):
    """Tells the tally how far the shard is, and passes on that it is to stop."""

    def __init__(self, number: int, report: Report, stop: StopRequest) -> None:
        self._task = _ReportingTask(number, report, stop)

    @contextmanager
    def task(self, name: str, *, total: float | None = None, unit: str = "") -> Iterator[Task]:
        """Open a task that reports, the last time when it is done; what is not the pass is not counted."""
        if name != "collect":
            yield NullTask()
            return
        yield self._task
        self._task.report()


class _ReportingTask(NullTask):
    def __init__(self, number: int, report: Report, stop: StopRequest) -> None:
        self._number, self._report, self._stop = number, report, stop
        self._done = 0
        self._last = float("-inf")

    def advance(self, n: float = 1) -> None:
        """Count, and report now and then."""
        self._done += int(n)
        if time.monotonic() - self._last >= _EVERY:
            self.report()

    def resume(self, n: float) -> None:
        """Count what was done before too: the engine adds up what its shards have."""
        self.advance(n)

    def report(self) -> None:
        """Tell how far the shard is; hear whether to stop."""
        if self._report(self._number, self._done):
            self._stop.name = "the process that started it"
        self._last = time.monotonic()
