"""Run a network on padded sentences in PyTorch: the way that every network takes."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from neurolect.model.architecture.devices import is_spread
from neurolect.model.architecture.gates import listen_to_gates
from neurolect.model.architecture.network import Network
from neurolect.model.architecture.taps import Receiver, hand_over, listen
from neurolect.model.architecture.unchanged import put_back
from neurolect.model.batching import Batch, Feeding, PaddedBatch, plan_fed
from neurolect.model.hugging_face import Output, quiet_transformers
from neurolect.model.pooling.receive import DeviceActivations, receiver_for
from neurolect.model.tokens import TokenizedSentences
from neurolect.model.ways.unwaited import Unwaited


class Plain:
    """Padded sentences, or what a subclass makes of them, through the network and its taps."""

    backend, packed, compiled = "torch", False, False

    def __init__(self, because: str = "", *, feeding: Feeding | None = None) -> None:
        self.because = because
        """Why sentences are not packed, where that was wanted and cannot be had."""
        self.feeding = feeding or Feeding()
        self.waits = False
        """Whether the host waits where the network asks the device something, as with compiled blocks."""

    def plan(
        self, tokens: TokenizedSentences, *, token_budget: int, rows: NDArray[np.int64] | None = None
    ) -> list[NDArray[np.int64]]:
        """Group sentences of similar length."""
        if rows is not None:
            planned = plan_fed(tokens.sizes[rows], token_budget=token_budget, feeding=self.feeding)
            return [rows[each] for each in planned]
        batches = plan_fed(tokens.sizes, token_budget=token_budget, feeding=self.feeding)
        if len(tokens.empty):
            batches = [batch[~np.isin(batch, tokens.empty)] for batch in batches]
        return [batch for batch in batches if len(batch)]

    def batch(self, model: Network, tokens: TokenizedSentences, rows: NDArray[np.integer]) -> Batch:
        """Pad some sentences."""
        return model.pad(tokens, rows)

    def run(self, model: Network, batch: Batch, *, out: DeviceActivations) -> None:
        """Pool what the taps read."""
        offsets, gates = model.neurons.offsets.tolist(), dict[int, Tensor]()
        receive = receiver_for(batch, pooling=model.options.pooling, offsets=offsets, out=out, gates=gates)
        with ExitStack() as stack:
            if out.tokens is not None:
                listen_to_gates(stack, model.gates, receive=gates.__setitem__)
            self.visit(model, batch, receive)

    def visit(self, model: Network, batch: Batch, receive: Receiver) -> None:
        """Hand over what the taps read at every token."""
        with self._kept(model), torch.inference_mode(), listen(model.taps, receive=receive):
            hand_over(model.taps, self.forward(model, batch), receive=receive)

    @contextmanager
    def _kept(self, model: Network) -> Iterator[None]:
        """Put a network back that changes itself, which it would tell each time."""
        if not self.feeding.afresh:
            yield
            return
        with put_back(model.body), quiet_transformers():
            yield

    def forward(self, model: Network, batch: Batch) -> Output:
        """Run the network alone."""
        padded = cast(PaddedBatch, batch)
        asks = self.waits or padded.n_tokens is None or not padded.mask.is_cuda or is_spread(model.body)
        with nullcontext() if asks else Unwaited(padded.mask, n_tokens=padded.n_tokens or 0):
            return model.forward(padded, output_hidden_states=model.keep_states)


# Run a network in PyTorch with compiled blocks, each by itself: what is between them can still be read.
class Compiled:
    """One of PyTorch's ways, with compiled blocks.

    ``blocks``: Their ``forward`` is replaced. One compiled function serves all, so the first batch waits for one
        block.
    """

    backend, compiled = "torch", True

    def __init__(self, inner: Plain, blocks: list[nn.Module]) -> None:
        self.packed, self._inner, self._blocks = inner.packed, inner, blocks
        inner.waits = True
        self._usual = [block.__dict__.get("forward") for block in blocks]
        # 12 layers differ in nothing but their weights and a few attributes; they must not use up the compiler's
        # limit of variants.
        dynamo: Any = torch._dynamo.config
        dynamo.cache_size_limit = max(dynamo.cache_size_limit, 4 * len(blocks))
        for block in blocks:
            block.forward = torch.compile(block.forward, dynamic=True)

    def restore(self) -> None:
        """Leave the blocks as they were."""
        self._inner.waits = False
        for block, own in zip(self._blocks, self._usual, strict=True):
            del block.forward
            if own is not None:
                block.forward = own

    def plan(
        self, tokens: TokenizedSentences, *, token_budget: int, rows: NDArray[np.int64] | None = None
    ) -> list[NDArray[np.int64]]:
        """Cut sentences into batches as without compiling."""
        return self._inner.plan(tokens, token_budget=token_budget, rows=rows)

    def batch(self, model: Network, tokens: TokenizedSentences, rows: NDArray[np.integer]) -> Batch:
        """Make a batch as without compiling."""
        return self._inner.batch(model, tokens, rows)

    def run(self, model: Network, batch: Batch, *, out: DeviceActivations) -> None:
        """Run a batch through the compiled blocks."""
        self._inner.run(model, batch, out=out)
