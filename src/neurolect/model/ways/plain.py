"""Run a network on padded sentences in PyTorch: the way that every network takes."""

from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from numpy.typing import NDArray

from neurolect.model.batching import Batch, plan_batches
from neurolect.model.hugging_face import Output
from neurolect.model.receive import DeviceActivations, receiver_for
from neurolect.model.taps import Receiver, hand_over, listen
from neurolect.model.tokens import TokenizedSentences

if TYPE_CHECKING:
    from neurolect.model.model import Model


class Plain:
    """Padded sentences, or what a subclass makes of them, through the network and its taps."""

    backend, packed, compiled = "torch", False, False

    def __init__(self, because: str = "") -> None:
        self.because = because
        """Why sentences are not packed, where that was wanted and cannot be had."""

    def plan(
        self, tokens: TokenizedSentences, *, token_budget: int, rows: NDArray[np.int64] | None = None
    ) -> list[NDArray[np.int64]]:
        """Group sentences of similar length."""
        if rows is not None:
            return [rows[each] for each in plan_batches(tokens.lengths[rows], token_budget=token_budget)]
        batches = plan_batches(tokens.lengths, token_budget=token_budget)
        if len(tokens.empty):
            batches = [batch[~np.isin(batch, tokens.empty)] for batch in batches]
        return [batch for batch in batches if len(batch)]

    def batch(self, model: "Model", tokens: TokenizedSentences, rows: NDArray[np.integer]) -> Batch:
        """Pad some sentences."""
        return model.pad(tokens, rows)

    def run(self, model: "Model", batch: Batch, *, out: DeviceActivations) -> None:
        """Pool what the taps read."""
        offsets = model.neurons.offsets.tolist()
        self.visit(model, batch, receiver_for(batch, pooling=model.options.pooling, offsets=offsets, out=out))

    def visit(self, model: "Model", batch: Batch, receive: Receiver) -> None:
        """Hand over what the taps read at every token."""
        with torch.inference_mode(), listen(model.taps, receive=receive):
            hand_over(model.taps, self.forward(model, batch), receive=receive)

    def forward(self, model: "Model", batch: Batch) -> Output:
        """Run the network alone."""
        keywords = {"output_hidden_states": model.keep_states, **model.keywords}
        ids, mask = batch[:2]
        return cast(Output, model.body(input_ids=ids, attention_mask=mask, **keywords))
