"""How many threads a forward pass takes: the last bits of matrix products depend on it."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch

from neurolect.collector.options import CollectOptions
from neurolect.progress import Progress
from neurolect.store.manifest import read_manifest

_SETTING = "OMP_NUM_THREADS"


def threads_used(device_type: str) -> int | None:
    """Say how many threads PyTorch computes with."""
    return torch.get_num_threads() if device_type == "cpu" else None


@contextmanager
def threads_of(folder: Path, *, progress: Progress) -> Iterator[None]:
    """Compute with as many threads as a run was begun with, while the block runs."""
    now = torch.get_num_threads()
    then = read_manifest(folder)["model"].get("threads") or now
    if then == now:
        yield
        return
    progress.message(f"The run was begun with {then} threads; it goes on with as many, not {now}.")
    torch.set_num_threads(then)
    try:
        yield
    finally:
        torch.set_num_threads(now)


def threads_each(n_cores: float, *, environment: Mapping[str, str] | None = None) -> int:
    """Say how many threads a worker with some cores of its own computes with.

    ``environment``: Where ``OMP_NUM_THREADS`` is looked up, which has the last word; the process's own when not
        given.

    Examples
    --------
    >>> threads_each(2.5, environment={}), threads_each(8, environment={"OMP_NUM_THREADS": "4"})
    (2, 4)
    """
    said = (os.environ if environment is None else environment).get(_SETTING, "").split(",")[0]
    return max(1, int(said) if said.isdecimal() else int(n_cores))


def share_tokenizers(options: CollectOptions, *, device: str, n_cores: float) -> CollectOptions:
    """Let a worker with a GPU tokenize in as many processes as it has cores to spare, unless a number is set."""
    if options.workers is not None or not device.startswith("cuda"):
        return options
    return replace(options, workers=max(1, min(15, int(n_cores) - 1)))


def n_own_cores() -> int:
    """Count the cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
