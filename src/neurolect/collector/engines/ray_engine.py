"""Collect on a cluster: Ray places a worker for every shard, starts lost ones again and carries what they found.

Every shard's state goes through Ray's object store; pairs of neighbours are merged where they lie, their results in
turn, and the last one is written by the process that began.
"""

import logging
import math
import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from neurolect.collector.engines.merging import shards_in_order, write_merged
from neurolect.collector.engines.ray_worker import Arrays, Job, Outcome, ShardWorker, merge_two
from neurolect.collector.feed.shards import Shard, check_shard
from neurolect.collector.held_out import joined_arrays
from neurolect.collector.options import CollectOptions
from neurolect.collector.process import StopRequest, share_tokenizers, stop_requests, threads_each
from neurolect.collector.record import finished_run
from neurolect.collector.state import CollectState, Plan
from neurolect.corpus import open_corpus
from neurolect.errors import CollectError, InterruptedRunError, require_extra
from neurolect.folders.remote import uploading
from neurolect.model import ModelOptions
from neurolect.progress import NullProgress, Progress, Task
from neurolect.store.manifest import RunManifest
from neurolect.store.run_folder import Run


# How the cores of some machines are shared out to workers.
def cores_each(cores: Sequence[float], n_workers: int) -> float:
    """Find the largest number of cores that every worker can have at the same time.

    Returns: Whole where there is a core or more for each; else the part of one that lets all work at once.

    Examples
    --------
    >>> cores_each([16, 16], 4), cores_each([16, 4], 5), cores_each([2], 4)
    (8, 4, 0.5)
    """
    for n in range(int(max(cores, default=0)), 0, -1):
        if sum(int(each // n) for each in cores) >= n_workers:
            return n
    whole = sum(int(each) for each in cores)
    return 1 / math.ceil(n_workers / max(1, whole))


# How far the workers of a cluster are.
#
# A module of its own that loads nothing: the process that keeps the tally needs neither PyTorch nor its memory.
class Tally:
    """How far every shard is, and whether all are to stop."""

    def __init__(self) -> None:
        self._done: dict[int, int] = {}
        self._stop = False

    def report(self, number: int, n_sentences: int) -> bool:
        """Take in what a worker has read.

        ``n_sentences``: Sentences read in all; a worker that was lost and started again may have fewer than before.
        """
        self._done[number] = n_sentences
        return self._stop

    def n_done(self) -> int:
        """Give the sentences that all have read."""
        return sum(self._done.values())

    def stop(self) -> None:
        """Have every worker stop at its next report."""
        self._stop = True


_RETRIES = 3
_POLL = 0.3
_PATIENCE = 10.0


@uploading
def collect_ray(
    model: str,
    corpus: str | Path,
    *,
    out: str | Path,
    workers: int | None = None,
    address: str | None = None,
    options: CollectOptions | None = None,
    model_options: ModelOptions | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Run:
    """Collect with the workers of a Ray cluster, one a GPU or one a group of cores.

    A shard lies in ``<out>-shards`` of the machine that collects it. A worker that is lost is started again by Ray,
    three times at most, and resumes from its checkpoint where it finds one: on the same machine or a shared disk.

    ``out``: The run folder to write, on this machine, or its URL.
    ``workers``: Shards, each a worker's. When not given one for every GPU of the cluster, or for every machine if
        ``device`` is ``cpu``. More than fit at once take turns.
    ``address``: Of a cluster, as ``ray.init`` takes it. When not given ``RAY_ADDRESS``, or a cluster of this
        machine alone.
    """
    options, progress = options or CollectOptions(), progress or NullProgress()
    ray = require_extra("ray", extra="ray", purpose="for --engine ray")
    out = Path(out).absolute()
    opened = open_corpus(corpus)
    asked: dict[str, Any] = {"options": options, "model_options": model_options or ModelOptions()}
    if (run := finished_run(out, model=model, corpus=opened, **asked)) is not None:
        progress.message(f"{out} is already collected.")
        return run
    n_sentences = min(opened.n_mining, options.limit or opened.n_mining)
    with _cluster(ray, address):
        share = _share_of(_machines(ray), workers, device=device)
        check_shard(Shard(0, share.workers), options.on_device(device), n_sentences=n_sentences)
        jobs = _jobs(model, opened.location, out, share, options, model_options, device)
        with _started(ray, jobs, share) as actors:
            with progress.task("collect", total=n_sentences, unit="sentences") as task, stop_requests() as stop:
                states, manifests = _collect(ray, actors, stop, task)
            shards_in_order(dict(zip([Path(job.folder) for job in jobs], manifests, strict=True)))

            arrays: Arrays = {}

            def merged(plan: Plan) -> CollectState:
                arrays.update(_in_a_tree(ray, plan, states, progress))
                return CollectState.from_arrays(arrays, plan=plan)

            def held_out() -> Arrays:
                return joined_arrays([arrays])

            run = write_merged(manifests, merged, held_out, out=out, corpus=opened, progress=progress)
            ray.get([actor.forget.remote() for actor in actors.workers])
        return run


class _Share(NamedTuple):
    """What of the cluster each worker has."""

    workers: int
    cores: float
    gpus: int


class _Actors(NamedTuple):
    workers: list[Any]
    tally: Any


class _Machine(NamedTuple):
    cores: float
    gpus: float


@contextmanager
def _cluster(ray: ModuleType, address: str | None) -> Iterator[None]:
    """Connect to a cluster, or start one here; one that was connected to before is left so."""
    if ray.is_initialized():
        yield
        return
    try:
        _knock(address)
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, ValueError, RuntimeError) as error:
        what = f"The Ray cluster {address or 'of this machine'} cannot be reached: {str(error).splitlines()[0]}"
        hint = "Give --ray-address auto on a machine of the cluster, or HOST:PORT as `ray start --head` printed it."
        raise CollectError(what, hint=hint) from error
    try:
        yield
    finally:
        ray.shutdown()


def _knock(address: str | None) -> None:
    """Raise OSError where nobody listens at HOST:PORT; Ray takes minutes to notice."""
    host, _, port = (address or "").rpartition(":")
    if host and "/" not in host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=_PATIENCE).close()


def _machines(ray: ModuleType) -> list[_Machine]:
    alive = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    return [_Machine(each.get("CPU", 0.0), each.get("GPU", 0.0)) for each in alive]


def _share_of(machines: Sequence[_Machine], workers: int | None, *, device: str) -> _Share:
    """Share the cluster out: a GPU a worker, or a group of cores."""
    if not device.startswith("cuda"):
        n_workers = workers if workers is not None else sum(each.cores >= 1 for each in machines)
        return _Share(n_workers, cores_each([each.cores for each in machines], max(1, n_workers)), 0)
    with_gpu = [each for each in machines if each.gpus >= 1]
    if not with_gpu:
        what = f"The Ray cluster has {len(machines)} machines and no GPU."
        raise CollectError(what, expected="a GPU, as --device cuda asks for", hint="--device cpu works anywhere.")
    n_gpus = int(sum(each.gpus for each in with_gpu))
    cores = min(each.cores // each.gpus for each in with_gpu)
    return _Share(workers if workers is not None else n_gpus, max(1, int(cores)), 1)


def _jobs(
    model: str,
    corpus: str,
    out: Path,
    share: _Share,
    options: CollectOptions,
    model_options: ModelOptions | None,
    device: str,
) -> list[Job]:
    """Say what each worker is to do."""
    folder = Path(model).expanduser()
    model = str(folder.resolve()) if folder.is_dir() else model
    options = share_tokenizers(options, device=device, n_cores=share.cores)
    return [
        Job(
            model=model,
            corpus=corpus,
            folder=str(out.with_name(f"{out.name}-shards") / f"{number}-of-{share.workers}"),
            shard=Shard(number, share.workers),
            options=options,
            model_options=model_options,
            device=device,
            n_threads=threads_each(share.cores),
        )
        for number in range(share.workers)
    ]


class _Report:
    """Reports to the tally from another machine."""

    def __init__(self, tally: Any) -> None:  # noqa: ANN401 - Ray makes the class of its handles as it runs
        self._tally = tally

    def __call__(self, number: int, n_sentences: int) -> bool:
        """Report, and wait for the answer."""
        import ray

        return bool(ray.get(self._tally.report.remote(number, n_sentences)))


@contextmanager
def _started(ray: ModuleType, jobs: Sequence[Job], share: _Share) -> Iterator[_Actors]:
    """Have Ray place the workers; it starts lost ones again and gives them their task again.

    At the end, whatever it is, they give back what they hold of the cluster: an error that somebody still looks at
    would keep them alive.
    """
    tally = ray.remote(Tally).options(num_cpus=0, max_restarts=-1, max_task_retries=-1).remote()
    made = ray.remote(ShardWorker).options(
        num_cpus=share.cores,
        num_gpus=share.gpus,
        max_restarts=_RETRIES,
        max_task_retries=_RETRIES,
        scheduling_strategy="SPREAD",
    )
    actors = _Actors([made.remote(job, _Report(tally)) for job in jobs], tally)
    try:
        yield actors
    finally:
        for each in (*actors.workers, actors.tally):
            with suppress(ray.exceptions.RayError):  # the cluster may be what was lost
                ray.kill(each)


def _collect(
    ray: ModuleType, actors: _Actors, stop: StopRequest, task: Task
) -> tuple[list[Any], list[RunManifest]]:
    """Wait for all workers; give the places of their states, and their manifests."""
    pairs = [actor.collect.options(num_returns=2).remote() for actor in actors.workers]
    pending, shown, failed = [outcome for outcome, _ in pairs], 0, None
    asked = False
    try:
        while pending:
            ready, pending = ray.wait(pending, num_returns=len(pending), timeout=_POLL)
            failed = failed or next((each for each in ray.get(ready) if each.manifest is None), None)
            done = ray.get(actors.tally.n_done.remote())
            task.advance(done - shown)
            shown = done
            if (stop.name or failed) and not asked:
                ray.get(actors.tally.stop.remote())
                asked = True
        outcomes: list[Outcome] = ray.get([outcome for outcome, _ in pairs])
    except ray.exceptions.RayTaskError as error:
        what = f"A worker failed: {error.cause!r}"
        raise CollectError(what, hint="The same command resumes from the checkpoints that it finds.") from error
    except ray.exceptions.RayError as error:
        raise _lost(str(error)) from error
    if stop.name:
        what = f"Stopped by {stop.name}; what {len(pairs)} workers have read is kept."
        raise InterruptedRunError(what, hint="Give the same command again: it resumes from there.")
    if failed is not None:
        what = f"A worker failed: {failed.failure}"
        raise CollectError(what, hint="The same command resumes from the checkpoints that it finds.")
    return [state for _, state in pairs], [each.manifest for each in outcomes if each.manifest is not None]


def _lost(said: str) -> CollectError:
    """Say in a few words what Ray says in many of a worker that did not come back."""
    lines = [line for line in re.sub(r"\x1b\[\d*m", "", said).splitlines() if line.strip()] or [""]
    if "creation task" in lines[0]:
        what = f"A worker could not start: {lines[-1].strip()}"
        hint = "neurolect and the packages it needs must be there on every machine of the cluster, in one version."
    else:
        what = f"A worker was lost, and Ray gave up after {_RETRIES} new starts: {lines[0]}"
        hint = "There may be too little memory. The same command resumes from the checkpoints that it finds."
    return CollectError(what, hint=hint)


def _in_a_tree(ray: ModuleType, plan: Plan, states: list[Any], progress: Progress) -> Arrays:
    """Merge neighbours, and what comes of it in turn, wherever they lie; fetch the last."""
    # The workers hold the cores, but are idle now.
    merge = ray.remote(merge_two).options(num_cpus=0)
    merges = []
    while len(states) > 1:
        merged = [merge.remote(plan, one, other) for one, other in zip(states[::2], states[1::2], strict=False)]
        merges += merged
        states = merged + states[2 * len(merged) :]
    with progress.task("merge", total=len(merges), unit="merges") as task:
        pending = merges
        while pending:
            ready, pending = ray.wait(pending)
            task.advance(len(ready))
    arrays: Arrays = ray.get(states[0])
    return arrays
