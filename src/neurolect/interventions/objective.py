"""How strongly texts activate one neuron and how fluent they are, with the gradient of both for every token.

Dims: B texts of L model tokens of their own each, V tokens of the vocabulary.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from neurolect.errors import ModelError
from neurolect.interventions.outcomes import EMBEDDING, MASKED, NEXT, kind_of, mask_id
from neurolect.interventions.resuming import reached
from neurolect.model.architecture.network import forward_keywords
from neurolect.model.architecture.taps import Tap, write
from neurolect.model.batching import PaddedBatch
from neurolect.model.language_model import Model
from neurolect.model.pooling.padded import pooled, spans_of
from neurolect.model.tokens import tokenize

Ids = tuple[int, ...]
"""Own tokens of a text."""
_ROWS = 64
"""Texts, or masked copies of them, in one call."""


class Scored(NamedTuple):
    """What a text gives."""

    ids: Ids
    text: str
    activation: float
    """Pooled as the model's options say."""
    loss: float
    """Cross-entropy, nats a token: of the next one, or of each masked by itself; 0 where there is none: without a
    head, or of a single token with nothing before it."""


class Gradients(NamedTuple):
    """First order of what another token at each place would change, shapes (B, L, V)."""

    activation: Tensor
    loss: Tensor


class Objective:
    """One neuron of a model, read as plain Hugging Face gives it, on texts whose tokens are known."""

    def __init__(self, model: Model, tap: Tap, index: int) -> None:
        self.model, self.tap, self.index, self.kind = model, tap, index, kind_of(model)
        if self.kind not in (NEXT, MASKED, EMBEDDING):
            what = f"{model.name!r} is a classifier, which does not say how fluent a text is."
            raise ModelError(what, expected="a decoder, a model of masked tokens, or one without a head")
        self.table: Tensor = model.network.get_input_embeddings().weight  # type: ignore[operator]
        self._keywords = forward_keywords(model.network)
        self.special = frozenset(getattr(model.tokenizer, "all_special_ids", ()))
        self._before, self._after = _added(model)
        self._known: dict[Ids, Scored | None] = {}

    @property
    def n_scored(self) -> int:
        """Count the texts scored."""
        return sum(each is not None for each in self._known.values())

    @property
    def n_refused(self) -> int:
        """Count those that are read as other tokens than they were made of."""
        return len(self._known) - self.n_scored

    def texts(self, rows: Sequence[Ids]) -> list[str]:
        """Write tokens as text."""
        return [str(self.model.tokenizer.decode(list(ids))) for ids in rows]  # type: ignore[attr-defined]

    def readable(self, rows: Sequence[Ids]) -> NDArray[np.bool_]:
        """Say which are read as the same tokens once they are text."""
        sentences = self.model.tokenize(self.texts(rows))
        ends = zip(sentences.offsets[:-1], sentences.offsets[1:], strict=True)
        read = [self.own(sentences.ids[start:end].tolist()) for start, end in ends]
        return np.array([found == ids for found, ids in zip(read, rows, strict=True)], bool)

    def own(self, ids: Sequence[int]) -> Ids:
        """Leave out what the tokenizer adds at both ends."""
        return tuple(ids[self._before : len(ids) - self._after])

    def score(self, rows: Sequence[Ids]) -> list[Scored | None]:
        """Measure texts, each once; None for those that are not read as the same tokens."""
        new = [ids for ids in dict.fromkeys(rows) if ids not in self._known]
        read = dict(zip(new, self.readable(new).tolist(), strict=True)) if new else {}
        self._known |= dict.fromkeys(ids for ids, ok in read.items() if not ok)
        readable = [ids for ids, ok in read.items() if ok]
        for start in range(0, len(readable), _ROWS):  # each call's are known at once, for there may be a stop
            some = readable[start : start + _ROWS]
            self._known |= dict(zip(some, self.measure(self.texts(some)), strict=True))
        return [self._known[ids] for ids in rows]

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Give all texts scored, which are of one length, and those refused."""
        kept = [each or Scored(ids, "", np.nan, np.nan) for ids, each in self._known.items()]
        return {
            "ids": np.array(list(self._known), np.int64),
            "refused": np.array([each is None for each in self._known.values()], bool),
            "activation": np.array([each.activation for each in kept]),
            "loss": np.array([each.loss for each in kept]),
        }

    def from_arrays(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Know texts again without measuring them."""
        rows = [tuple(ids) for ids in arrays["ids"].tolist()]
        numbers = zip(*(arrays[name].tolist() for name in ("refused", "activation", "loss")), strict=True)
        for ids, text, (refused, *own) in zip(rows, self.texts(rows), numbers, strict=True):
            self._known[ids] = None if refused else Scored(ids, text, *own)

    def measure(self, texts: Sequence[str]) -> list[Scored]:
        """Measure texts as they are, in calls of one length; in their order."""
        if not texts:
            return []
        sentences = self.model.tokenize(list(texts))
        order = np.argsort(sentences.lengths, kind="stable")
        cuts = [0, *(np.flatnonzero(np.diff(sentences.lengths[order])) + 1).tolist(), len(order)]
        found: dict[int, Scored] = {}
        for first, last in pairwise(cuts):
            for start in range(first, last, _ROWS):
                some = order[start : min(start + _ROWS, last)].tolist()
                batch = self._batch([texts[number] for number in some])
                own = [self.own(ids) for ids in batch.ids.tolist()]
                with torch.inference_mode():
                    states, logits = self._run(batch)
                    values, losses = self._pooled(states, batch), self._losses(batch, len(own[0]), logits)
                for number, ids, value, loss in zip(some, own, values.tolist(), losses.tolist(), strict=True):
                    found[number] = Scored(ids, texts[number], value, loss)
        return [found[number] for number in range(len(texts))]

    def gradients(self, rows: Sequence[Ids]) -> Gradients:
        """Differentiate by the embedding of every own token; all texts are of one length."""
        batch, at = self._batch(self.texts(rows)), self._before
        own = slice(at, at + len(rows[0]))
        kept: list[Tensor] = []

        def keep(_module: object, _args: object, output: Tensor) -> Tensor:
            kept.append(output.detach().requires_grad_())
            return kept[-1]

        table = self.table.detach()
        with torch.enable_grad(), self._embedded(keep):
            states, logits = self._run(batch)
            values = self._pooled(states, batch)
            (up,) = torch.autograd.grad(values.sum(), kept[-1], retain_graph=self.kind == NEXT)
            activation = up[:, own].float() @ table.float().T
            if self.kind == NEXT and logits is not None:
                (down,) = torch.autograd.grad(self._next(batch, at, len(rows[0]), logits).sum(), kept[-1])
                loss = down[:, own].float() @ table.float().T + self._as_target(logits, own) / len(rows[0])
            else:
                loss = torch.zeros_like(activation)
        if self.kind == MASKED:
            with torch.inference_mode():
                loss = -self._masked(batch, at, len(rows[0])).float().clone() / len(rows[0])
        return Gradients(activation.detach(), loss.detach())

    def mixed(self, weights: Tensor, rows: Sequence[Ids]) -> Tensor:
        """Read the neuron where every own token is a mixture of all, shape (B,), differentiable by the weights.

        ``weights``: (B, L, V), summing to 1. ``rows``: Any texts of that length; only what is around is theirs.
        """
        batch, at = self._batch(self.texts(rows)), self._before

        def put(_module: object, _args: object, output: Tensor) -> Tensor:
            mixture = weights.to(output.dtype) @ self.table.detach().to(output.dtype)
            return torch.cat([output[:, :at], mixture, output[:, at + mixture.shape[1] :]], dim=1)

        with torch.enable_grad(), self._embedded(put):
            states, _ = self._run(batch)
            return self._pooled(states, batch)

    @contextmanager
    def _embedded(self, hook: Any) -> Iterator[None]:  # noqa: ANN401 - torch's
        handle = self.model.network.get_input_embeddings().register_forward_hook(hook)  # type: ignore[operator]
        try:
            yield
        finally:
            handle.remove()

    def _batch(self, texts: Sequence[str]) -> PaddedBatch:
        """Make the call of texts of one length."""
        batch = self.model.pad(self.model.tokenize(list(texts)), np.arange(len(texts)))
        return batch.moved(lambda each: each.to(self.model.device))

    def _run(self, batch: PaddedBatch, ids: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Run the network; give the states at the neuron's site and the scores of tokens."""
        found: list[Tensor] = []

        def keep(_number: int, states: Tensor) -> Tensor:
            found.append(states)
            return states

        network: Any = self.model.network
        with write(self.model.body, [self.tap], edit=keep):
            result = network(
                input_ids=batch.ids if ids is None else ids, attention_mask=batch.mask, **self._keywords
            )
        states = reached(found[-1] if found else None, self.tap)
        return states.reshape(*batch.ids.shape, -1), getattr(result, "logits", None)

    def _pooled(self, states: Tensor, batch: PaddedBatch) -> Tensor:
        column = states[..., self.index : self.index + 1]
        value, _ = pooled(column, spans=spans_of(batch), pooling=self.model.options.pooling, positions=False)
        return value[:, 0].float()

    def _losses(self, batch: PaddedBatch, n: int, logits: Tensor | None) -> Tensor:
        at = self._before
        if self.kind == NEXT and logits is not None:
            return self._next(batch, at, n, logits)
        if self.kind == MASKED:
            own = batch.ids[:, at : at + n]
            return -self._masked(batch, at, n).gather(2, own[..., None])[..., 0].mean(1)
        return torch.zeros(len(batch.ids), device=batch.ids.device)

    def _next(self, batch: PaddedBatch, at: int, n: int, logits: Tensor) -> Tensor:
        """Average the loss of the own tokens that have one before them."""
        first = max(at, 1)
        own = batch.ids[:, first : at + n]
        before = logits[:, first - 1 : first - 1 + own.shape[1]].float()
        return functional.cross_entropy(before.transpose(1, 2), own, reduction="none").sum(1) / max(own.shape[1], 1)

    def _as_target(self, logits: Tensor, own: slice) -> Tensor:
        """Give the loss of every token at every own place, after those before it."""
        before = logits[:, max(own.start - 1, 0) : own.stop - 1].float()
        losses = -functional.log_softmax(before, dim=-1)
        first = torch.zeros_like(logits[:, :1], dtype=losses.dtype)  # nothing is before the very first token
        return losses if own.start else torch.cat([first, losses], dim=1)

    def _masked(self, batch: PaddedBatch, at: int, n: int) -> Tensor:
        """Give log-probabilities at every own place, hidden by itself, shape (B, L, V)."""
        parts = []
        hidden = torch.eye(n, dtype=torch.bool, device=batch.ids.device)
        for row in range(len(batch.ids)):
            ids = batch.ids[row].repeat(n, 1)
            ids[:, at : at + n][hidden] = mask_id(self.model)
            several = batch.moved(lambda each: each[row : row + 1].repeat(n, *[1] * (each.ndim - 1)))  # noqa: B023
            _, logits = self._run(several, ids)
            if logits is None:
                what = f"{self.model.name!r} gives no scores of tokens."
                raise ModelError(what, expected="a model of masked tokens")
            places = torch.arange(n, device=ids.device)
            parts.append(functional.log_softmax(logits[places, at + places].float(), dim=-1))
        return torch.stack(parts)


def _added(model: Model) -> tuple[int, int]:
    """Count the tokens that are put before and after every text: unknown words, though special, are of the text."""
    plain = tokenize(model.tokenizer, ["a"], max_tokens=model.max_tokens, include_special=False)
    n, whole = int(plain.lengths[0]), int(model.tokenize(["a"]).lengths[0])
    return int(plain.first[0]) + whole - n, n - int(plain.end[0])
