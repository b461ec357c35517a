"""Cut sentences of many lengths into batches: padded ones that waste little, or packed ones, laid end to end.

Knows token ids and lengths only; plain NumPy up to the finished batch, which holds torch tensors.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.errors import ModelError
from neurolect.model.tokens import TokenizedSentences

if TYPE_CHECKING:
    import torch

    from neurolect.model.hugging_face import Tokenizer


_SHORTEST = 64


class SourceBatch(NamedTuple):
    """What an encoder is given for the sentences of a batch, padded on the right."""

    ids: "torch.Tensor"
    """Model token ids, int64, shape (n_sentences, longest)."""

    mask: "torch.Tensor"
    """1 at tokens, 0 at padding, int64, same shape."""


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

    source: SourceBatch | None = None
    """What the encoder is given where a decoder reads them, and that is not always the same."""

    n_tokens: int | None = None
    """Tokens that are no padding, where they are counted; the host then need not ask the device."""

    def moved(self, move: "Callable[[torch.Tensor], torch.Tensor]") -> "PaddedBatch":
        """Move, or change otherwise, all tensors alike.

        Parameters
        ----------
        move : callable
            Takes a tensor and gives one.

        Returns
        -------
        PaddedBatch
            Of what it gave.
        """
        source = None if self.source is None else SourceBatch(*map(move, self.source))
        return PaddedBatch(move(self.ids), move(self.mask), move(self.first), move(self.end), source, self.n_tokens)


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


Batch = PaddedBatch | PackedBatch


class Feeding(NamedTuple):
    """How sentences are put together so that what a sentence gives depends on nothing but the sentence."""

    together: str = "any"
    """``any``: sentences of several lengths in a batch; ``equal``: of one length only; ``alone``: one a batch."""

    least: int = 0
    """Shorter sentences are padded to so many tokens, alone as well."""

    afresh: bool = False
    """Whether the network changes itself while it runs, so that it is put back after every batch."""

    def __str__(self) -> str:
        parts = [self.together, f"at least {self.least}" if self.least else "", "afresh" if self.afresh else ""]
        return ", ".join(filter(None, parts))


def check_pooled(sentences: TokenizedSentences, positions: NDArray[np.integer]) -> None:
    """Raise a ModelError where one of the sentences has no token to pool."""
    nothing = np.flatnonzero(sentences.end[positions] <= sentences.first[positions])
    if len(nothing):
        what = f"Sentence {int(np.asarray(positions)[nothing[0]])} of the batch has no token to pool."
        raise ModelError(what, expected="sentences with a token", hint="leave out those listed in `empty`")


def check_known(
    sentences: TokenizedSentences,
    positions: NDArray[np.integer],
    *,
    n_words: int,
    name: str,
    tokenizer: "Tokenizer",
) -> None:
    """Raise a ModelError where one of the sentences has a token that the network does not know."""
    for each in np.asarray(positions).tolist():
        ids = sentences.ids[sentences.offsets[each] : sentences.offsets[each + 1]]
        if len(ids) and ids.max() >= n_words:
            beyond = np.unique(ids[ids >= n_words]).tolist()
            named = ", ".join(f"{one} ({tokenizer.convert_ids_to_tokens(one)!r})" for one in beyond[:5])
            what = f"A sentence has tokens that the model {name!r} does not know: {named}."
            hint = "give the model the tokenizer that it was trained with, or resize its embedding and train it"
            raise ModelError(what, expected=f"token ids from 0 to {n_words - 1}", hint=hint)


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


def plan_fed(lengths: NDArray[np.integer], *, token_budget: int, feeding: Feeding) -> list[NDArray[np.int64]]:
    """Group sentences as :func:`plan_batches` does, and no other sentences together than a network can take.

    Examples
    --------
    >>> equal = Feeding(together="equal")
    >>> [each.tolist() for each in plan_fed(np.array([5, 2, 5, 2, 5]), token_budget=10, feeding=equal)]
    [[1, 3], [0, 2], [4]]
    """
    sizes = np.maximum(np.asarray(lengths, dtype=np.int64), feeding.least)
    if feeding.together == "any":
        return plan_batches(sizes, token_budget=token_budget)
    order = np.argsort(sizes, kind="stable")
    batches = []
    for group in np.split(order, np.flatnonzero(np.diff(sizes[order])) + 1) if len(order) else []:
        n = 1 if feeding.together == "alone" else max(1, token_budget // max(1, int(sizes[group[0]])))
        batches += [group[start : start + n] for start in range(0, len(group), n)]
    return batches


def pad(
    sentences: TokenizedSentences, *, positions: NDArray[np.integer], pad_id: int, least: int = 0
) -> PaddedBatch:
    """Put some of the sentences side by side.

    ``positions``: int array, shape (n,). Which of them, in the order of the batch's rows; each has a token.
    ``pad_id``: Fills up the shorter rows; masked, so any valid id does.
    ``least``: Tokens of the batch's rows, where all are shorter.
    """
    import torch

    ids, mask = _side_by_side(sentences, positions, pad_id, least)
    source = sentences.source
    return PaddedBatch(
        ids=ids,
        mask=mask,
        first=torch.from_numpy(sentences.first[positions].astype(np.int64)),
        end=torch.from_numpy(sentences.end[positions].astype(np.int64)),
        source=None if source is None else SourceBatch(*_side_by_side(source, positions, pad_id, 0)),
        n_tokens=int(mask.sum()),
    )


def _side_by_side(
    sentences: TokenizedSentences, positions: NDArray[np.integer], pad_id: int, least: int
) -> tuple["torch.Tensor", "torch.Tensor"]:
    """Give token ids, int64, shape (n, longest), and 1 at tokens and 0 at padding."""
    import torch

    starts = sentences.offsets[positions]
    lengths = sentences.offsets[np.asarray(positions) + 1] - starts
    columns = np.arange(int(lengths.max(initial=least)), dtype=np.int64)
    real = columns < lengths[:, None]
    ids = np.full(real.shape, pad_id, dtype=np.int64)
    ids[real] = sentences.ids[(starts[:, None] + columns)[real]]
    return torch.from_numpy(ids), torch.from_numpy(real.astype(np.int64))


def plan_packed(
    rows: NDArray[np.int64], *, lengths: NDArray[np.int64], token_budget: int
) -> list[NDArray[np.int64]]:
    """Cut sentences into batches of about equally many tokens, in their order.

    ``rows``: int64, shape (n,). Which sentences.
    ``lengths``: int64, shape (n_sentences,). Model tokens of every sentence.
    ``token_budget``: Most tokens of a batch, give or take the last sentence of each.
    Returns: list of int64 arrays. Parts of ``rows``; none is empty.

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

    ``positions``: int array, shape (n,). Which of them, in order; each has a token.
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
