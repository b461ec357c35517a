"""The activations of neurons at every token of sentences, before pooling; stages keep them as they like."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray

from neurolect.errors import ModelError
from neurolect.model.batching import Batch, PackedBatch, plan_fed
from neurolect.model.language_model import Model
from neurolect.model.pooling.receive import on_device
from neurolect.model.tokens import TokenizedSentences

_BLOCK = 2_048
"""Sentences that are tokenized and planned together."""
_TOKEN_BUDGET = 4_096
_ON_GPU = 8
"""Times as many tokens a batch on a GPU."""


class SentenceTokens(NamedTuple):
    """What one sentence's pooled tokens are and give."""

    number: int
    """Which of the texts."""
    spans: "TokenSpans"
    values: NDArray[np.floating]
    """Shape (n_tokens, n_neurons)."""


class TokenSpans(NamedTuple):
    """Where the pooled tokens of one sentence are in its text."""

    starts: NDArray[np.int32]
    """First character of each token, shape (n_tokens,)."""
    ends: NDArray[np.int32]
    """One past its last character."""


def read_token_values(
    model: Model,
    texts: Sequence[str],
    *,
    neurons: NDArray[np.int64] | Sequence[NDArray[np.int64]] | None = None,
    dtype: str = "float32",
    token_budget: int | None = None,
) -> Iterator[SentenceTokens]:
    """Read neurons at every pooled token of sentences; what is held at once is one batch.

    ``model``: Its options say which sites and layers are read, and whether special tokens are pooled.
    ``neurons``: int64 array, or a sequence of them. Neuron numbers read on every sentence, or for each sentence its
        own; all when not given.
    ``dtype``: {"float32", "float16"}. Of the values.
    ``token_budget``: Padded tokens in a batch; by default 4,096, and 8 times as many on a GPU.
    Yields: Every text once, of similar length together, in blocks of 2,048 texts; with no rows where it has no
        token.
    """
    budget = token_budget or _TOKEN_BUDGET * (_ON_GPU if model.device.type == "cuda" else 1)
    everything = np.arange(model.neurons.n_neurons) if neurons is None else neurons
    for start in range(0, len(texts), _BLOCK):
        block = list(texts[start : start + _BLOCK])
        sentences = model.tokenize(block)
        spans = token_spans(model, block, sentences=sentences)
        lengths = np.where(sentences.end > sentences.first, sentences.lengths, 0)
        for batch in plan_fed(lengths, token_budget=budget, feeding=model.feeding):
            rows = batch[lengths[batch] > 0]
            own = everything if isinstance(everything, np.ndarray) else [everything[start + row] for row in batch]
            for at, row in enumerate(batch.tolist()):
                if not lengths[row]:
                    n_neurons = len(own if isinstance(own, np.ndarray) else own[at])
                    yield SentenceTokens(start + row, spans[row], np.empty((0, n_neurons), dtype))
            if not len(rows):
                continue
            made = model.batch(sentences, rows)
            if isinstance(own, np.ndarray):
                values = _of_all(model, made, neurons=own, dtype=dtype)
            else:
                values = _of_each(
                    model, made, neurons=[own[at] for at in np.flatnonzero(lengths[batch])], dtype=dtype
                )
            for row, each in zip(rows.tolist(), values, strict=True):
                yield SentenceTokens(start + row, spans[row], each)


def _of_all(model: Model, batch: Batch, *, neurons: NDArray[np.int64], dtype: str) -> list[NDArray[np.floating]]:
    """Read the same neurons in every sentence of a batch."""
    batch = on_device(batch, model.device)
    starts, lengths = _pooled_tokens(batch)
    ends = np.cumsum(lengths)
    places = torch.from_numpy(np.repeat(starts - ends + lengths, lengths) + np.arange(ends[-1])).to(model.device)
    offsets = model.neurons.offsets
    of_tap = np.searchsorted(offsets, neurons, side="right") - 1
    found = np.empty((ends[-1], len(neurons)), dtype)

    def receive(number: int, states: torch.Tensor) -> None:
        here = np.flatnonzero(of_tap == number)
        if len(here):
            columns = torch.from_numpy(neurons[here] - offsets[number]).to(states.device)
            read = states.reshape(-1, states.shape[-1])[places[:, None], columns]
            found[:, here] = read.to(torch.float32).cpu().numpy()

    model.visit(batch, receive)
    return np.split(found, ends[:-1])


def _of_each(
    model: Model, batch: Batch, *, neurons: Sequence[NDArray[np.int64]], dtype: str
) -> list[NDArray[np.floating]]:
    """Read other neurons in each sentence of a batch."""
    counts = np.array([len(each) for each in neurons])
    pairs = np.repeat(np.arange(len(neurons)), counts)
    found = iter(token_values(model, batch, rows=pairs, neurons=np.concatenate(neurons)))
    lengths = (batch.end - batch.first).tolist()
    return [
        np.stack([next(found) for _ in range(n)], axis=1).astype(dtype, copy=False)
        if n
        else np.empty((length, 0), dtype)
        for n, length in zip(counts.tolist(), lengths, strict=True)
    ]


def _pooled_tokens(batch: Batch) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give where each sentence's pooled tokens start, counted over the whole batch, and how many they are."""
    first, end = batch.first.cpu().numpy().astype(np.int64), batch.end.cpu().numpy().astype(np.int64)
    if isinstance(batch, PackedBatch):
        origin = batch.bounds.cpu().numpy().astype(np.int64)[:-1]
    else:
        origin = np.arange(len(first)) * batch.ids.shape[1]
    return origin + first, end - first


def token_values(
    model: Model, batch: Batch, *, rows: NDArray[np.int64], neurons: NDArray[np.int64]
) -> list[NDArray[np.float32]]:
    """Run one forward pass and read pairs of a sentence (a row of the batch) and a neuron, at all pooled tokens."""
    batch = on_device(batch, model.device)
    places_of, lengths_of = _pooled_tokens(batch)
    lengths = lengths_of[rows]
    starts = np.concatenate([[0], np.cumsum(lengths)])
    places = np.repeat(places_of[rows] - starts[:-1], lengths) + np.arange(starts[-1])
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
    """Find the characters of each pooled token, without white space before it; special tokens cover nothing."""
    backend = getattr(model.tokenizer, "backend_tokenizer", None)
    if backend is None:
        what = f"The tokenizer of the model {model.name!r} does not say which characters a token covers."
        raise ModelError(what, expected="a tokenizer with a Rust backend", hint="save it with tokenizer.json")
    spans = []
    for row, (text, encoded) in enumerate(zip(texts, backend.encode_batch(texts), strict=True)):
        offsets = cast("list[tuple[int, int]]", encoded.offsets)[sentences.first[row] : sentences.end[row]]
        starts = [_after_space(text, start, end) for start, end in offsets]
        ends = [end for _, end in offsets]
        spans.append(TokenSpans(np.array(starts, np.int32), np.array(ends, np.int32)))
    return spans


def _after_space(text: str, start: int, end: int) -> int:
    while start < end and text[start].isspace():
        start += 1
    return start
