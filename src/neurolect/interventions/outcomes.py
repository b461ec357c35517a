"""What an edit changes in what a network gives: loss, distribution of tokens or classes, embedding.

Dims: B sentences as the network is, L tokens of each, V tokens of the vocabulary or classes; R edited copies of
them, ``rows`` saying of which.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from neurolect.errors import ModelError, OptionError
from neurolect.model.architecture.network import forward_keywords
from neurolect.model.batching import SourceBatch, plan_fed
from neurolect.model.language_model import Model
from neurolect.model.tokens import TokenizedSentences
from neurolect.progress import Task

NOTHING = -100
"""Target where nothing is to be predicted."""
_CHUNK, _CHUNK_ON_GPU = 1 << 21, 1 << 26
"""Scores of tokens that are compared at once: on a processor as many as its cache holds."""
_FAR = 20.0
"""Where a score grows by more, old probabilities may be too small for float32 to tell what it adds."""

NEXT, MASKED, CLASS, EMBEDDING = "next token", "masked token", "class", "embedding"
UNITS = {NEXT: "nats a token", MASKED: "nats a masked token", CLASS: "nats a text", EMBEDDING: "cosine distance"}
"""What each kind of outcome is measured in."""


class Inputs(NamedTuple):
    """Sentences of one call."""

    ids: Tensor
    """Shape (B, L); of masked tokens, the mask's."""
    mask: Tensor
    """1 at tokens, 0 at padding."""
    own: Tensor
    """Which tokens are the sentence's own, not what the tokenizer adds: bool, shape (B, L)."""
    targets: Tensor
    """What is to be predicted at each token, shape (B, L), or the class, shape (B,); -100 for nothing."""
    text: NDArray[np.int64]
    """Which of the texts they are, shape (B,)."""
    source: SourceBatch | None = None
    """What the encoder is given, where its decoder is read."""


class Changes(NamedTuple):
    """What edits change; ``loss`` is signed, ``kl`` and ``distance`` are not."""

    of_sentence: dict[str, Tensor]
    """Mean over the tokens at which something is predicted, shape (R,)."""
    of_token: dict[str, Tensor]
    """At every token, shape (R, L); empty where a network gives one thing a text."""


class Texts:
    """Texts that outcomes are measured on, with what is to be predicted of each."""

    def __init__(
        self,
        model: Model,
        texts: Sequence[str],
        *,
        labels: NDArray[np.int64] | None = None,
        sources: Sequence[str | None] | None = None,
        seed: int = 0,
    ) -> None:
        self.model, self.kind = model, measured_kind(model)
        self.sentences: TokenizedSentences = model.tokenize(list(texts), sources)
        self.labels = labels
        self.lengths = np.where(self.sentences.end > self.sentences.first, self.sentences.lengths, 0)
        self.keywords = forward_keywords(model.network)
        self._hidden = _hidden_tokens(self, seed=seed) if self.kind == MASKED else None
        n_usable = int(self.usable.sum())
        if not n_usable:
            what = f"None of the {len(texts):,} texts has two tokens to measure on."
            raise OptionError(what, expected="texts with words")

    @property
    def usable(self) -> NDArray[np.bool_]:
        """Which texts have something to predict, shape (n_texts,)."""
        least = 2 if self.kind == NEXT else 1
        return np.asarray(self.lengths >= least)

    @property
    def main(self) -> str:
        """Name the change that neurons are ranked by: of the loss where something is known to be right."""
        if self.kind == EMBEDDING:
            return "distance"
        return "kl" if self.kind == CLASS and self.labels is None else "loss"

    @property
    def weights(self) -> NDArray[np.float64]:
        """Count what is predicted of each text: tokens, or 1; shape (n_texts,)."""
        if self._hidden is not None:
            n = np.array([len(each) for each in self._hidden])
        else:
            n = self.lengths - 1 if self.kind == NEXT else np.ones(len(self.lengths))
        return np.where(self.usable, n, 0).astype(np.float64)

    def groups(self, *, token_budget: int) -> list[NDArray[np.int64]]:
        """Cut the usable texts into groups of similar length."""
        plan = plan_fed(self.lengths, token_budget=token_budget, feeding=self.model.feeding)
        return [kept for each in plan if len(kept := each[self.usable[each]])]

    def inputs(self, rows: NDArray[np.int64]) -> Inputs:
        """Make the call of some texts, on the network's device."""
        device, sentences = self.model.device, self.sentences
        batch = self.model.pad(sentences, rows)
        place = torch.arange(batch.ids.shape[1])
        own = (place >= batch.first[:, None]) & (place < batch.end[:, None])
        ids, targets = batch.ids, torch.full_like(batch.ids, NOTHING)
        if self.kind == NEXT:
            targets[:, :-1] = torch.where(batch.mask[:, 1:].bool(), ids[:, 1:], NOTHING)
        elif self.kind == CLASS:
            labels = np.full(len(rows), NOTHING) if self.labels is None else self.labels[rows]
            targets = torch.from_numpy(labels)
        elif self._hidden is not None:
            hidden = torch.zeros_like(own)
            for row, text in enumerate(rows.tolist()):
                hidden[row, self._hidden[text]] = True
            targets = torch.where(hidden, ids, NOTHING)
            ids = torch.where(hidden, mask_id(self.model), ids)
        source = None if batch.source is None else SourceBatch(*(each.to(device) for each in batch.source))
        return Inputs(ids.to(device), batch.mask.to(device), own.to(device), targets.to(device), rows, source)

    def run(self, inputs: Inputs, rows: Tensor | slice = slice(None)) -> Tensor:
        """Run the network on sentences of a call; give scores or, without a head, states, shape (R, L, V)."""
        network: Any = self.model.network
        ids, mask = inputs.ids[rows], inputs.mask[rows]
        given = {} if inputs.source is None else {"source": SourceBatch(*(each[rows] for each in inputs.source))}
        result = network(input_ids=ids, attention_mask=mask, **given, **self.keywords)
        states: Tensor = result.last_hidden_state if self.kind == EMBEDDING else result.logits
        return states

    def changes(self, plain: Tensor, edited: Tensor, inputs: Inputs, rows: Tensor) -> Changes:
        """Compare what edited copies give with what the network gives."""
        if self.kind == EMBEDDING:
            return _of_states(plain, edited, inputs, rows)
        if self.kind == CLASS:
            return _of_classes(plain, edited, inputs.targets, rows)
        return of_tokens(plain, edited, inputs, rows)

    def losses(self, *, task: Task | None = None) -> NDArray[np.float64]:
        """Measure the loss of every text as the network is, shape (n_texts,); NaN without anything to predict."""
        found = np.full(len(self.lengths), np.nan)
        for group in [] if self.kind == EMBEDDING else self.groups(token_budget=4_096):
            inputs = self.inputs(group)
            with torch.inference_mode():
                found[group] = self.loss(self.run(inputs), inputs).double().cpu().numpy()
            if task is not None:
                task.advance(len(group))
        return found

    def loss(self, plain: Tensor, inputs: Inputs) -> Tensor:
        """Give the loss of every sentence as the network is, shape (B,); NaN without anything to predict."""
        if self.kind == EMBEDDING:
            return torch.full((len(plain),), torch.nan, device=plain.device)
        if self.kind == CLASS:
            return _without_nothing(plain, inputs.targets)
        loss = _without_nothing(plain.flatten(0, 1), inputs.targets.flatten()).reshape(inputs.targets.shape)
        return loss.nansum(1) / loss.isfinite().sum(1)


def text_losses(model: Model, texts: Sequence[str], *, seed: int = 0) -> NDArray[np.float64]:
    """Measure the loss of texts; inside an :func:`edit` that of the edited network.

    Parameters
    ----------
    model : Model
        From ``load_model(name, head="lm")``.
    texts : sequence of str
        Each by itself; cut at the model's longest.
    seed : int
        Of the tokens that are hidden, where the model predicts masked ones.

    Returns
    -------
    float64 array, shape (n_texts,)
        Nats a token that is predicted; NaN for texts in which none is.

    Raises
    ------
    ModelError
        If the model predicts no tokens.
    OptionError
        If no text has a token to predict.

    Examples
    --------
    >>> text_losses(model, ["Oil prices rose."])  # doctest: +SKIP
    """
    _check_predicts(model, (NEXT, MASKED), kind=measured_kind(model))
    return Texts(model, texts, seed=seed).losses()


def next_scores(model: Model, contexts: Sequence[str]) -> NDArray[np.float32]:
    """Read what comes next after texts; inside an :func:`edit` by the edited network.

    Parameters
    ----------
    model : Model
        A decoder, from ``load_model(name, head="lm")``.
    contexts : sequence of str
        Beginnings.

    Returns
    -------
    float32 array, shape (n_contexts, n_tokens_of_the_vocabulary)
        Log-probabilities of the token after each.

    Raises
    ------
    ModelError
        If the model does not predict next tokens.
    OptionError
        If a context has no token.

    Examples
    --------
    >>> next_scores(model, ["The nurse said that"])[0].argmax()  # doctest: +SKIP
    """
    _check_predicts(model, (NEXT,), kind=kind_of(model))
    given = model.tokenize(list(contexts))
    if not len(contexts) or bool((given.end <= given.first).any()):
        what = f"There are {len(contexts):,} contexts, {int((given.end <= given.first).sum()):,} of them empty."
        raise OptionError(what, expected="texts with a token or more")
    network: Any = model.network
    keywords, found = forward_keywords(network), None
    for rows in plan_fed(given.lengths, token_budget=1_024, feeding=model.feeding):
        batch = model.pad(given, rows)
        with torch.inference_mode():
            ids, mask = batch.ids.to(model.device), batch.mask.to(model.device)
            scores = network(input_ids=ids, attention_mask=mask, **keywords).logits
            last = torch.as_tensor(given.end[rows].astype(np.int64) - 1, device=scores.device)
            own = functional.log_softmax(
                scores[torch.arange(len(rows), device=scores.device), last].float(), dim=-1
            )
        found = np.empty((len(contexts), own.shape[1]), np.float32) if found is None else found
        found[rows] = own.cpu().numpy()
    return np.zeros((0, 0), np.float32) if found is None else found


def _check_predicts(model: Model, kinds: Sequence[str], *, kind: str) -> None:
    """Refuse a model without such a head."""
    if kind not in kinds:
        what = f"{model.name!r} is loaded so that what it gives is: {kind}."
        hint = 'load_model(name, head="lm")'
        raise ModelError(what, expected=f"a model of: {', '.join(kinds)}", hint=hint)


def measured_kind(model: Model) -> str:
    """Say what edits of a network are measured by; of an encoder-decoder's decoder the next token of the target."""
    if model.options.of_decoder:
        return EMBEDDING if model.network is model.body else NEXT
    return kind_of(model)


def kind_of(model: Model) -> str:
    """Say what a network predicts, of encoders and decoders."""
    if model.options.of_decoder:
        what = f"The decoder of {model.name!r} is read, an encoder-decoder: this edit is not there for it."
        hint = "what there is: neurolect edit ablate, edit cause; neurolect.edit and text_losses in Python"
        raise ModelError(what, expected="an encoder or a decoder", hint=hint)
    if model.network is model.body:
        return EMBEDDING
    name = type(model.network).__name__
    if "SequenceClassification" in name:
        return CLASS
    if getattr(model.network.config, "is_encoder_decoder", False):
        what = f"A {name} predicts the tokens of a second text."
        raise ModelError(what, expected="an encoder or a decoder", hint="load it without a head")
    return MASKED if "MaskedLM" in name or "PreTraining" in name else NEXT


def mask_id(model: Model) -> int:
    """Give the token that hides one."""
    found = getattr(model.tokenizer, "mask_token_id", None)
    if found is None:
        what = f"The tokenizer of {model.name!r} has no mask token."
        raise ModelError(what, expected="one, to hide the tokens that are to be predicted")
    return int(found)


def _hidden_tokens(texts: Texts, *, seed: int) -> list[NDArray[np.int64]]:
    """Choose the tokens of each text that are hidden: 15 % of its own, one at least."""
    chosen = []
    for number, (first, end) in enumerate(zip(texts.sentences.first, texts.sentences.end, strict=True)):
        n = int(end) - int(first)
        random = np.random.default_rng([seed, number])
        chosen.append(int(first) + np.sort(random.permutation(max(n, 0))[: max(1, round(0.15 * n))]))
    return chosen


def _without_nothing(scores: Tensor, targets: Tensor) -> Tensor:
    """Give the loss of each row of scores, NaN where there is no target."""
    loss = functional.cross_entropy(scores.float(), targets, reduction="none", ignore_index=NOTHING)
    return torch.where(targets == NOTHING, torch.nan, loss)


def of_tokens(plain: Tensor, edited: Tensor, inputs: Inputs, rows: Tensor) -> Changes:
    """Compare distributions of tokens, some copies of a sentence at a time, for there are many tokens.

    With d the change of each score and p the old probabilities, log sum(p exp(d)) is how much the logarithm of the
    normaliser grows; the loss grows by that less the target's d, and the divergence is that less the mean d.
    """
    loss, divergence, largest = (torch.zeros(inputs.ids[rows].shape, device=plain.device) for _ in range(3))
    chunk = _CHUNK_ON_GPU if plain.device.type == "cuda" else _CHUNK
    step = max(1, chunk // (plain.shape[1] * plain.shape[2]))
    sentences, n_copies = torch.unique_consecutive(rows, return_counts=True)
    start = 0
    for sentence, n in zip(sentences.tolist(), n_copies.tolist(), strict=True):
        old = plain[sentence].float()
        probability = functional.softmax(old, dim=-1)[..., None]
        wanted = inputs.targets[sentence].clamp(min=0)
        for first in range(start, start + n, step):
            part = slice(first, min(first + step, start + n))
            d = edited[part].float() - old
            of_target = d.gather(2, wanted[None, :, None].expand(len(d), -1, 1))[..., 0]
            mean = torch.matmul(d.transpose(0, 1), probability)[..., 0].T
            largest[part] = d.amax(-1)
            grown = torch.log1p(torch.matmul(d.expm1_().transpose(0, 1), probability)[..., 0].T)
            loss[part], divergence[part] = grown - of_target, grown - mean
        start += n
    # asked once: on a GPU each question waits for all that was begun
    for each in torch.split((largest > _FAR).nonzero(), max(1, chunk // plain.shape[2])):
        copies, at = each.unbind(1)
        old, new = plain[rows[copies], at].float(), edited[copies, at].float()
        grown, d = new.logsumexp(-1) - old.logsumexp(-1), new - old
        wanted = inputs.targets[rows[copies], at].clamp(min=0)
        loss[copies, at] = grown - d.gather(1, wanted[:, None])[:, 0]
        divergence[copies, at] = grown - (functional.softmax(old, dim=-1) * d).sum(-1)
    divergence = divergence.clamp(min=0)
    real, predicted = inputs.mask[rows].bool(), inputs.targets[rows] != NOTHING
    loss, divergence = torch.where(predicted, loss, 0.0), torch.where(real, divergence, 0.0)
    n_predicted = predicted.sum(1).clamp(min=1)
    of_sentence = {"loss": loss.sum(1) / n_predicted, "kl": (divergence * predicted).sum(1) / n_predicted}
    return Changes(of_sentence, {"loss": loss, "kl": divergence})


def _of_classes(plain: Tensor, edited: Tensor, targets: Tensor, rows: Tensor) -> Changes:
    old, new = (functional.log_softmax(each.float(), dim=-1) for each in (plain[rows], edited))
    divergence = (old.exp() * (old - new)).sum(-1).clamp(min=0)
    wanted = targets[rows]
    loss = _without_nothing(edited, wanted) - _without_nothing(plain[rows], wanted)
    right = [(each.argmax(-1) == wanted).float() for each in (plain[rows], edited)]
    accuracy = torch.where(wanted == NOTHING, torch.nan, right[1] - right[0])
    flipped = (old.argmax(-1) != new.argmax(-1)).float()
    return Changes({"loss": loss, "kl": divergence, "accuracy": accuracy, "flipped": flipped}, {})


def _of_states(plain: Tensor, edited: Tensor, inputs: Inputs, rows: Tensor) -> Changes:
    """Compare embeddings (means over all tokens) and states, each by its cosine distance."""
    real = inputs.mask.float()[..., None]
    old, new = plain.float(), edited.float()
    embedded = (old * real).sum(1) / real.sum(1)
    again = (new * real[rows]).sum(1) / real[rows].sum(1)
    return Changes({"distance": _distance(embedded[rows], again)}, {"distance": _distance(old[rows], new)})


def _distance(one: Tensor, other: Tensor) -> Tensor:
    """Give 1 - cosine by the difference of unit vectors, which is exact where they hardly differ."""
    one, other = (functional.normalize(each.double(), dim=-1) for each in (one, other))
    return (0.5 * (one - other).square().sum(-1)).float()
