"""Pool the states of a sentence's tokens into one number for each neuron.

Dims: B sentences, T tokens of the longest, W neurons. Knows tensors only.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from neurolect.model.batching import PaddedBatch


class Spans(NamedTuple):
    """Which tokens of a batch are pooled, in the shapes that pooling needs; made once for all layers."""

    rows: Tensor
    """0 to B - 1, int64, shape (B,)."""

    first: Tensor
    """First pooled token, int64, shape (B,)."""

    last: Tensor
    """Last pooled token, int64, shape (B,)."""

    weights: Tensor
    """1 / number of pooled tokens at these, else 0: float32, shape (B, 1, T)."""

    outside: Tensor
    """True where a token is not pooled, bool, shape (B, T, 1)."""

    countdown: Tensor
    """T, T - 1, ..., 1: the earlier the token the greater; uint8 or int16, shape (1, T, 1)."""


def spans_of(batch: PaddedBatch) -> Spans:
    """Prepare the pooling of a batch."""
    n_rows, longest = batch.ids.shape
    device = batch.ids.device
    columns = torch.arange(longest, device=device)
    inside = (columns >= batch.first[:, None]) & (columns < batch.end[:, None])
    share = 1.0 / (batch.end - batch.first).to(torch.float32)
    small = torch.uint8 if longest <= 255 else torch.int16
    return Spans(
        rows=torch.arange(n_rows, device=device),
        first=batch.first,
        last=batch.end - 1,
        weights=(inside * share[:, None])[:, None, :],
        outside=~inside[:, :, None],
        countdown=torch.arange(longest, 0, -1, device=device).to(small)[None, :, None],
    )


def pool(states: Tensor, *, spans: Spans, pooling: str, out: Tensor, tokens: Tensor | None = None) -> None:
    """Pool one layer, in float32 whatever the states' dtype.

    ``states``: Tensor, shape (B, T, W). What the site gave at every token.
    ``out``: Tensor, float32, shape (B, W). Filled with the activations.
    ``tokens``: Tensor, int16, shape (B, W). With ``max``, filled with the token that gave the maximum, counted from
        0 with special tokens; the earliest one on ties.
    """
    value, token = pooled(states, spans=spans, pooling=pooling, positions=tokens is not None)
    # writing into `out` by hand is faster than bmm's own out= argument, which copies where `out` is a slice
    out.copy_(value)
    if tokens is not None and token is not None:
        tokens.copy_(token)


def pooled(states: Tensor, *, spans: Spans, pooling: str, positions: bool = True) -> tuple[Tensor, Tensor | None]:
    """Pool one layer into new tensors, as :func:`pool` does.

    ``states``: Tensor, shape (B, T, W). What the site gave at every token.
    ``positions``: Whether the token of the maximum is wanted.
    Returns: values: Tensor, shape (B, W). Float32 for the mean, else of the states' dtype.
    Returns: tokens: Tensor or None. With ``max`` and if wanted, an integer tensor of the same shape.
    """
    if pooling == "mean":
        # a product with weights reads the states once and keeps nothing
        return torch.bmm(spans.weights, states.to(torch.float32))[:, 0], None
    if pooling == "max":
        return _pool_max(states, spans, positions=positions)
    return states[spans.rows, spans.first if pooling == "first" else spans.last], None


def _pool_max(states: Tensor, spans: Spans, *, positions: bool) -> tuple[Tensor, Tensor | None]:
    # torch.max with positions along the middle axis is not vectorised on CPUs; maximum, comparison and a
    # second maximum over a countdown take about half its time and settle ties by design.
    inside = states.masked_fill(spans.outside, -torch.inf)
    highest = inside.amax(dim=1, keepdim=True)
    if not positions:
        return highest[:, 0], None
    countdown = ((inside == highest) * spans.countdown).amax(dim=1).to(torch.int32)
    # NaN equals nothing: its position is 0, as good as any; such neurons are reported as not finite.
    return highest[:, 0], torch.where(countdown > 0, states.shape[1] - countdown, 0)
