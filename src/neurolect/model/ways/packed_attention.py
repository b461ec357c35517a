"""Attention over sentences laid end to end, plugged in through Hugging Face's own attention interface.

Every sentence attends to itself alone: its bounds travel through the network as keyword arguments. In 16 bit on
a GPU PyTorch's kernel for sequences of many lengths does the work; elsewhere a loop over the sentences does, which
is slow and there to check against.
"""

import inspect
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from neurolect.model.pooling.packed import triton_here

NAME = "neurolect_packed"
"""Under which the attention is registered."""
SHORT = 64
"""Up to so many tokens in the longest sentence of a batch, a kernel made for short ones attends."""
_WIDTHS = (16, 32, 64, 128)
_short_kernel: dict[str, Callable[..., Tensor]] = {}
"""Found once, before anything is compiled: looking for it would cut a compiled block into pieces."""


@cache
def varlen_kernel() -> Callable[..., Any] | None:
    """Find PyTorch's attention over sequences of many lengths.

    Returns: None where this PyTorch has none, or one without local windows.
    """
    try:
        from torch.nn.attention.varlen import varlen_attn
    except ImportError:
        return None
    known = inspect.signature(varlen_attn).parameters
    return varlen_attn if {"scale", "window_size"} <= set(known) else None


@cache
def register() -> bool:
    """Make the attention known to transformers.

    Returns: False where this version of transformers has no attention interface.
    """
    try:
        from transformers import AttentionInterface
    except ImportError:
        return False
    if triton_here():
        from neurolect.model.ways.short_attention_kernels import attend_short

        _short_kernel["gpu"] = attend_short
    # No mask is registered with it, as the bounds say all: transformers then makes none, and does not look whether
    # positions start again, for which the host would wait for the device at every batch.
    AttentionInterface.register(NAME, packed_attention)
    return True


def packed_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    cu_seqlens: Tensor,
    max_len: int,
    scaling: float | None = None,
    is_causal: bool | None = None,
    sliding_window: int | None = None,
    **keywords: Any,  # noqa: ANN401 - whatever else the network passes on
) -> tuple[Tensor, None]:
    """Attend within every sentence.

    ``module``: The calling module; its ``is_causal`` counts where the argument is None.
    ``query, key, value``: Tensor, shape (1, n_heads, n_tokens, head_dim). Key and value may have fewer heads, each
        shared by as many queries.
    ``cu_seqlens``: int32 Tensor, shape (n_sentences + 1,). Where every sentence starts, and the end.
    ``is_causal``: Whether a token sees those before it only.
    ``sliding_window``: A token sees those less than this far away only.
    Returns: Shape (1, n_tokens, n_heads, head_dim); no weights.
    """
    if query.shape[0] != 1 or keywords.get("softcap") or keywords.get("s_aux") is not None:
        # A network that reshapes its rows, caps its scores or keeps sinks is run padded.
        msg = "packed attention without soft caps and sinks"
        raise NotImplementedError(msg)
    causal = bool(getattr(module, "is_causal", False) if is_causal is None else is_causal)
    scale = query.shape[-1] ** -0.5 if scaling is None else float(scaling)
    reach = -1 if sliding_window is None else int(sliding_window) - 1
    if _fits_a_tile(query, key, value, max_len):
        attend = _short_kernel["gpu"]
        return attend(query[0], key[0], value[0], cu_seqlens, max_len, scale, causal, reach)[None], None
    groups = query.shape[1] // key.shape[1]
    if groups > 1:
        key, value = key.repeat_interleave(groups, dim=1), value.repeat_interleave(groups, dim=1)
    kernel = varlen_kernel() if query.is_cuda and query.dtype != torch.float32 else None
    if kernel is None:
        return _one_by_one((query, key, value), cu_seqlens, scale=scale, causal=causal, reach=reach), None
    tensors = (each[0].transpose(0, 1).contiguous() for each in (query, key, value))
    window = (reach, 0 if causal else reach)
    out = kernel(*tensors, cu_seqlens, cu_seqlens, max_len, max_len, scale=scale, window_size=window)
    return out[None], None


def _fits_a_tile(query: Tensor, key: Tensor, value: Tensor, max_len: int) -> bool:
    """Say whether the kernel for short sentences can be used."""
    if not query.is_cuda or query.dtype == torch.float32 or max_len > SHORT or not _short_kernel:
        return False
    width = query.shape[-1]
    dense = all(each.stride(-1) == 1 for each in (query, key, value))
    return dense and width in _WIDTHS and value.shape[-1] == width


def _one_by_one(
    tensors: tuple[Tensor, Tensor, Tensor], bounds: Tensor, *, scale: float, causal: bool, reach: int
) -> Tensor:
    """Loop over the sentences."""
    parts = []
    edges = bounds.tolist()
    for start, stop in pairwise(edges):
        place = torch.arange(stop - start, device=bounds.device)
        distance = place[:, None] - place[None, :]
        seen = torch.ones_like(distance, dtype=torch.bool)
        if causal:
            seen &= distance >= 0
        if reach >= 0:
            seen &= distance.abs() <= reach
        q, k, v = (each[:, :, start:stop] for each in tensors)
        parts.append(nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=seen, scale=scale))
    return torch.cat(parts, dim=2).transpose(1, 2)
