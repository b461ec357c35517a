"""The activations of neurons at every token of sentences, before pooling; stages keep them as they like."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from neurolect.model.batching import Batch, PackedBatch, plan_fed
from neurolect.model.language_model import Model
from neurolect.model.pooling.receive import on_device
from neurolect.model.word_alignment import TokenSpans, token_spans

_BLOCK = 2_048
"""Sentences that are tokenized and planned together."""
_TOKEN_BUDGET = 1_024
_ON_GPU = 32
"""Times as many tokens a batch on a GPU."""


class SentenceTokens(NamedTuple):
    """What one sentence's pooled tokens are and give."""

    number: int
    """Which of the texts."""
    spans: TokenSpans
    values: NDArray[np.floating]
    """Shape (n_tokens, n_neurons)."""


def read_token_values(
    model: Model,
    texts: Sequence[str],
    *,
    sources: Sequence[str | None] | None = None,
    neurons: NDArray[np.int64] | Sequence[NDArray[np.int64]] | None = None,
    tokens: Sequence[NDArray[np.integer]] | None = None,
    dtype: str = "float32",
    token_budget: int | None = None,
) -> Iterator[SentenceTokens]:
    """Read neurons at every pooled token of sentences; what is held at once is one batch.

    ``model``: Its options say which sites and layers are read, and whether special tokens are pooled.
    ``sources``: What the encoder is given for each, where the model's options ask for it.
    ``neurons``: int64 array, or a sequence of them. Neuron numbers read on every sentence, or for each sentence its
        own; all when not given.
    ``tokens``: For each sentence which of its pooled tokens are read, from 0; all when not given. Not together with
        neurons of each sentence's own.
    ``dtype``: {"float32", "float16"}. Of the values.
    ``token_budget``: Padded tokens in a batch; 1,024 (a core's cache holds them), and 32 times as many on a GPU.
    Yields: Every text once, of similar length together, in blocks of 2,048 texts; with no rows where it has no
        token. The spans are those of all its tokens.
    """
    budget = token_budget or _TOKEN_BUDGET * (_ON_GPU if model.device.type == "cuda" else 1)
    everything = np.arange(model.neurons.n_neurons) if neurons is None else neurons
    for start in range(0, len(texts), _BLOCK):
        block = list(texts[start : start + _BLOCK])
        own_sources = None if sources is None else sources[start : start + _BLOCK]
        sentences = model.tokenize(block, own_sources)
        spans = token_spans(model, block, sentences=sentences)
        lengths = np.where(sentences.end > sentences.first, sentences.sizes, 0)
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
                wanted = None if tokens is None else [tokens[start + row] for row in rows.tolist()]
                values = _of_all(model, made, neurons=own, tokens=wanted, dtype=dtype)
            else:
                values = _of_each(
                    model, made, neurons=[own[at] for at in np.flatnonzero(lengths[batch])], dtype=dtype
                )
            for row, each in zip(rows.tolist(), values, strict=True):
                yield SentenceTokens(start + row, spans[row], each)


def _of_all(
    model: Model,
    batch: Batch,
    *,
    neurons: NDArray[np.int64],
    tokens: Sequence[NDArray[np.integer]] | None,
    dtype: str,
) -> list[NDArray[np.floating]]:
    """Read the same neurons in every sentence of a batch."""
    batch = on_device(batch, model.device)
    starts, lengths = _pooled_tokens(batch)
    if tokens is None:
        ends = np.cumsum(lengths)
        places = np.repeat(starts - ends + lengths, lengths) + np.arange(ends[-1])
    else:
        ends = np.cumsum([len(each) for each in tokens])
        places = np.concatenate([first + each for first, each in zip(starts, tokens, strict=True)])
    at = torch.from_numpy(places.astype(np.int64)).to(model.device)
    offsets = model.neurons.offsets
    of_tap = np.searchsorted(offsets, neurons, side="right") - 1
    found, kind = np.empty((len(places), len(neurons)), dtype), getattr(torch, dtype)

    def receive(number: int, states: torch.Tensor) -> None:
        here = np.flatnonzero(of_tap == number)
        if not len(here):
            return
        flat, columns = states.reshape(-1, states.shape[-1]), neurons[here] - offsets[number]
        if len(here) == flat.shape[1] and (np.diff(columns) == 1).all() and (np.diff(here) == 1).all():
            # whole rows at once: several times faster than number by number
            found[:, here[0] : here[-1] + 1] = flat.index_select(0, at).to(kind).cpu().numpy()
        else:
            read = flat[at[:, None], torch.from_numpy(columns).to(states.device)]
            found[:, here] = read.to(kind).cpu().numpy()

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
