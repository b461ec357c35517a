"""What the lists and the moments need of a GPU, fused: activations are read once each, nothing is kept between.

The plain twins are in ``device_lists`` and ``device_moments``.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

_ROWS = 32
_COLUMNS = 64
_ROWS_APPENDED, _COLUMNS_OF_A_WARP = 8, 128
"""A warp has 128 neurons, four a thread, and nothing is shared between threads."""
_SPLITS = 16
"""Parts of the batch summed apart; fixed, so that sums do not depend on the GPU."""
_ROWS_COUNTED = 252
"""Sentences whose bins one program counts before it adds them to the histograms; 8 bits must hold them."""
_COLUMNS_COUNTED = 128
_COLUMNS_WATCHED = 1024


def append_entries(
    activations: Tensor,
    low: Tensor,
    tokens: Tensor | None,
    threshold: Tensor,
    top: bool,  # noqa: FBT001
    keys: Tensor,
    kept_tokens: Tensor,
    fill: Tensor,
) -> None:
    """Append the entries that reach the thresholds to each neuron's, in any order, and raise ``fill`` (int32)."""
    n_rows, n_neurons = activations.shape
    activations = activations.contiguous()
    grid = (triton.cdiv(n_rows, _ROWS_APPENDED), triton.cdiv(n_neurons, _COLUMNS_OF_A_WARP))
    with torch.cuda.device(activations.device):
        _append[grid](
            activations,
            low,
            activations if tokens is None else tokens.contiguous(),
            threshold,
            keys,
            kept_tokens,
            fill,
            n_rows,
            n_neurons,
            keys.stride(0),
            TOP=top,
            TOKENS=tokens is not None,
            ROWS=_ROWS_APPENDED,
            COLUMNS=_COLUMNS_OF_A_WARP,
            num_warps=1,
        )


# What changes with a batch's size is not compiled for: a last, smaller batch would wait for another compilation.
@triton.jit(do_not_specialize=["n_rows", "capacity"])
def _append(
    activations: "Tensor",
    low: "Tensor",
    tokens: "Tensor",
    threshold: "Tensor",
    keys: "Tensor",
    kept_tokens: "Tensor",
    fill: "Tensor",
    n_rows: "int",
    n_neurons: "int",
    capacity: "int",
    TOP: tl.constexpr,
    TOKENS: tl.constexpr,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
) -> None:
    """Look at one tile of activations."""
    rows = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    columns = tl.program_id(1).to(tl.int64) * COLUMNS + tl.arange(0, COLUMNS)
    inside = (rows < n_rows)[:, None] & (columns < n_neurons)[None, :]
    at = rows[:, None] * n_neurons + columns[None, :]
    value = tl.load(activations + at, mask=inside, other=0.0)
    signed = value if TOP else -value
    least = tl.load(threshold + columns, mask=columns < n_neurons, other=float("inf"))
    reached = inside & (signed >= least[None, :])
    # as the highest 32 bits of a signed key, in 32 bits
    bits = signed.to(tl.int32, bitcast=True)
    bits = tl.where(signed == 0, 0, bits)
    code = tl.where(bits < 0, bits ^ 0x7FFFFFFF, bits)
    own = tl.load(low + rows, mask=rows < n_rows, other=0)
    key = (code.to(tl.int64) << 32) | own[:, None]
    room = (columns * capacity)[None, :]
    # One addition a neuron makes room for all its entries of the tile.
    wanted = reached.to(tl.int32)
    before = tl.cumsum(wanted, axis=0) - wanted
    n_new = tl.sum(wanted, axis=0)
    base = tl.atomic_add(fill + columns, n_new, mask=n_new > 0)
    target = room + (base[None, :] + before)
    tl.store(keys + target, key, mask=reached)
    if TOKENS:
        tl.store(kept_tokens + target, tl.load(tokens + at, mask=reached, other=0), mask=reached)


def count_reaching(activations: Tensor, threshold: Tensor, top: bool) -> Tensor:  # noqa: FBT001
    """Count, for every neuron, the sentences that reach its threshold: int32, shape (n_neurons,)."""
    n_rows, n_neurons = activations.shape
    activations = activations.contiguous()
    counts = torch.zeros(n_neurons, dtype=torch.int32, device=activations.device)
    with torch.cuda.device(activations.device):
        _count[(_SPLITS, triton.cdiv(n_neurons, _COLUMNS))](
            activations,
            threshold,
            counts,
            n_rows,
            n_neurons,
            triton.cdiv(n_rows, _SPLITS),
            TOP=top,
            ROWS=_ROWS,
            COLUMNS=_COLUMNS,
        )
    return counts


@triton.jit(do_not_specialize=["n_rows", "rows_each"])
def _count(
    activations: "Tensor",
    threshold: "Tensor",
    counts: "Tensor",
    n_rows: "int",
    n_neurons: "int",
    rows_each: "int",
    TOP: tl.constexpr,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
) -> None:
    """Count one part of the batch for a few neurons."""
    split = tl.program_id(0).to(tl.int64)
    columns = tl.program_id(1).to(tl.int64) * COLUMNS + tl.arange(0, COLUMNS)
    known = columns < n_neurons
    least = tl.load(threshold + columns, mask=known, other=float("inf"))
    count = tl.zeros([ROWS, COLUMNS], dtype=tl.int32)
    end = tl.minimum((split + 1) * rows_each, n_rows)
    for at in range(split * rows_each, end, ROWS):
        rows = at + tl.arange(0, ROWS)
        inside = (rows < end)[:, None] & known[None, :]
        value = tl.load(activations + rows[:, None] * n_neurons + columns[None, :], mask=inside, other=0.0)
        signed = value if TOP else -value
        count += (inside & (signed >= least[None, :])).to(tl.int32)
    tl.atomic_add(counts + columns, tl.sum(count, axis=0), mask=known)


def watched_entries(
    keys: Tensor, neurons: Tensor, read: Tensor, sampled: Tensor, *, size: int, width: int, empty: int
) -> tuple[Tensor, Tensor]:
    """Count some neurons' entries of sentences read, and gather those of sampled ones in their order.

    ``keys``: int64, shape (n_all, capacity). The first ``size`` of a row are looked at; its places are those of
        ``neurons``, int64, shape (n_neurons,).
    ``read``, ``sampled``: bool. Marks by sentence id; what lies beyond is not marked.
    Returns: int64, shape (n_neurons,), and the keys, shape (n_neurons, width), ``empty`` behind them.
    """
    counts = torch.empty(len(neurons), dtype=torch.int64, device=keys.device)
    kept = torch.full((len(neurons), width), empty, dtype=torch.int64, device=keys.device)
    with torch.cuda.device(keys.device):
        _watch[(len(neurons),)](
            keys,
            neurons,
            read.view(torch.uint8),
            sampled.view(torch.uint8),
            counts,
            kept,
            size,
            width,
            len(read),
            len(sampled),
            keys.stride(0),
            COLUMNS=_COLUMNS_WATCHED,
        )
    return counts, kept


@triton.jit(do_not_specialize=["size", "width", "n_read", "n_sampled", "capacity"])
def _watch(
    keys: "Tensor",
    neurons: "Tensor",
    read: "Tensor",
    sampled: "Tensor",
    counts: "Tensor",
    kept: "Tensor",
    size: "int",
    width: "int",
    n_read: "int",
    n_sampled: "int",
    capacity: "int",
    COLUMNS: tl.constexpr,
) -> None:
    """Look at one neuron's entries. The key of none has the id that no sentence has: beyond all marks."""
    row = tl.program_id(0).to(tl.int64)
    own = keys + tl.load(neurons + row) * capacity
    target = kept + row * width
    n_among = tl.zeros([COLUMNS], dtype=tl.int32)
    base = tl.zeros([], dtype=tl.int32)
    for at in range(0, size, COLUMNS):
        columns = at + tl.arange(0, COLUMNS)
        key = tl.load(own + columns, mask=columns < size, other=0)
        sentence = 0xFFFFFFFF - (key & 0xFFFFFFFF)
        n_among += tl.load(read + sentence, mask=sentence < n_read, other=0).to(tl.int32)
        wanted = tl.load(sampled + sentence, mask=sentence < n_sampled, other=0).to(tl.int32)
        place = base + tl.cumsum(wanted, axis=0) - wanted
        tl.store(target + place, key, mask=(wanted > 0) & (place < width))
        base += tl.sum(wanted, axis=0)
    tl.store(counts + row, tl.sum(n_among, axis=0).to(tl.int64))


def sum_moments(
    activations: Tensor, shift: Tensor, first: Tensor, inverse_width: Tensor, histograms: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Sum counts, powers and extremes of a batch; count it into the histograms."""
    n_rows, n_neurons = activations.shape
    device = activations.device
    activations = activations.contiguous()
    n = torch.empty((_SPLITS, n_neurons), dtype=torch.int64, device=device)
    powers = torch.empty((_SPLITS, 4, n_neurons), dtype=torch.float64, device=device)
    extremes = torch.empty((_SPLITS, 2, n_neurons), dtype=torch.float32, device=device)
    with torch.cuda.device(device):
        _moments[(_SPLITS, triton.cdiv(n_neurons, _COLUMNS_OF_A_WARP))](
            activations,
            shift,
            n,
            powers,
            extremes,
            n_rows,
            n_neurons,
            triton.cdiv(n_rows, _SPLITS),
            COLUMNS=_COLUMNS_OF_A_WARP,
            num_warps=1,
        )
        n_bins = histograms.shape[1]
        parts = (
            triton.cdiv(n_rows, _ROWS_COUNTED),
            triton.cdiv(n_neurons, _COLUMNS_COUNTED),
            triton.cdiv(n_bins, 32),
        )
        _count_bins[parts](
            activations,
            first,
            inverse_width,
            histograms,
            n_rows,
            n_neurons,
            n_bins,
            float(n_bins - 1),
            EACH=_ROWS_COUNTED,
            COLUMNS=_COLUMNS_COUNTED,
        )
    low_high = torch.stack([extremes[:, 0].amin(dim=0), extremes[:, 1].amax(dim=0)])
    return n.sum(dim=0), powers.sum(dim=0), low_high


@triton.jit(do_not_specialize=["n_rows", "rows_each"])
def _moments(
    activations: "Tensor",
    shift: "Tensor",
    n: "Tensor",
    powers: "Tensor",
    extremes: "Tensor",
    n_rows: "int",
    n_neurons: "int",
    rows_each: "int",
    COLUMNS: tl.constexpr,
) -> None:
    """Sum one part of the batch for a few neurons, sentence by sentence."""
    split = tl.program_id(0).to(tl.int64)
    columns = tl.program_id(1).to(tl.int64) * COLUMNS + tl.arange(0, COLUMNS)
    known = columns < n_neurons
    middle = tl.load(shift + columns, mask=known, other=0.0)
    count = tl.zeros([COLUMNS], dtype=tl.int32)
    s1 = tl.zeros([COLUMNS], dtype=tl.float64)
    s2 = tl.zeros([COLUMNS], dtype=tl.float64)
    s3 = tl.zeros([COLUMNS], dtype=tl.float64)
    s4 = tl.zeros([COLUMNS], dtype=tl.float64)
    least = tl.zeros([COLUMNS], dtype=tl.float32) + float("inf")
    most = tl.zeros([COLUMNS], dtype=tl.float32) - float("inf")
    end = tl.minimum((split + 1) * rows_each, n_rows)
    for row in range(split * rows_each, end):
        value = tl.load(activations + row * n_neurons + columns, mask=known, other=float("inf"))
        finite = tl.abs(value) < float("inf")
        d = tl.where(finite, value.to(tl.float64) - middle, 0.0)
        d2 = d * d
        count += finite.to(tl.int32)
        s1 += d
        s2 += d2
        s3 += d2 * d
        s4 += d2 * d2
        least = tl.minimum(least, tl.where(finite, value, float("inf")))
        most = tl.maximum(most, tl.where(finite, value, -float("inf")))
    tl.store(n + split * n_neurons + columns, count.to(tl.int64), mask=known)
    base = powers + split * 4 * n_neurons + columns
    tl.store(base, s1, mask=known)
    tl.store(base + n_neurons, s2, mask=known)
    tl.store(base + 2 * n_neurons, s3, mask=known)
    tl.store(base + 3 * n_neurons, s4, mask=known)
    tl.store(extremes + split * 2 * n_neurons + columns, least, mask=known)
    tl.store(extremes + split * 2 * n_neurons + n_neurons + columns, most, mask=known)


@triton.jit(do_not_specialize=["n_rows"])
def _count_bins(
    activations: "Tensor",
    first: "Tensor",
    inverse_width: "Tensor",
    histograms: "Tensor",
    n_rows: "int",
    n_neurons: "int",
    n_bins: "int",
    last: "float",
    EACH: tl.constexpr,
    COLUMNS: tl.constexpr,
) -> None:
    """Count a part of the batch into 32 bins of a few neurons.

    Most activations fall into few bins, so that additions in memory would wait for each other. Each thread counts
    one neuron's in registers, eight bins of 8 bits in each of four words, and adds them to memory at the end.
    """
    columns = tl.program_id(1).to(tl.int64) * COLUMNS + tl.arange(0, COLUMNS)
    known = columns < n_neurons
    edge = tl.load(first + columns, mask=known, other=0.0)
    inverse = tl.load(inverse_width + columns, mask=known, other=0.0)
    begin = tl.program_id(2) * 32
    at = histograms + columns * n_bins + begin
    a = tl.zeros([COLUMNS], dtype=tl.int64)
    b = tl.zeros([COLUMNS], dtype=tl.int64)
    c = tl.zeros([COLUMNS], dtype=tl.int64)
    d = tl.zeros([COLUMNS], dtype=tl.int64)
    start = tl.program_id(0).to(tl.int64) * EACH
    for done in range(0, EACH, 6):
        for step in tl.static_range(6):
            row = start + done + step
            value = tl.load(
                activations + row * n_neurons + columns, mask=known & (row < n_rows), other=float("inf")
            )
            place = tl.minimum(tl.maximum(tl.floor(value * inverse) - edge, 0.0), last).to(tl.int32) - begin
            word = tl.where(tl.abs(value) < float("inf"), place >> 3, -1)
            one = tl.full([COLUMNS], 1, tl.int64) << ((place & 7) * 8).to(tl.int64)
            a += tl.where(word == 0, one, 0)
            b += tl.where(word == 1, one, 0)
            c += tl.where(word == 2, one, 0)
            d += tl.where(word == 3, one, 0)
    for bin in tl.static_range(8):
        for number in tl.static_range(4):
            words = a if number == 0 else b if number == 1 else c if number == 2 else d
            count = (words >> (bin * 8)) & 255
            inside = known & (count > 0) & (begin + number * 8 + bin < n_bins)
            tl.atomic_add(at + number * 8 + bin, count, mask=inside)
