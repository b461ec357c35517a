"""Run whole chunks where the network is and leave the activations there.

The host only hands over the next batches; it waits for the device once a chunk, to see that all is finite.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neurolect.collector.device.transfers import OnItsWay
from neurolect.collector.feed.chunks import Chunk
from neurolect.corpus import Corpus
from neurolect.model.language_model import Model
from neurolect.model.pooling.receive import DeviceActivations
from neurolect.progress import Progress

_TRIAL = 128
_TRIAL_TOKENS = 4_096


def kept_on_device(keep_on: str, device: torch.device) -> torch.device | None:
    """Say where lists and moments are kept."""
    return device if keep_on == "device" or (keep_on == "auto" and device.type == "cuda") else None


class Launched:
    """A chunk whose forward passes the device was asked to run; the host has not waited for them.

    ``rows``: int64, shape (n,). Its sentences in the order of the batches, as rows of the chunk.
    """

    def __init__(self, model: Model, chunk: Chunk) -> None:
        self.chunk = chunk
        self.rows: NDArray[np.int64] = np.concatenate([np.empty(0, dtype=np.int64), *chunk.batches])
        self.activations = chunk_activations(model, chunk)
        self.looks: dict[str, OnItsWay | None] | None = None
        self._extremes = _extremes(self.activations)

    @property
    def finite(self) -> bool:
        """Whether no activation is NaN or infinite; waits for the device."""
        return self._extremes is None or bool(np.isfinite(self._extremes.array()).all())


@contextmanager
def undisturbed(device: torch.device | None) -> Iterator[None]:
    """Let the thread that drives a GPU have a processor at once whenever it wants one.

    Its work on the host is a thousand small things a chunk. Sharing each out among threads, or waiting 5 ms for
    Python's lock while another thread reads, costs a fifth of the speed.

    ``device``: Where the state is kept; nothing is changed but for a GPU.
    """
    if device is None or device.type != "cuda":
        yield
        return
    n_threads, interval = torch.get_num_threads(), sys.getswitchinterval()
    torch.set_num_threads(1)
    sys.setswitchinterval(2e-4)
    try:
        yield
    finally:
        torch.set_num_threads(n_threads)
        sys.setswitchinterval(interval)


def chunk_activations(model: Model, chunk: Chunk) -> DeviceActivations:
    """Run all batches of a chunk."""
    n_rows = sum(map(len, chunk.batches))
    shape = (n_rows, model.neurons.n_neurons)
    with_tokens = model.options.pooling == "max"
    values = torch.empty(shape, dtype=torch.float32, device=model.device)
    tokens = torch.empty(shape, dtype=torch.int16, device=model.device) if with_tokens else None
    at = 0
    for rows in chunk.batches:
        own = slice(at, at + len(rows))
        part = DeviceActivations(values[own], None if tokens is None else tokens[own])
        model.run(model.batch(chunk.tokens, rows), out=part)
        at += len(rows)
    return DeviceActivations(values, tokens)


def is_finite(activations: DeviceActivations) -> bool:
    """Say whether no activation is NaN or infinite; waits for the device."""
    extremes = _extremes(activations)
    return extremes is None or bool(np.isfinite(extremes.array()).all())


def _extremes(activations: DeviceActivations) -> OnItsWay | None:
    """Ask for the lowest and the highest; they keep NaN, and unlike a sum they do not overflow."""
    return OnItsWay(torch.stack(torch.aminmax(activations.values))) if len(activations.values) else None


def without_overflow(model: Model, corpus: Corpus, *, progress: Progress) -> Model:
    """Take a wider number format from the start where the first sentences already overflow."""
    if model.options.dtype != "auto" or model.dtype == "float32":
        return model
    texts: list[Any] = next(iter(corpus.batches(columns=["text"], batch_size=_TRIAL))).column("text").to_pylist()
    while True:
        tokens = model.tokenize(texts)
        rows: NDArray[np.int64] = np.setdiff1d(np.arange(len(texts)), tokens.empty)
        batches = model.way.plan(tokens, token_budget=_TRIAL_TOKENS) if model.unlike else [rows]
        if not len(rows) or all(is_finite(model.run(model.batch(tokens, each))) for each in batches):
            return model
        wider = model.wider()
        if wider is None:
            return model
        progress.message(f"{model.dtype} overflows in {model.name}; it runs in {wider.dtype}.")
        model = wider
