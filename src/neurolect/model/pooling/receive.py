"""Pool what the taps hand over into the columns of the activations."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from neurolect.model.architecture.taps import Receiver
from neurolect.model.batching import Batch, PackedBatch, PaddedBatch
from neurolect.model.pooling.packed import Segments, pool_segments, triton_here
from neurolect.model.pooling.padded import pool, spans_of


class Seen(NamedTuple):
    """What a site and layer gave for a batch, and what was pooled of it."""

    columns: slice
    """Its neurons."""
    states: Tensor
    """What it gave at every token of the batch, shape (R, W)."""
    segments: Segments
    """Which of these are whose."""
    values: Tensor
    """Float32, shape (B, W): pooled activations."""
    tokens: Tensor | None
    """With max pooling the token of each, its complement where the neuron's gate is negative."""
    lows: Tensor | None
    low_tokens: Tensor | None
    """The lowest values and their tokens, where they are pooled too."""


Watch = Callable[[Seen], None]
"""Looks at the states of every site and layer while they are there."""


class DeviceActivations(NamedTuple):
    """Activations of a batch of sentences, where the network is."""

    values: Tensor
    """Float32, shape (n_sentences, n_neurons)."""

    tokens: Tensor | None
    """With max pooling the model token that gave the maximum, int16, same shape; where the neuron's gate is
    negative there, the number's complement (``~token``, below 0)."""

    lows: Tensor | None = None
    """The lowest value of every sentence's tokens, where that is wanted."""

    low_tokens: Tensor | None = None
    """Its token, as ``tokens``."""

    watch: Watch | None = None
    """What is shown the states, where anything is."""

    reach: tuple[Tensor, Tensor] | None = None
    """With lowest values, what a neuron's highest must reach, and its lowest with the other sign, for anyone to ask
    for the gate there: float32, shape (n_neurons,) each. All are asked for where there is none."""

    def of_rows(self, rows: slice, *, watch: Watch | None) -> "DeviceActivations":
        """Give the room of some sentences."""
        tokens, lows, low_tokens = (None if each is None else each[rows] for each in self[1:4])
        return DeviceActivations(self.values[rows], tokens, lows, low_tokens, watch, self.reach)


def room_for(
    shape: tuple[int, int], *, device: torch.device, tokens: bool, lows: bool = False
) -> DeviceActivations:
    """Make room for the activations of (n_sentences, n_neurons)."""

    def empty(dtype: torch.dtype) -> Tensor:
        return torch.empty(shape, dtype=dtype, device=device)

    return DeviceActivations(
        empty(torch.float32),
        empty(torch.int16) if tokens else None,
        empty(torch.float32) if lows else None,
        empty(torch.int16) if lows else None,
    )


def on_device(batch: Batch, device: torch.device) -> Batch:
    """Copy a batch to a device, through pinned memory, so that the host need not wait for the GPU."""

    def moved(part: Tensor) -> Tensor:
        pinned = part.pin_memory() if device.type == "cuda" and not part.is_cuda else part
        return pinned.to(device, non_blocking=True)

    if isinstance(batch, PackedBatch):
        ids, positions, bounds, first, end = (moved(part) for part in batch[:5])
        return PackedBatch(ids, positions, bounds, first, end, batch.longest)
    return batch.moved(moved)


def receiver_for(
    batch: Batch,
    *,
    pooling: str,
    offsets: list[int],
    out: DeviceActivations,
    gates: dict[int, Tensor] | None = None,
) -> Receiver:
    """Make what pools each tap's states of one batch.

    ``gates``: Where the states of a tap's gates are when the tap is received; taken out then.
    """
    pool_into = _padded(batch, pooling) if isinstance(batch, PaddedBatch) and not batch.ids.is_cuda else None
    segments = _segments_of(batch)

    def receive(number: int, states: Tensor) -> None:
        columns = slice(offsets[number], offsets[number + 1])
        rows = states.reshape(-1, states.shape[-1]).to(out.values.device)
        values, tokens, lows, low_tokens = (None if each is None else each[:, columns] for each in out[:4])

        def pooled(given: Tensor, into: Tensor, at: Tensor | None) -> None:
            if pool_into is not None:
                pool_into(given, into, at)
            else:
                pool_segments(given, segments=segments, pooling=pooling, out=into, tokens=at)

        found = (gates or {}).pop(number, None)
        # blocks of one network may be on several devices; activations, and what is made of them, are on one
        gate = None if found is None else found.reshape(-1, found.shape[-1]).to(out.values.device)
        if values is not None and pooling == "max" and rows.is_cuda and triton_here():
            from neurolect.model.pooling import kernels

            reach = None if out.reach is None or lows is None else (out.reach[0][columns], out.reach[1][columns])
            kernels.pool_max(
                rows,
                *segments,
                out=values,
                tokens=tokens,
                lows=lows,
                low_tokens=low_tokens,
                gate=gate,
                reach=reach,
            )
            gate = None  # done
        elif values is not None:
            pooled(rows, values, tokens)
            if lows is not None:
                pooled(-rows, lows, low_tokens)
                torch.sub(0.0, lows, out=lows)
        for at in (tokens, low_tokens):
            if gate is not None and at is not None:
                _mark_negative(at, gate, segments)
        if out.watch is not None and values is not None:
            out.watch(Seen(columns, rows, segments, values, tokens, lows, low_tokens))

    return receive


def _mark_negative(tokens: Tensor, gate: Tensor, segments: Segments) -> None:
    """Turn the numbers of tokens at which the gate is negative into their complements."""
    rows = segments.origin.to(torch.int64)[:, None] + tokens
    tokens.copy_(torch.where(gate.gather(0, rows) < 0, ~tokens, tokens))


def _padded(batch: PaddedBatch, pooling: str) -> Callable[[Tensor, Tensor, Tensor | None], None]:
    """Pool sentences side by side."""
    n_rows, longest = batch.ids.shape
    spans = spans_of(batch)

    def pool_into(states: Tensor, into: Tensor, at: Tensor | None) -> None:
        # some networks flatten sentences and tokens before their feed-forward part
        pool(states.reshape(n_rows, longest, -1), spans=spans, pooling=pooling, out=into, tokens=at)

    return pool_into


def _segments_of(batch: Batch) -> Segments:
    if isinstance(batch, PackedBatch):
        origin = batch.bounds[:-1]
    else:
        n_rows, longest = batch.ids.shape
        origin = torch.arange(n_rows, device=batch.ids.device, dtype=torch.int32) * longest
    return Segments(origin, (origin + batch.first).to(torch.int32), (origin + batch.end).to(torch.int32))
