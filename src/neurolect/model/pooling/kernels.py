"""The fused pooling kernel for GPUs: every state is read once, sums stay in float32 registers."""

import torch
import triton
import triton.language as tl
from torch import Tensor

_ROWS = 32
_COLUMNS = 128


def pool(
    states: Tensor, origin: Tensor, start: Tensor, stop: Tensor, *, pooling: str, out: Tensor, tokens: Tensor | None
) -> None:
    """Pool mean or max; parameters as for ``pool_segments``, the parts of its segments one by one."""
    if states.stride(1) != 1:
        states = states.contiguous()
    n_sentences, width = out.shape
    grid = (n_sentences, triton.cdiv(width, _COLUMNS))
    with torch.cuda.device(states.device):
        _pool[grid](
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
            MEAN=pooling == "mean",
            TOKENS=tokens is not None,
            ROWS=_ROWS,
            COLUMNS=_COLUMNS,
        )


@triton.jit
def _pool(
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
    MEAN: tl.constexpr,
    TOKENS: tl.constexpr,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
) -> None:
    """Pool one sentence and ``COLUMNS`` neurons, ``ROWS`` tokens at a time."""
    sentence = tl.program_id(0).to(tl.int64)
    columns = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    wanted = columns < width
    low = tl.load(start + sentence).to(tl.int64)
    high = tl.load(stop + sentence).to(tl.int64)
    zero = tl.load(origin + sentence).to(tl.int64)
    pooled = tl.zeros([COLUMNS], dtype=tl.float32)
    if not MEAN:
        pooled = pooled - float("inf")
    token = tl.zeros([COLUMNS], dtype=tl.int32)
    for at in range(low, high, ROWS):
        rows = at + tl.arange(0, ROWS)
        inside = (rows < high)[:, None] & wanted[None, :]
        where = states + rows[:, None] * states_stride + columns[None, :]
        if MEAN:
            pooled += tl.sum(tl.load(where, mask=inside, other=0.0).to(tl.float32), axis=0)
        else:
            part = tl.load(where, mask=inside, other=-float("inf")).to(tl.float32)
            # NaN must win, so that it is found; tl.max drops it.
            broken = tl.max(((part != part) & inside).to(tl.int32), axis=0) > 0
            part_max = tl.where(broken, float("nan"), tl.max(part, axis=0))
            if TOKENS:
                place = tl.where((part == part_max[None, :]) & inside, (rows - zero).to(tl.int32)[:, None], 32767)
                token = tl.where(part_max > pooled, tl.min(place, axis=0), token)
            pooled = tl.where((part_max > pooled) | (part_max != part_max), part_max, pooled)
            pooled = tl.where(broken, float("nan"), pooled)
    if MEAN:
        pooled = pooled / (high - low).to(tl.float32)
    tl.store(out + sentence * out_stride + columns, pooled, mask=wanted)
    if TOKENS:
        tl.store(tokens + sentence * tokens_stride + columns, token.to(tl.int16), mask=wanted)
