"""The activations of chosen neurons at every token of chosen sentences, before pooling."""

from itertools import pairwise
from typing import NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray

from neurolect.errors import ModelError
from neurolect.model.batching import Batch, PackedBatch
from neurolect.model.model import Model
from neurolect.model.receive import on_device
from neurolect.model.tokens import TokenizedSentences


class TokenSpans(NamedTuple):
    """Where the pooled tokens of one sentence stand in its text."""

    starts: NDArray[np.int32]
    """First character of each token, shape (n_tokens,)."""
    ends: NDArray[np.int32]
    """One past its last character."""


def token_values(
    model: Model, batch: Batch, *, rows: NDArray[np.int64], neurons: NDArray[np.int64]
) -> list[NDArray[np.float32]]:
    """Run one forward pass and read neurons at the pooled tokens of sentences.

    Parameters
    ----------
    model : Model
        The model.
    batch : PaddedBatch or PackedBatch
        From :meth:`Model.pad` or :meth:`Model.pack`.
    rows : int64, shape (n,)
        Sentence of each pair, as a row of the batch.
    neurons : int64, shape (n,)
        Neuron of each pair.

    Returns
    -------
    list of float32 arrays
        For each pair the activations at the sentence's pooled tokens, in order.
    """
    batch = on_device(batch, model.device)
    first, end = batch.first.cpu().numpy().astype(np.int64), batch.end.cpu().numpy().astype(np.int64)
    if isinstance(batch, PackedBatch):
        origin = batch.bounds.cpu().numpy().astype(np.int64)[:-1]
    else:
        origin = np.arange(len(first)) * batch.ids.shape[1]
    lengths = (end - first)[rows]
    starts = np.concatenate([[0], np.cumsum(lengths)])
    places = np.repeat((origin + first)[rows] - starts[:-1], lengths) + np.arange(starts[-1])
    offsets = model.neurons.offsets
    of_tap = np.searchsorted(offsets, neurons, side="right") - 1
    columns = neurons - offsets[of_tap]
    found = np.empty(starts[-1], np.float32)

    def receive(number: int, states: torch.Tensor) -> None:
        here = np.repeat(of_tap == number, lengths)
        if here.any():
            flat = states.reshape(-1, states.shape[-1])
            at = torch.from_numpy(places[here]).to(flat.device)
            column = torch.from_numpy(np.repeat(columns, lengths)[here]).to(flat.device)
            found[here] = flat[at, column].to(torch.float32).cpu().numpy()

    model.visit(batch, receive)
    return [found[low:high] for low, high in pairwise(starts.tolist())]


def token_spans(model: Model, texts: list[str], *, sentences: TokenizedSentences) -> list[TokenSpans]:
    """Find the characters that each pooled token covers.

    Parameters
    ----------
    model : Model
        The model.
    texts : list of str
        The sentences.
    sentences : TokenizedSentences
        What the model's tokenizer made of them.

    Returns
    -------
    list of TokenSpans
        White space before a token left out; special tokens of the tokenizer cover nothing.

    Raises
    ------
    ModelError
        If the tokenizer does not tell characters.
    """
    backend = getattr(model.tokenizer, "backend_tokenizer", None)
    if backend is None:
        what = f"The tokenizer of the model {model.name!r} does not say which characters a token covers."
        raise ModelError(what, expected="a tokenizer with a Rust backend", hint="save it with tokenizer.json")
    spans = []
    for row, (text, encoded) in enumerate(zip(texts, backend.encode_batch(texts), strict=True)):
        told = cast("list[tuple[int, int]]", encoded.offsets)[sentences.first[row] : sentences.end[row]]
        starts = [_after_space(text, start, end) for start, end in told]
        ends = [end for _, end in told]
        spans.append(TokenSpans(np.array(starts, np.int32), np.array(ends, np.int32)))
    return spans


def _after_space(text: str, start: int, end: int) -> int:
    while start < end and text[start].isspace():
        start += 1
    return start
