"""Attention over short sentences laid end to end, for GPUs: a whole sentence fits into one tile.

Kernels for long sequences work in tiles of 128 tokens, of which a usual sentence of two dozen fills a fifth.
The plain twin is the loop over sentences in ``packed_attention``.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor


@torch.library.custom_op("neurolect::attend_short", mutates_args=())
def attend_short(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    bounds: Tensor,
    longest: int,
    scale: float,
    causal: bool,  # noqa: FBT001
    reach: int,
) -> Tensor:
    """Attend within every sentence.

    ``query, key, value``: 16-bit Tensor, shape (n_heads, n_tokens, head_dim). The numbers of a token and head lie
        together; key and value may have fewer heads, each for as many queries.
    ``bounds``: int32 Tensor, shape (n_sentences + 1,). Where every sentence starts, and the end.
    ``longest``: Tokens of the longest sentence, at most ``SHORT`` of ``packed_attention``.
    ``causal``: Whether a token sees those before it only.
    ``reach``: How far a token sees; below 0: any distance.
    Returns: Shape (n_tokens, n_heads, head_dim).
    """
    n_heads, n_tokens, width = query.shape
    out = torch.empty((n_tokens, n_heads, width), dtype=query.dtype, device=query.device)
    size = max(16, triton.next_power_of_2(longest))
    with torch.cuda.device(query.device):
        _attend[((len(bounds) - 1) * n_heads,)](
            query,
            key,
            value,
            bounds,
            out,
            scale,
            reach,
            n_heads,
            n_heads // key.shape[0],
            query.stride(0),
            query.stride(1),
            key.stride(0),
            key.stride(1),
            value.stride(0),
            value.stride(1),
            CAUSAL=causal,
            SIZE=size,
            WIDTH=width,
            num_warps=1 if size <= 32 else 4,
        )
    return out


@attend_short.register_fake
def _shape_only(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    bounds: Tensor,
    longest: int,
    scale: float,
    causal: bool,  # noqa: FBT001
    reach: int,
) -> Tensor:
    return query.new_empty((query.shape[1], query.shape[0], query.shape[2]))


@triton.jit
def _attend(
    query: "Tensor",
    key: "Tensor",
    value: "Tensor",
    bounds: "Tensor",
    out: "Tensor",
    scale: "float",
    reach: "int",
    n_heads: "int",
    shared: "int",
    query_head: "int",
    query_token: "int",
    key_head: "int",
    key_token: "int",
    value_head: "int",
    value_token: "int",
    CAUSAL: tl.constexpr,
    SIZE: tl.constexpr,
    WIDTH: tl.constexpr,
) -> None:
    """Attend within one sentence and head."""
    sentence = tl.program_id(0) // n_heads
    head = (tl.program_id(0) % n_heads).to(tl.int64)
    first = tl.load(bounds + sentence).to(tl.int64)
    n = tl.load(bounds + sentence + 1).to(tl.int64) - first
    places = tl.arange(0, SIZE)
    columns = tl.arange(0, WIDTH)
    rows = first + places
    inside = (places < n)[:, None]
    kin = head // shared
    q = tl.load(query + head * query_head + rows[:, None] * query_token + columns[None, :], mask=inside, other=0.0)
    k = tl.load(key + kin * key_head + rows[:, None] * key_token + columns[None, :], mask=inside, other=0.0)
    v = tl.load(value + kin * value_head + rows[:, None] * value_token + columns[None, :], mask=inside, other=0.0)
    scores = tl.dot(q, tl.trans(k)) * scale
    away = places[:, None] - places[None, :]
    seen = (places < n)[None, :] & ((tl.abs(away) <= reach) | (reach < 0))
    if CAUSAL:
        seen = seen & (away >= 0)
    # Rows beyond the sentence see its first token, so that nothing is divided by 0; they are not stored.
    seen = seen | ((places >= n)[:, None] & (places == 0)[None, :])
    scores = tl.where(seen, scores, -float("inf"))
    weights = tl.exp(scores - tl.max(scores, axis=1)[:, None])
    weights = weights / tl.sum(weights, axis=1)[:, None]
    mixed = tl.dot(weights.to(v.dtype), v)
    at = out + rows[:, None] * n_heads * WIDTH + head * WIDTH + columns[None, :]
    tl.store(at, mixed.to(v.dtype), mask=inside)
