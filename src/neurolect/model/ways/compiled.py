"""Run a network in PyTorch with compiled blocks, each by itself: what is between them can still be read."""

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from neurolect.model.batching import Batch
from neurolect.model.receive import DeviceActivations
from neurolect.model.tokens import TokenizedSentences
from neurolect.model.ways.plain import Plain

if TYPE_CHECKING:
    from neurolect.model.model import Model


class Compiled:
    """One of PyTorch's ways, with compiled blocks.

    ``blocks``: Their ``forward`` is replaced. One compiled function serves all, so the first batch waits for one
        block.
    """

    backend, compiled = "torch", True

    def __init__(self, inner: Plain, blocks: list[nn.Module]) -> None:
        self.packed, self._inner, self._blocks = inner.packed, inner, blocks
        self._usual = [block.__dict__.get("forward") for block in blocks]
        # 12 layers differ in nothing but their weights and a few attributes; they must not use up the compiler's
        # limit of variants.
        dynamo: Any = torch._dynamo.config
        dynamo.cache_size_limit = max(dynamo.cache_size_limit, 4 * len(blocks))
        for block in blocks:
            block.forward = torch.compile(block.forward, dynamic=True)

    def restore(self) -> None:
        """Leave the blocks as they were."""
        for block, own in zip(self._blocks, self._usual, strict=True):
            del block.forward
            if own is not None:
                block.forward = own

    def plan(
        self, tokens: TokenizedSentences, *, token_budget: int, rows: NDArray[np.int64] | None = None
    ) -> list[NDArray[np.int64]]:
        """Cut sentences into batches as without compiling."""
        return self._inner.plan(tokens, token_budget=token_budget, rows=rows)

    def batch(self, model: "Model", tokens: TokenizedSentences, rows: NDArray[np.integer]) -> Batch:
        """Make a batch as without compiling."""
        return self._inner.batch(model, tokens, rows)

    def run(self, model: "Model", batch: Batch, *, out: DeviceActivations) -> None:
        """Run a batch through the compiled blocks."""
        self._inner.run(model, batch, out=out)
