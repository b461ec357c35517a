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
from neurolect.model.files import find_model_files, one_line_errors
from neurolect.model.hugging_face import Tokenizer
from neurolect.model.load import load_model, load_network, load_tokenizer, position_limit
from neurolect.model.options import ModelOptions
from neurolect.model.pooling.receive import on_device
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
    """Train, and leave the network as it was after the epoch that is kept.

    ``network``: On its device; all its parameters are trained. Torch's random state decides dropout.
    ``options``: Step size, batches, epochs, patience, seed, the epoch that is kept.
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
            if kept_epoch(history, keep=options.keep) is history[-1]:
                best = copy.deepcopy({name: each.cpu() for name, each in network.state_dict().items()})
            if options.patience and number - best_epoch(history).number >= options.patience:
                progress.message(f"Stopped after epoch {number}: no better for {options.patience} epochs.")
                break
    network.load_state_dict(best)
    network.eval()
    return history


def kept_epoch(history: list[Epoch], *, keep: str) -> Epoch:
    """Choose the epoch that is kept: the ``best`` or the ``last``."""
    return history[-1] if keep == "last" else best_epoch(history)


def best_epoch(history: list[Epoch]) -> Epoch:
    """Choose the epoch that did best on the validation part."""
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


# A network with a head that classifies texts.
class LinearClassifier(nn.Module):
    """What an encoder makes of a text through one linear layer.

    ``dropout``: Share of the layer's inputs that is dropped while training.
    ``pool``: What goes in: the ``mean`` of the text's tokens; the ``first`` token, which is one that the tokenizer
        adds ([CLS]); or the ``last``, for decoders, whose first token sees no other.
    """

    def __init__(
        self,
        encoder: Any,  # noqa: ANN401 - untyped library
        *,
        n_classes: int,
        dropout: float,
        pool: str,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.pool = pool
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(encoder.config.hidden_size, n_classes)

    def forward(self, batch: PaddedBatch) -> Tensor:
        """Give the logits, shape (n_texts, n_classes)."""
        states = self.encoder(input_ids=batch.ids, attention_mask=batch.mask).last_hidden_state
        logits: Tensor = self.linear(self.dropout(self._pooled(states, batch)))
        return logits

    def _pooled(self, states: Tensor, batch: PaddedBatch) -> Tensor:
        """Give the vector of each text, shape (n_texts, n_hidden)."""
        if self.pool == "mean":
            columns = torch.arange(states.shape[1], device=states.device)
            pooled = (columns >= batch.first[:, None]) & (columns < batch.end[:, None])
            sums = torch.einsum("nth,nt->nh", states, pooled.to(states.dtype))
            return sums / (batch.end - batch.first)[:, None]
        place = batch.mask.sum(dim=1) - 1 if self.pool == "last" else torch.zeros_like(batch.first)
        return states[torch.arange(len(states), device=states.device), place]


class Start(NamedTuple):
    """The model a classifier starts from."""

    name: str
    fingerprint: str


class Classifier(NamedTuple):
    """What is trained."""

    network: nn.Module
    """A sequence-classification model of transformers, or a :class:`LinearClassifier`."""

    saved: Any
    """The part of it that ``save_pretrained`` saves."""

    tokenizer: Tokenizer
    """For training; its limit is set while it works."""

    to_save: Any
    """The same tokenizer, as it was loaded."""

    pad_id: int
    """Fills up shorter texts."""

    max_tokens: int
    """What the model can read, or the option if that is less."""

    start: Start
    """Where it comes from."""


def load_classifier(
    model: str, *, head: str, classes: tuple[str, ...], dropout: float, max_tokens: int, options: ModelOptions
) -> Classifier:
    """Load a model and put a new head on it; torch's random state decides how the head starts.

    ``options``: Whether pickled weights and code of the model's own are allowed.
    Returns: On the CPU, float32.
    """
    plain = ModelOptions(allow_pickle=options.allow_pickle, trust_remote_code=options.trust_remote_code)
    start = load_model(model, options=plain)  # checks what can be wrong with a model
    with one_line_errors(model):
        files = find_model_files(model, plain)
        config, to_save = files.config, load_tokenizer(files, plain)
        if getattr(config, "is_encoder_decoder", False):
            what = f"{model!r} is an encoder-decoder; only encoders and decoders can be fine-tuned here."
            raise VariantError(what, expected="an encoder or a decoder", hint="give a BERT-like or GPT-like model")
        pad_id = _pad_id(to_save)
        if head != "first":
            encoder, _ = load_network(files, plain, dtype="float32")
            pool = "mean" if head == "mean" else "first" if _reads_both_ways(config) else "last"
            network: Any = LinearClassifier(encoder, n_classes=len(classes), dropout=dropout, pool=pool)
        else:
            config.num_labels = len(classes)
            config.id2label = dict(enumerate(classes))
            config.label2id = {name: number for number, name in enumerate(classes)}
            config.problem_type = "single_label_classification"
            config.pad_token_id = pad_id
            network, _ = load_network(files, plain, dtype="float32", head="AutoModelForSequenceClassification")
            _set_dropout(network, dropout)
    saved = network if head == "first" else network.encoder
    limits = [max_tokens, start.tokenizer.model_max_length, position_limit(saved)]
    limit = min(each for each in limits if each)
    return Classifier(network, saved, start.tokenizer, to_save, pad_id, int(limit), Start(model, start.fingerprint))


def _reads_both_ways(config: Any) -> bool:  # noqa: ANN401 - untyped library
    """Tell an encoder from a decoder, as the mask of its attention does."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING, MODEL_FOR_MASKED_LM_MAPPING

    # BERT and its kin are in both lists; they are decoders only where their configuration says so
    if type(config) in MODEL_FOR_MASKED_LM_MAPPING:
        return not getattr(config, "is_decoder", False)
    return type(config) not in MODEL_FOR_CAUSAL_LM_MAPPING


def _pad_id(tokenizer: Any) -> int:  # noqa: ANN401 - untyped library
    # Decoders often have no padding token; the token that ends a text is the usual stand-in.
    for each in (tokenizer.pad_token_id, tokenizer.eos_token_id, tokenizer.unk_token_id):
        if each is not None:
            return int(each)
    return 0


def _set_dropout(network: Any, dropout: float) -> None:  # noqa: ANN401 - untyped library
    """Set the dropout of the head alone; the network's own stays."""
    own = {id(each) for each in network.base_model.modules()}
    for module in network.modules():
        if isinstance(module, nn.Dropout) and id(module) not in own:
            module.p = dropout


def logits_of(network: nn.Module, batch: PaddedBatch) -> Tensor:
    """Run the network on a batch.

    Returns: Float32, shape (n_texts, n_classes).
    """
    if isinstance(network, LinearClassifier):
        logits: Tensor = network(batch)
    else:
        logits = network(input_ids=batch.ids, attention_mask=batch.mask).logits
    return logits.float()
