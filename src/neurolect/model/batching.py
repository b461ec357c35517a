"""Cut sentences of many lengths into padded batches that waste little.

Knows token ids and lengths only; plain NumPy up to the finished batch, which holds torch tensors.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.model.tokens import TokenizedSentences

if TYPE_CHECKING:
    import torch

__all__ = ["PaddedBatch", "pad", "plan_batches"]


class PaddedBatch(NamedTuple):
    """Sentences of one forward pass, padded on the right."""

    ids: "torch.Tensor"
    """Model token ids, int64, shape (n_sentences, longest)."""

    mask: "torch.Tensor"
    """1 at tokens, 0 at padding, int64, same shape."""

    first: "torch.Tensor"
    """First pooled token of every sentence, int64, shape (n_sentences,)."""

    end: "torch.Tensor"
    """One past the last pooled token, int64, same shape; greater than ``first``."""


def plan_batches(lengths: NDArray[np.integer] | Sequence[int], *, token_budget: int) -> list[NDArray[np.int64]]:
    """Group sentences of similar length so that no batch is larger than a budget.

    Parameters
    ----------
    lengths : int array, shape (n_sentences,)
        Model tokens of every sentence.
    token_budget : int
        Largest ``n_sentences * longest`` of a batch. A sentence longer than this gets a batch of its own.

    Returns
    -------
    list of int64 arrays
        Positions in ``lengths``, every one once: shortest first, equal lengths in their order, so the
        plan depends on nothing but the lengths.

    Examples
    --------
    >>> [batch.tolist() for batch in plan_batches([5, 2, 9, 2], token_budget=10)]
    [[1, 3], [0], [2]]
    """
    sizes = np.asarray(lengths, dtype=np.int64)
    order = np.argsort(sizes, kind="stable")
    ascending = np.maximum(sizes[order], 1)
    batches = []
    start = 0
    while start < len(order):
        stop = _batch_end(ascending, start, token_budget)
        batches.append(order[start:stop])
        start = stop
    return batches


def _batch_end(ascending: NDArray[np.int64], start: int, token_budget: int) -> int:
    # A batch of n sentences is as wide as its last one; as both grow, the sizes ascend and can be searched.
    most = max(1, token_budget // int(ascending[start]))
    window = ascending[start : start + most]
    padded = window * np.arange(1, len(window) + 1)
    return start + max(1, int(np.searchsorted(padded, token_budget, side="right")))


def pad(sentences: TokenizedSentences, *, positions: NDArray[np.integer], pad_id: int) -> PaddedBatch:
    """Put some of the sentences side by side.

    Parameters
    ----------
    sentences : TokenizedSentences
        What the tokenizer gave.
    positions : int array, shape (n,)
        Which of them, in the order of the batch's rows; each has a token.
    pad_id : int
        Fills up the shorter rows; masked, so any valid id does.

    Returns
    -------
    PaddedBatch
        With tensors on the CPU.
    """
    import torch

    starts = sentences.offsets[positions]
    lengths = sentences.offsets[np.asarray(positions) + 1] - starts
    columns = np.arange(int(lengths.max(initial=0)), dtype=np.int64)
    real = columns < lengths[:, None]
    ids = np.full(real.shape, pad_id, dtype=np.int64)
    ids[real] = sentences.ids[(starts[:, None] + columns)[real]]
    return PaddedBatch(
        ids=torch.from_numpy(ids),
        mask=torch.from_numpy(real.astype(np.int64)),
        first=torch.from_numpy(sentences.first[positions].astype(np.int64)),
        end=torch.from_numpy(sentences.end[positions].astype(np.int64)),
    )
