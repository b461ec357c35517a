"""Values to put in place of a neuron's own: of reference texts, token by token, or of another sentence."""

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor

from neurolect.errors import OptionError
from neurolect.model.architecture.taps import Tap, hand_over, listen
from neurolect.model.batching import PaddedBatch, plan_batches
from neurolect.model.language_model import Model
from neurolect.model.pooling.receive import on_device

TOKEN_BUDGET = 4_096
"""Padded tokens in a batch."""


def token_states(
    model: Model, taps: Sequence[Tap], texts: Sequence[str], *, own: bool = False, skip: int = 0
) -> list[Tensor]:
    """Read taps at the tokens of texts, end to end in the order of batches.

    ``own``: Only the texts' own tokens, without what the tokenizer adds. ``skip``: Of these, how many first ones of
        each text are left out.
    Returns: For each tap float32 of shape (n_tokens, width), where the network is.
    """
    sentences = model.tokenize(list(texts))
    lengths = np.where(sentences.end > sentences.first, sentences.lengths, 0)
    found: list[list[Tensor]] = [[] for _ in taps]
    states: dict[int, Tensor] = {}

    def receive(number: int, given: Tensor) -> None:
        states[number] = given

    for batch in plan_batches(lengths, token_budget=TOKEN_BUDGET):
        rows = batch[lengths[batch] > 0]
        if not len(rows):
            continue
        made = cast(PaddedBatch, on_device(model.pad(sentences, rows), model.device))
        ids, mask = made[:2]
        with torch.inference_mode(), listen(taps, receive=receive):
            result = model.forward(made, output_hidden_states=any(tap.reads == "hidden_states" for tap in taps))
            hand_over(taps, result, receive=receive)
        keep = mask.bool()
        if own:
            place = torch.arange(ids.shape[1], device=ids.device)
            first, end = (
                torch.as_tensor(each[rows], device=ids.device) for each in (sentences.first, sentences.end)
            )
            keep = keep & (place >= first[:, None] + skip) & (place < end[:, None])
        for number, each in states.items():
            shaped = each if each.ndim == 3 else each.reshape(*ids.shape, -1)
            found[number].append(shaped[keep].float())
    if not any(found):
        what = f"The {len(texts)} texts have no token to read."
        raise OptionError(what, expected="texts with words")
    return [torch.cat(each) for each in found]
