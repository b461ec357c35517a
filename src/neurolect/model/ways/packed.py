"""Run a network on sentences laid end to end, where that gives what it gives for padded ones.

A network with an attention of its own, as MPNet's, fails the trial and is run padded.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from neurolect.model.architecture.network import Network
from neurolect.model.batching import Batch, PackedBatch, pack, plan_packed
from neurolect.model.hugging_face import Output
from neurolect.model.tokens import TokenizedSentences
from neurolect.model.ways.packed_attention import NAME
from neurolect.model.ways.plain import Plain


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


class Packed(Plain):
    """Sentences end to end in one row, each attended to by itself."""

    packed = True

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self._offset = position_offset(network)

    def plan(
        self, tokens: TokenizedSentences, *, token_budget: int, rows: NDArray[np.int64] | None = None
    ) -> list[NDArray[np.int64]]:
        """Cut sentences in their order into batches of about equally many tokens."""
        if rows is None:
            rows = np.setdiff1d(np.arange(len(tokens.lengths)), tokens.empty)
        return plan_packed(rows, lengths=tokens.lengths, token_budget=token_budget)

    def batch(self, model: Network, tokens: TokenizedSentences, rows: NDArray[np.integer]) -> Batch:
        """Lay some sentences end to end."""
        model.check(tokens, rows)
        return pack(tokens, positions=rows)

    def forward(self, model: Network, batch: Batch) -> Output:
        """Run the network on a packed batch (states of shape (1, n_tokens, width)), or on a padded one."""
        if not isinstance(batch, PackedBatch):
            return super().forward(model, batch)
        given: dict[str, Any] = {"cu_seqlens": batch.bounds, "max_len": batch.longest, **model.keywords}
        given |= {"output_hidden_states": model.keep_states}
        positions = batch.positions.to(torch.int64) + self._offset
        with attend_packed(model.body):
            ids = batch.ids.to(torch.int64)
            return cast(Output, model.body(input_ids=ids, position_ids=positions, **given))
