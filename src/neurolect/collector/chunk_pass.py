"""Run blocks of a chunk's batches where the network is and leave the activations there.

The host only hands over the next batches; it waits for the device once a block, to see that all is finite.
"""

import sys
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neurolect.collector.device.peaks import watch_for
from neurolect.collector.device.transfers import OnItsWay
from neurolect.collector.feed.chunks import Chunk
from neurolect.collector.state import CollectState, new_peaks
from neurolect.corpus import Corpus
from neurolect.model.batching import Batch
from neurolect.model.language_model import Model
from neurolect.model.pooling.receive import DeviceActivations, room_for
from neurolect.progress import Progress

_CUDA: Any = torch.cuda
_TRIAL = 128
_TRIAL_TOKENS = 4_096


def kept_on_device(keep_on: str, device: torch.device) -> torch.device | None:
    """Say where lists and moments are kept."""
    return device if keep_on == "device" or (keep_on == "auto" and device.type == "cuda") else None


_BLOCK_BYTES = 1 << 30
"""Activations taken in at once: whole chunks of small networks, single batches of large ones."""


_TOKENS_EACH = 16
"""Model tokens of a sentence at least, on average over a batch."""


def block_bytes(n_neurons: int, *, token_budget: int) -> int:
    """Bound the bytes of a block's activations and tokens, of batches of not too short sentences."""
    return max(_BLOCK_BYTES * 3 // 2, 6 * n_neurons * token_budget // _TOKENS_EACH)


def blocks_of(batches: Sequence[NDArray[np.int64]], *, n_neurons: int) -> list[tuple[int, int]]:
    """Cut a chunk's batches into blocks that are taken in at once, by sizes alone: a resumed pass does the same.

    Returns: First batch of each, and one past its last; one empty block for a chunk without batches.

    Examples
    --------
    >>> blocks_of([np.arange(2_000)] * 5, n_neurons=65_536)
    [(0, 2), (2, 4), (4, 5)]
    """
    most = _BLOCK_BYTES // (4 * max(n_neurons, 1))
    blocks, start, n_rows = [], 0, 0
    for number, rows in enumerate(batches):
        if number > start and n_rows + len(rows) > most:
            blocks.append((start, number))
            start, n_rows = number, 0
        n_rows += len(rows)
    return [*blocks, (start, len(batches))]


class Launched:
    """Some batches of a chunk whose forward passes the device was asked to run; the host has not waited for them.

    ``first, end``: The first of the batches, and one past the last.
    ``rows``: int64, shape (n,). Its sentences in the order of the batches, as rows of the chunk.
    ``state``: What they will be taken into.
    """

    def __init__(self, model: Model, chunk: Chunk, first: int, end: int, *, state: CollectState) -> None:
        self.chunk, self.first, self.end, self._state = chunk, first, end, state
        self.rows: NDArray[np.int64] = np.concatenate([np.empty(0, dtype=np.int64), *chunk.batches[first:end]])
        self.sentence_ids: NDArray[np.int64] = chunk.sentences.column("sentence_id").to_numpy()[self.rows]
        self.activations = self.run_by(model)
        self.looks: dict[str, OnItsWay | None] | None = None
        self._extremes = _extremes(self.activations)
        self.ran: Any = None
        """When the device was through, where it is a GPU."""
        if self.activations.values.is_cuda:
            self.ran = _CUDA.Event()
            self.ran.record(_CUDA.current_stream(model.device))

    @property
    def ends_chunk(self) -> bool:
        """Whether the chunk's last batch is among them."""
        return self.end == len(self.chunk.batches)

    def run_by(self, model: Model, *, careful: bool = False) -> DeviceActivations:
        """Run the batches; what is kept about their firing tokens is in ``peaks``.

        ``careful``: Whether sentences that are not finite are looked for, layer by layer. They are rare: packed
            batches that have any are run again.
        """
        shape, plan = (len(self.rows), model.neurons.n_neurons), self._state.plan
        made = room_for(shape, device=model.device, tokens=plan.with_tokens, lows=plan.by_minimum)
        made = made._replace(reach=self._state.reach)
        self.peaks = new_peaks(plan, model.device, floor=self._state.peaks)
        careful = careful or not model.way.packed
        at = 0
        for rows in self.chunk.batches[self.first : self.end]:
            own = slice(at, at + len(rows))
            watch = watch_for(self.peaks, self.sentence_ids[own], device=model.device, careful=careful)
            model.run(model.batch(self.chunk.tokens, rows), out=made.of_rows(own, watch=watch))
            at += len(rows)
        return made

    @property
    def finite(self) -> bool:
        """Whether no activation is NaN or infinite; waits for the device."""
        return self._extremes is None or bool(np.isfinite(self._extremes.array()).all())


_HELD_BYTES = 6 << 30


class Aside:
    """The stream of a GPU in which the state takes blocks in: forward passes need not wait for it, nor it for them.

    A block is kept until the GPU is done with it: what forward passes allocate must not be put in its place.

    ``device``: Where the state is kept; nothing but a GPU has streams.
    """

    def __init__(self, device: torch.device | None) -> None:
        self._stream: Any = None
        self._held: deque[tuple[Any, Launched]] = deque()
        if device is not None and device.type == "cuda":
            # waits for what made the state; what it does is little, and comes first
            self._stream = _CUDA.Stream(device, priority=-1)
            self._stream.wait_stream(torch.cuda.current_stream(device))

    def depth(self, block: Launched) -> int:
        """Say how many blocks like this one are launched before the first of them is taken in."""
        held = sum(each.numel() * each.element_size() for each in block.activations[:4] if each is not None)
        return 1 if self._stream is None else max(1, min(3, _HELD_BYTES // max(1, held)))

    @contextmanager
    def after(self, block: Launched | None = None) -> Iterator[None]:
        """Let the device do what it is asked for inside the ``with`` in that stream, after a block has run."""
        if self._stream is None:
            yield
            return
        with torch.cuda.stream(self._stream):
            if block is not None:
                self._stream.wait_event(block.ran)
            yield
            if block is not None:
                self._hold(block)

    def _hold(self, block: Launched) -> None:
        """Keep a block until it is taken in, and let go of those that are."""
        done = _CUDA.Event()
        done.record(self._stream)
        self._held.append((done, block))
        while self._held and (len(self._held) > 2 or self._held[0][0].query()):
            event, _ = self._held[0]
            event.synchronize()
            self._held.popleft()

    def end(self) -> None:
        """Wait until all is taken in."""
        if self._stream is not None:
            self._stream.synchronize()
        self._held.clear()


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


def is_finite(activations: DeviceActivations) -> bool:
    """Say whether no activation is NaN or infinite; waits for the device."""
    extremes = _extremes(activations)
    return extremes is None or bool(np.isfinite(extremes.array()).all())


def _extremes(activations: DeviceActivations) -> OnItsWay | None:
    """Ask for the lowest and the highest; they keep NaN, and unlike a sum they do not overflow."""
    if not len(activations.values):
        return None
    found = [each for each in (activations.values, activations.lows) if each is not None]
    return OnItsWay(torch.stack([end for each in found for end in torch.aminmax(each)]))


def compile_ahead(model: Model, batch: Batch, state: CollectState) -> None:
    """Have the kernels of firing tokens and lowest values compiled on a GPU before the first sentence is read."""
    if state.device is None or state.device.type != "cuda":
        return
    plan, n = state.plan, len(batch.first)
    made = room_for((n, plan.n_neurons), device=model.device, tokens=plan.with_tokens, lows=plan.by_minimum)
    peaks, others = (new_peaks(plan, model.device, floor=state.peaks) for _ in range(2))
    watch = watch_for(peaks, np.arange(n, dtype=np.int64), device=model.device, careful=not model.way.packed)
    model.run(batch, out=made._replace(watch=watch, reach=state.reach))
    for side, own in peaks.items():
        others[side].merge(own)


def without_overflow(model: Model, corpus: Corpus, *, progress: Progress) -> Model:
    """Take a wider number format from the start where the first sentences already overflow."""
    if model.options.dtype != "auto" or model.dtype == "float32":
        return model
    sentences = next(iter(corpus.batches(columns=["text", *model.source_columns], batch_size=_TRIAL)))
    while True:
        tokens = model.tokenize_table(sentences)
        rows: NDArray[np.int64] = np.setdiff1d(np.arange(len(sentences)), tokens.empty)
        batches = model.way.plan(tokens, token_budget=_TRIAL_TOKENS) if model.unlike else [rows]
        if not len(rows) or all(is_finite(model.run(model.batch(tokens, each))) for each in batches):
            return model
        wider = model.wider()
        if wider is None:
            return model
        progress.message(f"{model.dtype} overflows in {model.name}; it runs in {wider.dtype}.")
        model = wider
