"""What the peaks need of a GPU, fused: the strongest sentences of a batch for every neuron, and taking them in.

Most neurons get no new entry from a batch; for these nothing is sorted, gathered or written. The plain twins are in
``peaks``.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from neurolect.model.pooling.packed import Segments

_COLUMNS = 32
_ROWS = 16
"""Sentences read at once: all that most of them need is one comparison."""
_SPLITS = 16
"""Parts of the batch looked at apart, each of which gives as many candidates as are wanted."""
_EMPTY = tl.constexpr(-0x8000000000000000)
_FEW = tl.constexpr(1 << 20)
"""Keys at most so far above the smallest number are of no entry."""


def strongest(
    values: Tensor, low: Tensor, sound: Tensor | None, floor: Tensor, *, n: int, top: bool
) -> tuple[Tensor, Tensor]:
    """Find for every neuron the batch's strongest sentences that are stronger than what is kept.

    ``values``: float32 Tensor, shape (B, W). Pooled activations.
    ``low``: int64, shape (B,). Lower halves of keys.
    ``sound``: bool, shape (B,). Rows that count; all where None.
    ``floor``: int64, shape (W,). The least key that is kept.
    Returns: keys int64 and rows int32, shape (W, C). In no order; near the smallest number where there is none.
    """
    n_rows, width = values.shape
    slots = triton.next_power_of_2(n)
    keys = torch.empty((width, _SPLITS * slots), dtype=torch.int64, device=values.device)
    rows = torch.empty(keys.shape, dtype=torch.int32, device=values.device)
    with torch.cuda.device(values.device):
        _strongest[(_SPLITS, triton.cdiv(width, _COLUMNS))](
            values,
            low,
            low if sound is None else sound,
            floor,
            keys,
            rows,
            n_rows,
            width,
            values.stride(0),
            triton.cdiv(n_rows, _SPLITS),
            TOP=top,
            CAREFUL=sound is not None,
            SLOTS=slots,
            CANDIDATES=keys.shape[1],
            ROWS=_ROWS,
            COLUMNS=_COLUMNS,
            num_warps=1,
        )
    return keys, rows


def take_in_states(
    kept: tuple[Tensor, Tensor],
    found: tuple[Tensor, Tensor],
    states: Tensor,
    segments: Segments,
    tokens: Tensor,
    *,
    before: int,
) -> None:
    """Take candidates into kept entries, with the values about their firing tokens, in place.

    ``kept``: keys int64, shape (W, K), best first, and values float16, shape (W, K, O).
    ``found``: What ``strongest`` gave.
    ``states``: shape (R, W). ``tokens``: int16, shape (B, W), as in ``Seen``.
    ``before``: Of the O values, how many are before the firing token.
    """
    _launch(kept, found, (states, *segments, tokens), from_states=True, before=before)


def take_in_kept(kept: tuple[Tensor, Tensor], other: tuple[Tensor, Tensor]) -> None:
    """Take the entries of other sentences into kept ones, in place; both as in ``take_in_states``."""
    unused = other[1]
    _launch(kept, other, (unused,) * 5, from_states=False, before=0)


def _launch(
    kept: tuple[Tensor, Tensor],
    found: tuple[Tensor, Tensor],
    given: tuple[Tensor, ...],
    *,
    from_states: bool,
    before: int,
) -> None:
    """Run the kernel, a program a neuron."""
    (keys, values), (other_keys, other) = kept, found
    states, origin, start, stop, tokens = given
    with torch.cuda.device(keys.device):
        _take_in[(len(keys),)](
            keys,
            values,
            other_keys,
            other,
            states,
            origin,
            start,
            stop,
            tokens,
            keys.shape[1],
            other_keys.shape[1],
            states.stride(0),
            tokens.stride(0),
            N_ABOUT=values.shape[2],
            BEFORE=before,
            FROM_STATES=from_states,
            SLOTS=triton.next_power_of_2(keys.shape[1]),
            OTHERS=triton.next_power_of_2(other_keys.shape[1]),
            ABOUT=triton.next_power_of_2(values.shape[2]),
            num_warps=1,
        )


@triton.jit(do_not_specialize=["n_rows", "rows_each"])
def _strongest(
    values: "Tensor",
    low: "Tensor",
    sound: "Tensor",
    floor: "Tensor",
    keys: "Tensor",
    rows: "Tensor",
    n_rows: "int",
    width: "int",
    stride: "int",
    rows_each: "int",
    TOP: tl.constexpr,
    CAREFUL: tl.constexpr,
    SLOTS: tl.constexpr,
    CANDIDATES: tl.constexpr,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
) -> None:
    """Look at one part of the batch for a few neurons."""
    split = tl.program_id(0)
    columns = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    wanted = columns < width
    slot, step = tl.arange(0, SLOTS), tl.arange(0, ROWS)
    # different numbers, all smaller than any key, so that each is replaced by itself
    kept = tl.full([SLOTS, COLUMNS], _EMPTY, tl.int64) + slot[:, None].to(tl.int64)
    where = tl.zeros([SLOTS, COLUMNS], tl.int32)
    least = tl.load(floor + columns, mask=wanted, other=0x7FFFFFFFFFFFFFFF)
    code = (least >> 32).to(tl.int32)
    bits = tl.where(code < 0, code ^ 0x7FFFFFFF, code)
    least_value = tl.where(least == _EMPTY, -float("inf"), bits.to(tl.float32, bitcast=True))
    end = tl.minimum((split + 1) * rows_each, n_rows)
    for begin in range(split * rows_each, end, ROWS):
        rows_here = (begin + step).to(tl.int64)
        inside = (rows_here < end)[:, None] & wanted[None, :]
        tile = tl.load(values + rows_here[:, None] * stride + columns[None, :], mask=inside, other=float("nan"))
        near = (tile if TOP else -tile) >= least_value[None, :]
        if tl.max(tl.max(near.to(tl.int32), axis=0), axis=0) > 0:
            for row in range(begin, tl.minimum(begin + ROWS, end)):
                at = values + tl.cast(row, tl.int64) * stride + columns
                value = tl.load(at, mask=wanted, other=float("nan"))
                signed = value if TOP else -value
                bits = signed.to(tl.int32, bitcast=True)
                bits = tl.where(signed == 0, 0, bits)
                code = tl.where(bits < 0, bits ^ 0x7FFFFFFF, bits)
                key = (code.to(tl.int64) << 32) | tl.load(low + row)
                reaches = wanted & (tl.abs(value) < float("inf")) & (key > least)
                if CAREFUL:
                    reaches = reaches & (tl.load(sound + row) != 0)
                if tl.max(reaches.to(tl.int32), axis=0) > 0:
                    worst = tl.min(kept, axis=0)
                    enters = reaches & (key > worst)
                    here = (kept == worst[None, :]) & enters[None, :]
                    kept = tl.where(here, key[None, :], kept)
                    where = tl.where(here, row, where)
    to = columns[None, :].to(tl.int64) * CANDIDATES + split * SLOTS + slot[:, None]
    tl.store(keys + to, kept, mask=wanted[None, :])
    tl.store(rows + to, where, mask=wanted[None, :])


@triton.jit
def _take_in(
    keys: "Tensor",
    values: "Tensor",
    other_keys: "Tensor",
    other: "Tensor",
    states: "Tensor",
    origin: "Tensor",
    start: "Tensor",
    stop: "Tensor",
    tokens: "Tensor",
    n_kept: "int",
    n_others: "int",
    states_stride: "int",
    tokens_stride: "int",
    N_ABOUT: tl.constexpr,
    BEFORE: tl.constexpr,
    FROM_STATES: tl.constexpr,
    SLOTS: tl.constexpr,
    OTHERS: tl.constexpr,
    ABOUT: tl.constexpr,
) -> None:
    """Take in what is new of one neuron."""
    neuron = tl.program_id(0).to(tl.int64)
    slot, place, offset = tl.arange(0, SLOTS), tl.arange(0, OTHERS), tl.arange(0, ABOUT)
    own = tl.load(keys + neuron * n_kept + slot, mask=slot < n_kept, other=_EMPTY)
    new = tl.load(other_keys + neuron * n_others + place, mask=place < n_others, other=_EMPTY)
    new = tl.where(new < _EMPTY + _FEW, _EMPTY, new)
    least = tl.min(tl.where(slot < n_kept, own, 0x7FFFFFFFFFFFFFFF), axis=0)
    if tl.max(new, axis=0) > least:
        best = tl.full([SLOTS], _EMPTY, tl.int64)
        source = tl.zeros([SLOTS], tl.int32)
        for number in range(n_kept):
            first, second = tl.max(own, axis=0), tl.max(new, axis=0)
            is_new = second > first
            at = tl.max(tl.where(own == first, slot, 0), axis=0)
            at_new = tl.max(tl.where(new == second, place, 0), axis=0)
            best = tl.where(slot == number, tl.maximum(first, second), best)
            source = tl.where(slot == number, tl.where(is_new, SLOTS + at_new, at), source)
            own = tl.where((slot == at) & (is_new == 0), _EMPTY, own)
            new = tl.where((place == at_new) & is_new, _EMPTY, new)
        there = (slot < n_kept) & (best != _EMPTY)
        is_old, is_new_one = there & (source < SLOTS), there & (source >= SLOTS)
        inside = offset[None, :] < N_ABOUT
        from_own = (neuron * n_kept + source)[:, None] * N_ABOUT + offset[None, :]
        found = tl.load(values + from_own, mask=is_old[:, None] & inside, other=float("nan"))
        taken = neuron * n_others + source - SLOTS
        if FROM_STATES:
            row = tl.load(other + taken, mask=is_new_one, other=0).to(tl.int64)
            token = tl.load(tokens + row * tokens_stride + neuron, mask=is_new_one, other=0).to(tl.int32)
            token = tl.where(token < 0, ~token, token)  # where the gate is negative
            begin = tl.load(start + row, mask=is_new_one, other=0)
            end = tl.load(stop + row, mask=is_new_one, other=0)
            middle = tl.load(origin + row, mask=is_new_one, other=0) + token
            about = middle[:, None] + offset[None, :] - BEFORE
            inside = inside & (about >= begin[:, None]) & (about < end[:, None]) & is_new_one[:, None]
            state = tl.load(states + about.to(tl.int64) * states_stride + neuron, mask=inside, other=0.0)
            state = tl.minimum(tl.maximum(state.to(tl.float32), -65504.0), 65504.0).to(tl.float16)
            fresh = tl.where(inside, state, float("nan"))
        else:
            from_other = taken[:, None] * N_ABOUT + offset[None, :]
            fresh = tl.load(other + from_other, mask=is_new_one[:, None] & inside, other=float("nan"))
        found = tl.where(is_new_one[:, None], fresh, found)
        tl.debug_barrier()  # all is read before anything is written
        tl.store(keys + neuron * n_kept + slot, best, mask=slot < n_kept)
        to = (neuron * n_kept + slot)[:, None] * N_ABOUT + offset[None, :]
        tl.store(values + to, found.to(tl.float16), mask=(slot < n_kept)[:, None] & (offset[None, :] < N_ABOUT))
