"""What the peaks need of a GPU, fused: the strongest sentences of a batch for every neuron of a layer.

The plain twin is in ``peaks``.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

_COLUMNS = 64
_SPLITS = 16
"""Parts of the batch looked at apart, each of which gives as many candidates as are wanted."""


def strongest(values: Tensor, order: Tensor, sound: Tensor, floor: Tensor, *, n: int, top: bool) -> Tensor:
    """Find for every neuron the batch's strongest sentences that may be stronger than what is kept.

    ``values``: float32 Tensor, shape (B, W). Pooled activations.
    ``order``: int64, shape (B,). Rows by sentence id.
    ``sound``: bool, shape (B,). Rows that count.
    ``floor``: int64, shape (W,). The least key that is kept.
    Returns: int64, shape (W, n). Keys, largest first; the lower half is the complement of a place in ``order``, the
        upper half the smallest number where there are fewer.
    """
    n_rows, width = values.shape
    slots = triton.next_power_of_2(n)
    found = torch.empty((width, _SPLITS * slots), dtype=torch.int64, device=values.device)
    with torch.cuda.device(values.device):
        _strongest[(_SPLITS, triton.cdiv(width, _COLUMNS))](
            values,
            order,
            sound,
            floor,
            found,
            n_rows,
            width,
            values.stride(0),
            triton.cdiv(n_rows, _SPLITS),
            TOP=top,
            SLOTS=slots,
            ROWS=found.shape[1],
            COLUMNS=_COLUMNS,
            num_warps=1,
        )
    return torch.topk(found, n, dim=1)[0]


@triton.jit
def _strongest(
    values: "Tensor",
    order: "Tensor",
    sound: "Tensor",
    floor: "Tensor",
    found: "Tensor",
    n_rows: "int",
    width: "int",
    stride: "int",
    rows_each: "int",
    TOP: tl.constexpr,
    SLOTS: tl.constexpr,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
) -> None:
    """Look at one part of the batch for a few neurons."""
    split = tl.program_id(0)
    columns = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    wanted = columns < width
    slot = tl.arange(0, SLOTS)
    # different numbers, all smaller than any key, so that each is replaced by itself
    empty = tl.full([SLOTS, COLUMNS], -0x8000000000000000, tl.int64)
    kept = empty + slot[:, None].to(tl.int64)
    least = tl.load(floor + columns, mask=wanted, other=0x7FFFFFFFFFFFFFFF)
    end = tl.minimum((split + 1) * rows_each, n_rows)
    for place in range(split * rows_each, end):
        row = tl.load(order + place)
        is_sound = tl.load(sound + row) != 0
        value = tl.load(values + row * stride + columns, mask=wanted, other=float("nan"))
        signed = value if TOP else -value
        bits = signed.to(tl.int32, bitcast=True).to(tl.int64) & 0xFFFFFFFF
        bits = tl.where(bits == 0x80000000, 0, bits)
        code = tl.where(bits >= 0x80000000, bits ^ 0xFFFFFFFF, bits | 0x80000000)
        upper = (code ^ 0x80000000) << 32
        reaches = wanted & is_sound & (tl.abs(value) < float("inf")) & ((upper | 0xFFFFFFFF) > least)
        if tl.max(reaches.to(tl.int32), axis=0) > 0:
            key = upper | (tl.full([COLUMNS], 0xFFFFFFFF, tl.int64) - place)
            worst = tl.min(kept, axis=0)
            enters = reaches & (key > worst)
            kept = tl.where((kept == worst[None, :]) & enters[None, :], key[None, :], kept)
    target = found + columns[None, :].to(tl.int64) * ROWS + split * SLOTS + slot[:, None]
    tl.store(target, kept, mask=wanted[None, :])
