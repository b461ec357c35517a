"""Lay sentences end to end in one row, so that nothing is padded."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.model.tokens import TokenizedSentences

if TYPE_CHECKING:
    import torch

__all__ = ["PackedBatch", "pack", "plan_packed"]

_SHORTEST = 64


class PackedBatch(NamedTuple):
    """Sentences of one forward pass, end to end."""

    ids: "torch.Tensor"
    """Model token ids, int32, shape (1, n_tokens)."""

    positions: "torch.Tensor"
    """Position of every token in its sentence, from 0, int32, shape (1, n_tokens)."""

    bounds: "torch.Tensor"
    """Where every sentence starts, and the end: int32, shape (n_sentences + 1,)."""

    first: "torch.Tensor"
    """First pooled token of every sentence, counted within it, int32, shape (n_sentences,)."""

    end: "torch.Tensor"
    """One past the last pooled token, int32, same shape; greater than ``first``."""

    longest: int
    """At least the tokens of the longest sentence; a power of two, so that few values occur."""


def plan_packed(
    rows: NDArray[np.int64], *, lengths: NDArray[np.int64], token_budget: int
) -> list[NDArray[np.int64]]:
    """Cut sentences into batches of about equally many tokens, in their order.

    Parameters
    ----------
    rows : int64, shape (n,)
        Which sentences.
    lengths : int64, shape (n_sentences,)
        Model tokens of every sentence.
    token_budget : int
        Most tokens of a batch, give or take the last sentence of each.

    Returns
    -------
    list of int64 arrays
        Parts of ``rows``; none is empty.

    Examples
    --------
    >>> rows = np.arange(5)
    >>> [each.tolist() for each in plan_packed(rows, lengths=np.array([4, 4, 4, 4, 4]), token_budget=10)]
    [[0, 1, 2], [3, 4]]
    """
    if not len(rows):
        return []
    ends = np.cumsum(lengths[rows])
    n_batches = -(-int(ends[-1]) // token_budget)
    # Equal shares: a small batch at the end of every chunk would use the GPU badly.
    goals = ends[-1] * np.arange(1, n_batches) / n_batches
    cuts = np.searchsorted(ends, goals, side="left") + 1
    return [each for each in np.split(rows, cuts) if len(each)]


def pack(sentences: TokenizedSentences, *, positions: NDArray[np.integer]) -> PackedBatch:
    """Lay some of the sentences end to end.

    Parameters
    ----------
    sentences : TokenizedSentences
        What the tokenizer gave.
    positions : int array, shape (n,)
        Which of them, in order; each has a token.

    Returns
    -------
    PackedBatch
        With tensors on the CPU.
    """
    import torch

    starts = sentences.offsets[positions]
    lengths = sentences.offsets[np.asarray(positions) + 1] - starts
    bounds = np.concatenate(([0], np.cumsum(lengths)))
    places = np.arange(bounds[-1]) - np.repeat(bounds[:-1], lengths)
    ids = sentences.ids[np.repeat(starts, lengths) + places]
    longest = max(_SHORTEST, 1 << int(lengths.max(initial=1) - 1).bit_length())
    return PackedBatch(
        ids=torch.from_numpy(ids[None, :].astype(np.int32)),
        positions=torch.from_numpy(places[None, :].astype(np.int32)),
        bounds=torch.from_numpy(bounds.astype(np.int32)),
        first=torch.from_numpy(sentences.first[positions].astype(np.int32)),
        end=torch.from_numpy(sentences.end[positions].astype(np.int32)),
        longest=longest,
    )
