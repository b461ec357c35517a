"""Pool what the taps hand over into the columns of the activations."""

from typing import NamedTuple

import torch
from torch import Tensor

from neurolect.model.architecture.taps import Receiver
from neurolect.model.batching import Batch, PackedBatch, PaddedBatch
from neurolect.model.pooling.packed import Segments, pool_segments
from neurolect.model.pooling.padded import pool, spans_of


class DeviceActivations(NamedTuple):
    """Activations of a batch of sentences, where the network is."""

    values: Tensor
    """Float32, shape (n_sentences, n_neurons)."""

    tokens: Tensor | None
    """With max pooling the model token that gave the maximum, int16, same shape."""


def on_device(batch: Batch, device: torch.device) -> Batch:
    """Copy a batch to a device, through pinned memory, so that the host need not wait for the GPU."""

    def moved(part: Tensor) -> Tensor:
        pinned = part.pin_memory() if device.type == "cuda" and not part.is_cuda else part
        return pinned.to(device, non_blocking=True)

    if isinstance(batch, PackedBatch):
        ids, positions, bounds, first, end = (moved(part) for part in batch[:5])
        return PackedBatch(ids, positions, bounds, first, end, batch.longest)
    return PaddedBatch(*(moved(part) for part in batch))


def receiver_for(batch: Batch, *, pooling: str, offsets: list[int], out: DeviceActivations) -> Receiver:
    """Make what pools each tap's states of one batch."""
    values, tokens = out
    if isinstance(batch, PaddedBatch) and not batch.ids.is_cuda:
        return _padded_receiver(batch, pooling, offsets, out)
    segments = _segments_of(batch)

    def receive(number: int, states: Tensor) -> None:
        columns = slice(offsets[number], offsets[number + 1])
        at = None if tokens is None else tokens[:, columns]
        rows = states.reshape(-1, states.shape[-1])
        pool_segments(rows, segments=segments, pooling=pooling, out=values[:, columns], tokens=at)

    return receive


def _padded_receiver(batch: PaddedBatch, pooling: str, offsets: list[int], out: DeviceActivations) -> Receiver:
    values, tokens = out
    n_rows, longest = batch.ids.shape
    spans = spans_of(batch)

    def receive(number: int, states: Tensor) -> None:
        columns = slice(offsets[number], offsets[number + 1])
        if states.ndim == 2:
            # Some networks flatten sentences and tokens before their feed-forward part.
            states = states.view(n_rows, longest, -1)
        at = None if tokens is None else tokens[:, columns]
        pool(states, spans=spans, pooling=pooling, out=values[:, columns], tokens=at)

    return receive


def _segments_of(batch: Batch) -> Segments:
    if isinstance(batch, PackedBatch):
        origin = batch.bounds[:-1]
    else:
        n_rows, longest = batch.ids.shape
        origin = torch.arange(n_rows, device=batch.ids.device, dtype=torch.int32) * longest
    return Segments(origin, (origin + batch.first).to(torch.int32), (origin + batch.end).to(torch.int32))
