"""Pool the tokens of every sentence where sentences lie end to end.

Dims: R token rows, S sentences, W neurons. A padded batch of B sentences of T tokens is R = B * T rows with gaps.
"""

from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor


# Whether kernels written in Triton can run here.
@cache
def triton_here() -> bool:
    """Say whether Triton is there and knows this GPU; a PyTorch for GPUs brings it."""
    from torch.utils._triton import has_triton

    return bool(has_triton())


class Segments(NamedTuple):
    """Which rows belong to which sentence."""

    origin: Tensor
    """Row of every sentence's first token, int32, shape (S,)."""

    start: Tensor
    """Row of its first pooled token, int32, shape (S,)."""

    stop: Tensor
    """One past the row of its last pooled token, int32, shape (S,); greater than ``start``."""


def pool_segments(
    states: Tensor, *, segments: Segments, pooling: str, out: Tensor, tokens: Tensor | None = None
) -> None:
    """Pool one layer, in float32 whatever the states' dtype.

    ``states``: Tensor, shape (R, W). What the site gave at every token.
    ``out``: Tensor, float32, shape (S, W). Filled with the activations; may be a slice of columns.
    ``tokens``: Tensor, int16, shape (S, W). With ``max``, filled with the token that gave the maximum, counted from
        the sentence's first; the earliest one on ties.
    """
    if pooling in ("first", "last"):
        rows = segments.start if pooling == "first" else segments.stop - 1
        out.copy_(states.index_select(0, rows))
    elif states.is_cuda and triton_here():
        from neurolect.model.pooling import kernels as segment_kernels

        if pooling == "mean":
            segment_kernels.pool_mean(states, segments.start, segments.stop, out=out)
        else:
            segment_kernels.pool_max(states, *segments, out=out, tokens=tokens)
    else:
        pool_segments_plain(states, segments=segments, pooling=pooling, out=out, tokens=tokens)


def pool_segments_plain(
    states: Tensor, *, segments: Segments, pooling: str, out: Tensor, tokens: Tensor | None = None
) -> None:
    """Pool mean or max without the fused kernel; parameters as for :func:`pool_segments`."""
    lengths = (segments.stop - segments.start).to(torch.int64)
    n_rows = int(lengths.sum())
    sentence = torch.repeat_interleave(
        torch.arange(len(lengths), device=states.device), lengths, output_size=n_rows
    )
    before = torch.cumsum(lengths, 0) - lengths
    row = torch.arange(n_rows, device=states.device) + (segments.start - before)[sentence]
    inside = states[row].to(torch.float32)
    if pooling == "mean":
        sums = torch.zeros(out.shape, dtype=torch.float32, device=states.device).index_add_(0, sentence, inside)
        out.copy_(sums / lengths[:, None])
        return
    where = sentence[:, None].expand(-1, states.shape[1])
    highest = torch.full(out.shape, -torch.inf, device=states.device)
    highest.scatter_reduce_(0, where, inside, reduce="amax")
    out.copy_(highest)
    if tokens is not None:
        place = (row - segments.origin[sentence])[:, None].to(torch.int32).expand(inside.shape)
        far = torch.full_like(place, torch.iinfo(torch.int16).max)
        # NaN equals nothing: such neurons are reported as not finite, their token is as good as any: the first.
        at = torch.where(inside == highest[sentence], place, far)
        earliest = torch.full(out.shape, torch.iinfo(torch.int16).max, dtype=torch.int32, device=states.device)
        earliest.scatter_reduce_(0, where, at, reduce="amin")
        tokens.copy_(torch.where(torch.isnan(highest), (segments.start - segments.origin)[:, None], earliest))
