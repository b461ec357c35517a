"""The fused pooling kernels for GPUs: every state is read once, sums and maxima stay in registers."""

import torch
import triton
import triton.language as tl
from torch import Tensor

_ROWS = 32
_COLUMNS = 128
_COLUMNS_OF_MAXIMA = 512
"""Two warps, each thread of which goes through the tokens of its own columns: nothing is shared between them."""


def pool_mean(states: Tensor, start: Tensor, stop: Tensor, *, out: Tensor) -> None:
    """Pool means; parameters as for ``pool_segments``, the parts of its segments one by one."""
    states = states if states.stride(1) == 1 else states.contiguous()
    n_sentences, width = out.shape
    with torch.cuda.device(states.device):
        _pool_mean[(n_sentences, triton.cdiv(width, _COLUMNS))](
            states,
            start,
            stop,
            out,
            width,
            states.stride(0),
            out.stride(0),
            ROWS=_ROWS,
            COLUMNS=_COLUMNS,
            num_warps=1,
        )


def pool_max(
    states: Tensor,
    origin: Tensor,
    start: Tensor,
    stop: Tensor,
    *,
    out: Tensor,
    tokens: Tensor | None,
    lows: Tensor | None = None,
    low_tokens: Tensor | None = None,
    gate: Tensor | None = None,
    reach: tuple[Tensor, Tensor] | None = None,
) -> None:
    """Pool maxima, and minima in the same reading.

    ``lows, low_tokens``: Like ``out`` and ``tokens``, of the lowest values.
    ``gate``: Tensor of the states' shape. Where it is negative at a token that is given, the complement is.
    ``reach``: float32, shape (W,), each. With minima, the gate is looked at only of maxima, and of minima of the
        other sign, that are as high.
    """
    states = states if states.stride(1) == 1 else states.contiguous()
    gate = gate if gate is None or gate.stride(1) == 1 else gate.contiguous()
    n_sentences, width = out.shape
    with torch.cuda.device(states.device):
        _pool_max[(n_sentences, triton.cdiv(width, _COLUMNS_OF_MAXIMA))](
            states,
            origin,
            start,
            stop,
            out,
            out if tokens is None else tokens,
            out if lows is None else lows,
            out if low_tokens is None else low_tokens,
            states if gate is None else gate,
            out if reach is None else reach[0],
            out if reach is None else reach[1],
            width,
            states.stride(0),
            out.stride(0),
            0 if tokens is None else tokens.stride(0),
            0 if lows is None else lows.stride(0),
            0 if low_tokens is None else low_tokens.stride(0),
            0 if gate is None else gate.stride(0),
            TOKENS=tokens is not None,
            LOWS=lows is not None and low_tokens is not None,
            GATED=gate is not None and tokens is not None,
            CHOSEN=reach is not None,
            COLUMNS=_COLUMNS_OF_MAXIMA,
            num_warps=2,
        )


@triton.jit
def _pool_mean(
    states: "Tensor",
    start: "Tensor",
    stop: "Tensor",
    out: "Tensor",
    width: "int",
    states_stride: "int",
    out_stride: "int",
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
) -> None:
    """Pool one sentence and ``COLUMNS`` neurons, ``ROWS`` tokens at a time."""
    sentence = tl.program_id(0).to(tl.int64)
    columns = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    wanted = columns < width
    low = tl.load(start + sentence).to(tl.int64)
    high = tl.load(stop + sentence).to(tl.int64)
    pooled = tl.zeros([COLUMNS], dtype=tl.float32)
    for at in range(low, high, ROWS):
        rows = at + tl.arange(0, ROWS)
        inside = (rows < high)[:, None] & wanted[None, :]
        where = states + rows[:, None] * states_stride + columns[None, :]
        pooled += tl.sum(tl.load(where, mask=inside, other=0.0).to(tl.float32), axis=0)
    pooled = pooled / (high - low).to(tl.float32)
    tl.store(out + sentence * out_stride + columns, pooled, mask=wanted)


@triton.jit
def _pool_max(
    states: "Tensor",
    origin: "Tensor",
    start: "Tensor",
    stop: "Tensor",
    out: "Tensor",
    tokens: "Tensor",
    lows: "Tensor",
    low_tokens: "Tensor",
    gate: "Tensor",
    reach: "Tensor",
    low_reach: "Tensor",
    width: "int",
    states_stride: "int",
    out_stride: "int",
    tokens_stride: "int",
    lows_stride: "int",
    low_tokens_stride: "int",
    gate_stride: "int",
    TOKENS: tl.constexpr,
    LOWS: tl.constexpr,
    GATED: tl.constexpr,
    CHOSEN: tl.constexpr,
    COLUMNS: tl.constexpr,
) -> None:
    """Pool one sentence and ``COLUMNS`` neurons, token by token; the first of equal ones counts."""
    sentence = tl.program_id(0).to(tl.int64)
    columns = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    wanted = columns < width
    low = tl.load(start + sentence).to(tl.int64)
    high = tl.load(stop + sentence).to(tl.int64)
    zero = tl.load(origin + sentence).to(tl.int64)
    best = tl.load(states + low * states_stride + columns, mask=wanted, other=0.0).to(tl.float32)
    token = tl.zeros([COLUMNS], dtype=tl.int32) + (low - zero).to(tl.int32)
    least = best
    low_token = token
    for at in range(low + 1, high):
        value = tl.load(states + at * states_stride + columns, mask=wanted, other=0.0).to(tl.float32)
        if TOKENS:
            token = tl.where(value > best, (at - zero).to(tl.int32), token)
        # NaN must win, so that it is found; its token is as good as any
        best = tl.maximum(best, value, propagate_nan=tl.PropagateNan.ALL)
        if LOWS:
            low_token = tl.where(value < least, (at - zero).to(tl.int32), low_token)
            least = tl.minimum(least, value, propagate_nan=tl.PropagateNan.ALL)
    tl.store(out + sentence * out_stride + columns, best, mask=wanted)
    if TOKENS:
        if GATED:
            asked = wanted
            if CHOSEN:
                asked = wanted & (best >= tl.load(reach + columns, mask=wanted, other=float("inf")))
            own = tl.load(gate + (zero + token) * gate_stride + columns, mask=asked, other=0.0)
            token = tl.where(own.to(tl.float32) < 0, -1 - token, token)
        tl.store(tokens + sentence * tokens_stride + columns, token.to(tl.int16), mask=wanted)
    if LOWS:
        if GATED:
            asked = wanted
            if CHOSEN:
                asked = wanted & (-least >= tl.load(low_reach + columns, mask=wanted, other=float("inf")))
            own = tl.load(gate + (zero + low_token) * gate_stride + columns, mask=asked, other=0.0)
            low_token = tl.where(own.to(tl.float32) < 0, -1 - low_token, low_token)
        tl.store(lows + sentence * lows_stride + columns, least, mask=wanted)
        tl.store(low_tokens + sentence * low_tokens_stride + columns, low_token.to(tl.int16), mask=wanted)
