"""Several processes on one machine, each with a shard of the corpus, and the merge of what they found."""

import logging
import shutil
import signal
import sys
import time
from contextlib import nullcontext
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from neurolect.collector.engines.merging import merge
from neurolect.collector.feed.shards import PARTIAL, Shard, check_shard
from neurolect.collector.options import CollectOptions
from neurolect.collector.process import StopRequest, n_own_cores, share_tokenizers, stop_requests, threads_each
from neurolect.collector.record import finished_run
from neurolect.corpus import open_corpus
from neurolect.errors import CollectError, InterruptedRunError, NeurolectError
from neurolect.folders.remote import uploading
from neurolect.model import ModelOptions
from neurolect.processes import CONTEXT, FEWER_WORKERS, new_process, when_parent_ends
from neurolect.progress import NullProgress, NullTask, Progress, Task
from neurolect.store.run_folder import Run

logger = logging.getLogger(__name__)

_INTERRUPTED = 130
_FAILED = 1


@uploading
def collect_local(
    model: str,
    corpus: str | Path,
    *,
    out: str | Path,
    workers: int | None = None,
    options: CollectOptions | None = None,
    model_options: ModelOptions | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Run:
    """Collect with several processes; their shards lie in ``<out>-shards`` until they are merged.

    ``model``: A folder or a hub name; every process loads it.
    ``workers``: Processes, at least 1. When not given one for every GPU if ``device`` is ``cuda``, else one. On a
        processor each takes its share of the cores, or ``OMP_NUM_THREADS`` threads.
    ``device``: Where the model runs; ``cuda`` gives every process a GPU of its own, in turn.
    """
    options, progress = options or CollectOptions(), progress or NullProgress()
    out = Path(out)
    opened = open_corpus(corpus)
    n_sentences = min(opened.n_mining, options.limit or opened.n_mining)
    if workers is None:
        workers = _n_gpus() if device == "cuda" else 1
    check_shard(Shard(0, workers), options.on_device(device.partition(":")[0]), n_sentences=n_sentences)
    asked: dict[str, Any] = {"options": options, "model_options": model_options or ModelOptions()}
    if (run := finished_run(out, model=model, corpus=opened, **asked)) is not None:
        progress.message(f"{out} is already collected.")
        return run
    options = share_tokenizers(options, device=device, n_cores=n_own_cores() / workers)
    folders = [out.with_name(f"{out.name}-shards") / f"{number}-of-{workers}" for number in range(workers)]
    if any((each / name).is_file() for each in folders for name in ("checkpoint/state.npz", PARTIAL)):
        progress.message(f"Resuming with what {workers} workers have read.")
    jobs = [
        (model, str(corpus), folder, Shard(number, workers), options, model_options, placed(device, number))
        for number, folder in enumerate(folders)
    ]
    with progress.task("collect", total=n_sentences, unit="sentences") as task, stop_requests() as stop:
        _watch(_Workers(jobs), stop, task)
    run = merge(folders, out=out, progress=progress)
    for folder in folders:
        shutil.rmtree(folder)  # written by this process's workers only
    if not any(folders[0].parent.iterdir()):
        folders[0].parent.rmdir()
    return run


def placed(device: str, number: int, *, n_gpus: int | None = None) -> str:
    """Choose the device of a worker.

    Returns: The GPUs in turn for ``cuda``, else the device that was given.

    Examples
    --------
    >>> [placed("cuda", number, n_gpus=2) for number in range(3)], placed("cuda:1", 0), placed("cpu", 5)
    (['cuda:0', 'cuda:1', 'cuda:0'], 'cuda:1', 'cpu')
    """
    if device != "cuda":
        return device
    return f"cuda:{number % (_n_gpus() if n_gpus is None else n_gpus)}"


def _n_gpus() -> int:
    import torch

    return max(1, torch.cuda.device_count())


class _Workers:
    """The processes, and what they tell: sentences done, and one message of those that fail."""

    def __init__(self, jobs: list[tuple[Any, ...]]) -> None:
        # Each worker writes a number of its own: no lock that one might die with.
        self._done = CONTEXT.Array("q", len(jobs), lock=False)
        # The sending ends are kept too: a pipe whose other end is closed would look as if something were in it.
        self._failures: list[tuple[Connection, Connection]] = []
        self.processes: list[BaseProcess] = []
        for number, job in enumerate(jobs):
            receive, send = CONTEXT.Pipe(duplex=False)
            self._failures.append((receive, send))
            self.processes.append(new_process(_work, job, number, self._done, send, name=f"neurolect-{number}"))

    @property
    def n_done(self) -> int:
        """Sentences read by all."""
        return sum(self._done)

    def failure(self) -> str | None:
        """Give what the first of the failed said."""
        said = [str(receive.recv()) for receive, _ in self._failures if receive.poll()]
        return said[0] if said else None


def _watch(workers: _Workers, stop: StopRequest, task: Task) -> None:
    """Start the workers, tell how far they are, and stop all when one ends early or a stop is asked for."""
    shown = 0
    try:
        for process in workers.processes:
            process.start()
        while any(process.is_alive() for process in workers.processes):
            time.sleep(0.1)
            done = workers.n_done
            task.advance(done - shown)
            shown = done
            if stop.name or any(process.exitcode for process in workers.processes):
                _stop(workers.processes)
    finally:  # this process would wait for them before it ends
        _stop(workers.processes)
    task.advance(workers.n_done - shown)
    _check(workers, stop)


def _stop(processes: list[BaseProcess]) -> None:
    """Ask all that still run to write a checkpoint and leave; wait for them."""
    for process in processes:
        if process.is_alive():
            process.terminate()
    for process in processes:
        if process.pid is not None:
            process.join()


def _check(workers: _Workers, stop: StopRequest) -> None:
    """Raise what ended the workers early."""
    ends = [process.exitcode for process in workers.processes]
    if stop.name:
        what = f"Stopped by {stop.name}; what {len(ends)} workers have read is kept."
        raise InterruptedRunError(what, hint="Give the same command again: it resumes from there.")
    if said := workers.failure():
        what = f"A worker failed: {said}"
        raise CollectError(what, hint="The same command resumes from the checkpoints that it finds.")
    for number, end in enumerate(ends):
        if end not in (0, _INTERRUPTED):
            how = signal.Signals(-end).name if end is not None and end < 0 else f"exit code {end}"
            what = f"Worker {number} of {len(ends)} died ({how})."
            why = FEWER_WORKERS if how.startswith("SIG") else "What it printed above says why."
            raise CollectError(what, hint=f"{why} The same command resumes from the checkpoints.")
    if any(ends):
        what = f"Workers were asked to stop by somebody else; what {len(ends)} workers have read is kept."
        raise InterruptedRunError(what, hint="Give the same command again: it resumes from there.")


class _Counting(NullProgress):
    """Counts what a worker has done where its parent sees it."""

    def __init__(self, done: Any, number: int) -> None:  # noqa: ANN401 - multiprocessing's array has no public type
        self._done, self._number = done, number

    def task(self, name: str, *, total: float | None = None, unit: str = "") -> Any:  # noqa: ANN401
        """Open a task that counts the sentences of the pass."""
        return nullcontext(_CountingTask(self._done, self._number) if name == "collect" else NullTask())


class _CountingTask(NullTask):
    def __init__(self, done: Any, number: int) -> None:  # noqa: ANN401
        self._done, self._number = done, number

    def advance(self, n: float = 1) -> None:
        """Count."""
        self._done[self._number] += int(n)

    def resume(self, n: float) -> None:
        """Count what was done before too: the engine adds up what its workers have."""
        self.advance(n)


def _work(job: tuple[Any, ...], number: int, done: Any, failure: Connection) -> None:  # noqa: ANN401
    """Collect one shard in a process of its own."""
    with stop_requests(patient=True) as stop:
        when_parent_ends(partial(setattr, stop, "name", "the end of the process that started it"))
        import torch

        from neurolect.collector.corpus_pass import collect_here
        from neurolect.model import load_model

        model, corpus, folder, shard, options, model_options, device = job
        torch.set_num_threads(threads_each(n_own_cores() / shard.n))
        counting = _Counting(done, number)
        try:
            loaded = load_model(model, options=model_options, device=device)
            if stop.name:
                sys.exit(_INTERRUPTED)
            opened = open_corpus(corpus)
            collect_here(loaded, opened, out=folder, options=options, progress=counting, shard=shard, stop=stop)
        except InterruptedRunError:
            sys.exit(_INTERRUPTED)
        except NeurolectError as error:
            failure.send(str(error))
            sys.exit(_FAILED)
        except (OSError, MemoryError, RuntimeError) as error:
            logger.debug("A worker failed.", exc_info=True)
            failure.send(f"{type(error).__name__}: {error}")
            sys.exit(_FAILED)
