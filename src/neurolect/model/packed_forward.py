"""Run a network on sentences laid end to end, where that gives what it gives for padded ones.

Whether it does is tried, not looked up: a few sentences of random tokens are run both ways. A network with an
attention of its own, as MPNet's, fails the trial and is run padded.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from neurolect.model.hugging_face import Output
from neurolect.model.packed_attention import NAME, SHORT, register, varlen_kernel
from neurolect.model.packing import PackedBatch
from neurolect.model.tokens import TokenizedSentences

if TYPE_CHECKING:
    from neurolect.model.model import Model

__all__ = ["attend_packed", "forward_packed", "position_offset", "why_not_packed"]

_TOLERANCE = {"float32": 1e-3, "float16": 1e-2, "bfloat16": 4e-2}
_LENGTHS = (9, 3, 40, 17, 400)
_REFUSALS = (RuntimeError, NotImplementedError, TypeError, ValueError, AttributeError, KeyError, IndexError)


def position_offset(network: nn.Module) -> int:
    """Return the number of a sentence's first position: above 0 in RoBERTa and its kin."""
    for name, module in network.named_modules():
        own = name.rpartition(".")[2]
        if isinstance(module, nn.Embedding) and own == "position_embeddings" and module.padding_idx is not None:
            return int(module.padding_idx) + 1
    return 0


@contextmanager
def attend_packed(network: nn.Module) -> Iterator[None]:
    """Let a network call the packed attention inside the ``with``; before and after it is the user's own."""
    config: Any = network.config
    usual = config._attn_implementation
    config._attn_implementation = NAME
    try:
        yield
    finally:
        config._attn_implementation = usual


def forward_packed(network: nn.Module, batch: PackedBatch, *, offset: int, keywords: dict[str, bool]) -> Output:
    """Run a network on a packed batch.

    Parameters
    ----------
    network : nn.Module
        One that passes the trial.
    batch : PackedBatch
        On the network's device.
    offset : int
        From :func:`position_offset`.
    keywords : dict
        What else the network is called with.

    Returns
    -------
    Output
        States of shape (1, n_tokens, width).
    """
    given: dict[str, Any] = {"cu_seqlens": batch.bounds, "max_len": batch.longest, **keywords}
    positions = batch.positions.to(torch.int64) + offset
    with attend_packed(network):
        return cast(Output, network(input_ids=batch.ids.to(torch.int64), position_ids=positions, **given))


def why_not_packed(model: "Model") -> str | None:
    """Try whether packing changes nothing.

    Parameters
    ----------
    model : Model
        Ready to run padded batches.

    Returns
    -------
    str or None
        Why it cannot run packed, for people; None where it can.
    """
    if not register():
        return "this version of transformers has no attention interface"
    if model.device.type == "cuda":
        if model.dtype == "float32":
            return "packed attention on a GPU needs 16-bit numbers"
        if varlen_kernel() is None:
            return "this PyTorch has no attention for sequences of many lengths"
    sentences = _random_sentences(model)
    everything = np.arange(len(_LENGTHS))
    # Short and long sentences are attended to by different kernels.
    for rows in (everything, everything[np.array(_LENGTHS) <= SHORT]):
        expected = model.run(model.pad(sentences, rows)).values
        try:
            got = model.run(model.pack(sentences, rows)).values
        except _REFUSALS as error:
            reason = str(error).partition("\n")[0]
            return f"a {type(model.network).__name__} does not take packed sentences ({reason[:120]})"
        worst = _worst_difference(got, expected, model.neurons.offsets.tolist())
        if not worst <= _TOLERANCE[model.dtype]:
            return f"a {type(model.network).__name__} gives other activations for packed sentences"
    return None


def _random_sentences(model: "Model") -> TokenizedSentences:
    # As long as allowed, so that local windows show; no padding token, for some networks give it no position.
    lengths = np.minimum(np.array(_LENGTHS), model.max_tokens)
    rng = np.random.default_rng(0)
    padding = getattr(model.network.get_input_embeddings(), "padding_idx", None)  # type: ignore[operator]
    known = np.setdiff1d(np.arange(model.n_words), [model.pad_id, -1 if padding is None else padding])
    ids = rng.choice(known, size=int(lengths.sum())).astype(np.int32)
    offsets = np.concatenate(([0], np.cumsum(lengths)))
    nothing = np.empty(0, dtype=np.int64)
    n = len(lengths)
    return TokenizedSentences(ids, offsets, np.zeros(n, np.int32), lengths.astype(np.int32), 0, nothing)


def _worst_difference(got: Tensor, expected: Tensor, offsets: list[int]) -> float:
    """Give the largest relative difference of any sentence at any site and layer; NaN where one is not finite."""
    worst = torch.zeros((), device=got.device)
    for start, stop in pairwise(offsets):
        one, other = got[:, start:stop], expected[:, start:stop]
        away = torch.linalg.vector_norm(one - other, dim=1) / torch.linalg.vector_norm(other, dim=1)
        worst = torch.maximum(worst, away.max())
    return float(worst)
