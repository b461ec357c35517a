"""Several processes on one machine, each with a shard of the corpus, and the merge of what they found."""

import dataclasses
import json
import multiprocessing
import shutil
import signal
import sys
import time
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Lock
from pathlib import Path
from typing import Any

from neurolect.collector.interrupt import StopRequest, stop_requests
from neurolect.collector.merge import merge
from neurolect.collector.options import CollectOptions
from neurolect.collector.shard import Shard, check_shard
from neurolect.corpus import open_corpus
from neurolect.errors import CollectError, InterruptedRunError, NeurolectError
from neurolect.model import ModelOptions
from neurolect.progress import NullProgress, NullTask, Progress
from neurolect.store.run_folder import Run, open_run

__all__ = ["collect_local"]

_INTERRUPTED = 130
_FAILED = 1


def collect_local(
    model: str,
    corpus: str | Path,
    *,
    out: str | Path,
    workers: int,
    options: CollectOptions | None = None,
    model_options: ModelOptions | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Run:
    """Collect with several processes; their shards lie in ``<out>-shards`` until they are merged.

    Parameters
    ----------
    model : str
        A folder or a hub name; every process loads it.
    corpus : str or Path
        A corpus folder.
    out : str or Path
        The run folder to write.
    workers : int
        Processes.
    options : CollectOptions, optional
        What to keep and how to feed.
    model_options : ModelOptions, optional
        Which neurons are read.
    device : str
        Where the model runs; ``cuda`` gives every process a GPU of its own, in turn.
    progress : Progress, optional
        Where to report to.

    Returns
    -------
    Run
        The finished run folder.

    Raises
    ------
    CollectError
        If a worker fails or dies; the same call goes on from the checkpoints.
    InterruptedRunError
        If it was stopped by Ctrl-C or SIGTERM; every worker has then written its checkpoint.
    """
    options, progress = options or CollectOptions(), progress or NullProgress()
    out = Path(out)
    check_shard(Shard(0, workers), options)
    if (out / "manifest.json").is_file() and Run(out).stage_complete("collect"):
        return _there(out, options, progress)
    opened = open_corpus(corpus)
    folders = [out.with_name(f"{out.name}-shards") / f"{number}-of-{workers}" for number in range(workers)]
    # spawned, not forked: the parent may hold threads
    context = multiprocessing.get_context("spawn")
    done = context.Value("q", 0)
    failure = context.SimpleQueue()
    processes: list[BaseProcess] = []
    for number, folder in enumerate(folders):
        placed = f"cuda:{number % _n_gpus()}" if device == "cuda" else device
        job = (model, str(corpus), folder, Shard(number, workers), options, model_options, placed)
        processes.append(context.Process(target=_work, args=(job, done, failure), name=f"neurolect-{number}"))
    n_sentences = min(opened.n_mining, options.limit or opened.n_mining)
    with progress.task("collect", total=n_sentences, unit="sentences") as task, stop_requests() as stop:
        for process in processes:
            process.start()
        shown = 0
        while any(process.is_alive() for process in processes):
            time.sleep(0.1)
            task.advance(done.value - shown)
            shown = done.value
            if stop.name or any(process.exitcode for process in processes):
                _stop(processes)
        task.advance(done.value - shown)
        _check(processes, stop, failure)
    run = merge(folders, out=out, progress=progress)
    _remove(folders)
    return run


def _there(out: Path, options: CollectOptions, progress: Progress) -> Run:
    """Open a finished run, if it was collected with these options."""
    run = open_run(out)
    asked = json.loads(json.dumps(dataclasses.asdict(options)))
    for name, value in run.manifest["options"]["collect"].items():
        # what was not given was chosen then
        if asked.get(name) is not None and asked[name] != value and name != "checkpoint_seconds":
            what = f"{out} holds a run that differs in collect.{name}: {value!r} there, {asked[name]!r} now."
            raise CollectError(what, hint="Choose another --out, or remove that folder.")
    progress.message(f"{out} is already collected.")
    return run


def _stop(processes: list[BaseProcess]) -> None:
    """Ask all that still run to write a checkpoint and leave; wait for them."""
    for process in processes:
        if process.is_alive():
            process.terminate()
    for process in processes:
        process.join()


def _check(processes: list[BaseProcess], stop: StopRequest, failure: Any) -> None:  # noqa: ANN401
    """Raise what ended the workers early."""
    ends = [process.exitcode for process in processes]
    if stop.name:
        what = f"Stopped by {stop.name}; what {len(processes)} workers have read is kept."
        raise InterruptedRunError(what, hint="Give the same command again: it goes on from there.")
    if not failure.empty():
        what = f"A worker failed: {failure.get()}"
        raise CollectError(what)
    for number, end in enumerate(ends):
        if end not in (0, _INTERRUPTED):
            how = signal.Signals(-end).name if end is not None and end < 0 else f"exit code {end}"
            what = f"Worker {number} of {len(processes)} died ({how})."
            hint = (
                "There may be too little memory: use fewer workers. The same command goes on from the checkpoints."
            )
            raise CollectError(what, hint=hint)


def _remove(folders: list[Path]) -> None:
    """Remove the merged shards: files written by this process's workers only."""
    for folder in folders:
        shutil.rmtree(folder)
    if not any(folders[0].parent.iterdir()):
        folders[0].parent.rmdir()


def _n_gpus() -> int:
    import torch

    return max(1, torch.cuda.device_count())


class _Counting(NullProgress):
    """Counts what all workers have done in one shared number."""

    def __init__(self, done: Any) -> None:  # noqa: ANN401 - multiprocessing's value has no public type
        self._done = done

    def task(self, name: str, *, total: float | None = None, unit: str = "") -> Any:  # noqa: ANN401
        """Open a task that counts."""
        from contextlib import nullcontext

        return nullcontext(_CountingTask(self._done))


class _CountingTask(NullTask):
    def __init__(self, done: Any) -> None:  # noqa: ANN401
        self._done = done

    def advance(self, n: float = 1) -> None:
        """Count."""
        lock: Lock = self._done.get_lock()
        with lock:
            self._done.value += int(n)


def _work(job: tuple[Any, ...], done: Any, failure: Any) -> None:  # noqa: ANN401
    """Collect one shard in a process of its own."""
    from neurolect.collector.corpus_pass import collect
    from neurolect.model import load_model

    model, corpus, folder, shard, options, model_options, device = job
    try:
        with stop_requests() as stop:
            loaded = load_model(model, options=model_options, device=device)
        if stop.name:
            sys.exit(_INTERRUPTED)
        collect(loaded, open_corpus(corpus), out=folder, options=options, progress=_Counting(done), shard=shard)
    except InterruptedRunError:
        sys.exit(_INTERRUPTED)
    except NeurolectError as error:
        failure.put(str(error))
        sys.exit(_FAILED)
