"""Train a classifier: batches of texts of like length, the best epoch kept."""

import copy
import math
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from neurolect.errors import VariantError
from neurolect.model.batching import PaddedBatch, pad, plan_batches
from neurolect.model.receive import on_device
from neurolect.model.tokens import TokenizedSentences
from neurolect.progress import Progress, Task
from neurolect.variants.finetune_options import FinetuneOptions

_POOL = 32
"""Batches that are sorted by length together: long enough for little padding, short enough for chance."""
_CHECK_TOKENS = 8192


class Epoch(NamedTuple):
    """What one pass over the training part came to."""

    number: int
    """From 1."""

    train_loss: float
    """Mean cross-entropy while training, dropout on."""

    validation_loss: float
    """Mean cross-entropy on the validation part."""

    validation_accuracy: float
    """Share of its texts whose class was found."""

    seconds: float
    """Duration."""


class LabelledTokens(NamedTuple):
    """Tokenized texts with their classes, and which of them are trained on."""

    tokens: TokenizedSentences
    labels: NDArray[np.int64]
    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    pad_id: int


Forward = Callable[[nn.Module, PaddedBatch], Tensor]


def shuffled_batches(
    lengths: NDArray[np.int64], *, batch_size: int, random: np.random.Generator
) -> list[NDArray[np.int64]]:
    """Cut positions into batches in random order, such that the lengths of a batch are alike.

    ``lengths``: int64, shape (n,). Model tokens of every text.
    Returns: list of int64 arrays. Every position once.

    Examples
    --------
    >>> batches = shuffled_batches(np.arange(5), batch_size=2, random=np.random.default_rng(0))
    >>> sorted(map(len, batches))
    [1, 2, 2]
    """
    order = random.permutation(len(lengths))
    batches = []
    for start in range(0, len(order), _POOL * batch_size):
        pool = order[start : start + _POOL * batch_size]
        pool = pool[np.argsort(lengths[pool], kind="stable")]
        batches += [pool[at : at + batch_size] for at in range(0, len(pool), batch_size)]
    return [batches[number] for number in random.permutation(len(batches))]


def train(
    network: nn.Module,
    data: LabelledTokens,
    *,
    forward: Forward,
    options: FinetuneOptions,
    progress: Progress,
) -> list[Epoch]:
    """Train, and leave the network as it was after the epoch that did best on the validation part.

    ``network``: On its device; all its parameters are trained. Torch's random state decides dropout.
    ``options``: Step size, batches, epochs, patience, seed.
    Returns: All epochs that ran. The best has the highest accuracy, of equals the lowest loss, then the first.
    """
    optimiser = torch.optim.Adam(network.parameters(), lr=options.learning_rate)
    random = np.random.default_rng([options.seed, 2])
    history: list[Epoch] = []
    best: dict[str, Any] = {}
    with progress.task("fine-tune", total=options.epochs * len(data.train), unit="texts") as task:
        for number in range(1, options.epochs + 1):
            start = time.monotonic()
            loss = _one_epoch(network, data, optimiser, random, forward, options, task)
            history.append(Epoch(number, loss, *_check(network, data, forward), time.monotonic() - start))
            task.note(f"epoch {number}: validation accuracy {history[-1].validation_accuracy:.1%}")
            if best_epoch(history) is history[-1]:
                best = copy.deepcopy({name: each.cpu() for name, each in network.state_dict().items()})
            if options.patience and number - best_epoch(history).number >= options.patience:
                progress.message(f"Stopped after epoch {number}: no better for {options.patience} epochs.")
                break
    network.load_state_dict(best)
    network.eval()
    return history


def best_epoch(history: list[Epoch]) -> Epoch:
    """Choose the epoch that is kept."""
    return min(history, key=lambda each: (-each.validation_accuracy, each.validation_loss, each.number))


def _one_epoch(
    network: nn.Module,
    data: LabelledTokens,
    optimiser: torch.optim.Optimizer,
    random: np.random.Generator,
    forward: Forward,
    options: FinetuneOptions,
    task: Task,
) -> float:
    """Go through the training part once; give the mean loss."""
    network.train()
    total = 0.0
    lengths = data.tokens.lengths[data.train]
    for own in shuffled_batches(lengths, batch_size=options.batch_size, random=random):
        batch, labels = _batch(network, data, data.train[own])
        loss = functional.cross_entropy(forward(network, batch), labels)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        value = float(loss.detach())
        if not math.isfinite(value):
            what = f"The loss became {value} with a learning rate of {options.learning_rate}."
            raise VariantError(what, expected="a finite loss", hint="a smaller --set finetune.learning_rate")
        total += value * len(own)
        task.advance(len(own))
    return total / len(data.train)


def _check(network: nn.Module, data: LabelledTokens, forward: Forward) -> tuple[float, float]:
    """Give loss and accuracy on the validation part."""
    network.eval()
    loss, n_right = 0.0, 0
    with torch.inference_mode():
        for batch, labels in _in_order(network, data, data.validation):
            logits = forward(network, batch)
            loss += float(functional.cross_entropy(logits, labels, reduction="sum"))
            n_right += int((logits.argmax(dim=1) == labels).sum())
    return loss / len(data.validation), n_right / len(data.validation)


def _in_order(
    network: nn.Module, data: LabelledTokens, positions: NDArray[np.int64]
) -> Iterator[tuple[PaddedBatch, Tensor]]:
    for own in plan_batches(data.tokens.lengths[positions], token_budget=_CHECK_TOKENS):
        yield _batch(network, data, positions[own])


def _batch(network: nn.Module, data: LabelledTokens, positions: NDArray[np.int64]) -> tuple[PaddedBatch, Tensor]:
    device = next(network.parameters()).device
    batch = on_device(pad(data.tokens, positions=positions, pad_id=data.pad_id), device)
    if not isinstance(batch, PaddedBatch):
        raise TypeError(type(batch))
    return batch, torch.from_numpy(data.labels[positions]).to(device)
