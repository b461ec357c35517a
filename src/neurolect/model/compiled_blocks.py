"""Compile a network's blocks, each by itself, so that what is read between them stays readable.

Whether that changes nothing is tried: sentences of random tokens are run both ways.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from neurolect.model.batching import PaddedBatch
from neurolect.model.packing import PackedBatch
from neurolect.model.structure import find_blocks, n_layers_of
from neurolect.model.trial import REFUSALS, TOLERANCE, random_sentences, worst_difference

if TYPE_CHECKING:
    from neurolect.model.model import Model

__all__ = ["compile_blocks"]

_MIXED, _EQUAL, _LONG = (9, 3, 40, 17, 30), (21,), (400, 5)


def compile_blocks(model: "Model", *, token_budget: int) -> str | None:
    """Compile every block for batches of any size, unless it then gives something else.

    All blocks share one compiled function, so the first batch waits for one block only. The trial's batches are as
    large as the pass's and always the same, so that the compiler always makes the same choices.

    Parameters
    ----------
    model : Model
        Its blocks' ``forward`` is replaced.
    token_budget : int
        Model tokens in a batch of the pass.

    Returns
    -------
    str or None
        Why they stay as they are, for people; None where they are compiled.
    """
    name = type(model.network).__name__
    blocks = find_blocks(model.network, n_layers=n_layers_of(model.network))
    if blocks is None:
        return f"a {name} has no list of blocks"
    batches = _batches(model, token_budget)
    before = [model.run(batch).values for batch in batches]
    usual = [block.__dict__.get("forward") for block in blocks]
    # 12 layers differ in nothing but their weights and a few attributes; they must not use up the compiler's
    # limit of variants.
    torch._dynamo.config.cache_size_limit = max(torch._dynamo.config.cache_size_limit, 4 * len(blocks))
    for block in blocks:
        block.forward = torch.compile(block.forward, dynamic=True)
    why_not = None
    offsets = model.neurons.offsets.tolist()
    try:
        for batch, expected in zip(batches, before, strict=True):
            if not worst_difference(model.run(batch).values, expected, offsets=offsets) <= TOLERANCE[model.dtype]:
                why_not = f"a {name} gives other activations once compiled"
                break
    except REFUSALS as error:
        reason = str(error).strip().partition("\n")[0]
        why_not = f"a {name} cannot be compiled here ({reason[:120]})"
    if why_not is not None:
        _restore(blocks, usual)
    return why_not


def _batches(model: "Model", token_budget: int) -> list[PaddedBatch | PackedBatch]:
    """Make a batch of short sentences, of equally long ones (which need no mask), and with long ones."""
    make = model.pack if model.packed else model.pad
    batches: list[PaddedBatch | PackedBatch] = []
    for lengths in (_MIXED, _EQUAL, _LONG):
        n_rounds = max(1, token_budget // (len(lengths) * max(lengths)))
        sentences = random_sentences(model, lengths=lengths * n_rounds)
        batches.append(make(sentences, np.arange(len(sentences.lengths))))
    return batches


def _restore(blocks: Sequence[nn.Module], usual: Sequence[Callable[..., Any] | None]) -> None:
    for block, own in zip(blocks, usual, strict=True):
        del block.forward
        if own is not None:
            block.forward = own
