"""Run a network on sentences laid end to end, where that gives what it gives for padded ones.

Whether it does is tried, not looked up: a few sentences of random tokens are run both ways. A network with an
attention of its own, as MPNet's, fails the trial and is run padded.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import nn

from neurolect.model.hugging_face import Output
from neurolect.model.packed_attention import NAME, SHORT, register, varlen_kernel
from neurolect.model.packing import PackedBatch
from neurolect.model.trial import REFUSALS, TOLERANCE, random_sentences, worst_difference

if TYPE_CHECKING:
    from neurolect.model.model import Model

__all__ = ["attend_packed", "forward_packed", "position_offset", "why_not_packed"]

_LENGTHS = (9, 3, 40, 17, 400)


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
    sentences = random_sentences(model, lengths=_LENGTHS)
    everything = np.arange(len(_LENGTHS))
    # Short and long sentences are attended to by different kernels.
    for rows in (everything, everything[np.array(_LENGTHS) <= SHORT]):
        expected = model.run(model.pad(sentences, rows)).values
        try:
            got = model.run(model.pack(sentences, rows)).values
        except REFUSALS as error:
            reason = str(error).partition("\n")[0]
            return f"a {type(model.network).__name__} does not take packed sentences ({reason[:120]})"
        worst = worst_difference(got, expected, offsets=model.neurons.offsets.tolist())
        if not worst <= TOLERANCE[model.dtype]:
            return f"a {type(model.network).__name__} gives other activations for packed sentences"
    return None
