"""The fused pooling kernels for GPUs: every state is read once, sums and maxima stay in registers."""

import torch
import triton
import triton.language as tl
from torch import Tensor

_ROWS = 32
_COLUMNS = 128
_COLUMNS_OF_MAXIMA = 1024
"""Two warps, each thread of which goes through the tokens of its own columns: nothing is shared between them."""


def pool(
    states: Tensor, origin: Tensor, start: Tensor, stop: Tensor, *, pooling: str, out: Tensor, tokens: Tensor | None
) -> None:
    """Pool mean or max; parameters as for ``pool_segments``, the parts of its segments one by one."""
    if states.stride(1) != 1:
        states = states.contiguous()
    n_sentences, width = out.shape
    with torch.cuda.device(states.device):
        if pooling == "mean":
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
            return
        _pool_max[(n_sentences, triton.cdiv(width, _COLUMNS_OF_MAXIMA))](
            states,
            origin,
            start,
            stop,
            out,
            out if tokens is None else tokens,
            width,
            states.stride(0),
            out.stride(0),
            0 if tokens is None else tokens.stride(0),
            TOKENS=tokens is not None,
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
    width: "int",
    states_stride: "int",
    out_stride: "int",
    tokens_stride: "int",
    TOKENS: tl.constexpr,
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
    for at in range(low + 1, high):
        value = tl.load(states + at * states_stride + columns, mask=wanted, other=0.0).to(tl.float32)
        # NaN must win, so that it is found
        better = (value > best) | ((value != value) & (best == best))
        best = tl.where(better, value, best)
        if TOKENS:
            token = tl.where(better, (at - zero).to(tl.int32), token)
    tl.store(out + sentence * out_stride + columns, best, mask=wanted)
    if TOKENS:
        tl.store(tokens + sentence * tokens_stride + columns, token.to(tl.int16), mask=wanted)
