"""Try whether another way to run a network gives what the usual one gives: sentences for it, and a measure."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from neurolect.model.architecture.network import Network
from neurolect.model.options import EMPTY
from neurolect.model.tokens import TokenizedSentences

TOLERANCE = {"float32": 1e-3, "float16": 1e-2, "bfloat16": 4e-2}
"""Largest relative difference that rounding explains, by number format."""


def random_sentences(model: Network, *, lengths: Sequence[int]) -> TokenizedSentences:
    """Make sentences of random tokens, always the same.

    ``model``: Whose tokens; padding is not among them, for some networks give it no position.
    """
    own = np.minimum(np.asarray(lengths, dtype=np.int64), model.max_tokens)
    rng = np.random.default_rng(0)
    ids = rng.choice(model.usable_words, size=int(own.sum())).astype(np.int32)
    offsets = np.concatenate(([0], np.cumsum(own)))
    nothing = np.empty(0, dtype=np.int64)
    n = len(own)
    made = TokenizedSentences(ids, offsets, np.zeros(n, np.int32), own.astype(np.int32), 0, nothing)
    if model.options.source == EMPTY:
        return made
    # sources of other lengths than their sentences
    order = np.arange(n)[::-1]
    turned = np.concatenate([ids[offsets[each] : offsets[each + 1]] for each in order])
    ends = own[order]
    starts = np.concatenate(([0], np.cumsum(ends)))
    source = TokenizedSentences(turned, starts, np.zeros(n, np.int32), ends.astype(np.int32), 0, nothing)
    return made.with_source(source)


def worst_difference(got: Tensor, expected: Tensor, *, offsets: Sequence[int]) -> float:
    """Compare activations.

    ``got, expected``: float32 Tensor, shape (n_sentences, n_neurons). Of the same sentences.
    ``offsets``: First neuron of every site and layer, and the number of neurons.
    Returns: The largest relative difference of any sentence at any site and layer; NaN where one is not finite.
    """
    worst = torch.zeros((), device=got.device)
    for start, stop in pairwise(offsets):
        one, other = got[:, start:stop], expected[:, start:stop]
        away = torch.linalg.vector_norm(one - other, dim=1) / torch.linalg.vector_norm(other, dim=1)
        worst = torch.maximum(worst, away.max())
    return float(worst)
