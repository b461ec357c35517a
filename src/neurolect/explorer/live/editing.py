"""What setting neurons changes in what a model gives for a sentence."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neurolect.errors import OptionError
from neurolect.explorer.answers.opened import OpenedRun
from neurolect.interventions import edit
from neurolect.interventions.outcomes import CLASS, EMBEDDING, MASKED, NEXT, Texts, kind_of
from neurolect.model.language_model import Model

MODES = ("add", "scale")
MOST = 8
"""Neurons that are set at once."""
N_ROWS, N_NEW = 10, 12
"""Tokens whose probabilities are shown, and tokens of a continuation."""


def edited(of: OpenedRun, model: Model, text: str, change: str) -> dict[str, Any]:
    """Run the model as it is and with neurons set, and compare what it gives."""
    changes = read_change(change)
    for address in changes:
        of.run().neuron(address)  # names the nearest where there is none
    about = {NEXT: _next_tokens, MASKED: _masked, CLASS: _classes, EMBEDDING: _embedding}
    kind_of(model)  # refuses a decoder that waits for a source
    texts = Texts(model, [text])
    made: dict[str, Any] = about[texts.kind](model, texts, text, changes)
    return made


def read_change(text: str) -> dict[str, Any]:
    """Read ``address=number``, ``=zero``, ``=add:number`` and ``=scale:number``, commas between.

    >>> read_change("hidden.3.5=0, mlp.2.7=scale:2")
    {'hidden.3.5': 0.0, 'mlp.2.7': ('scale', 2.0)}
    """
    changes: dict[str, Any] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        address, _, value = (each.strip() for each in part.partition("="))
        mode, is_mode, amount = value.partition(":")
        try:
            number = 0.0 if value == "zero" else float(amount if is_mode else value)
        except ValueError:
            number = float("nan")
        if not address or not np.isfinite(number) or (is_mode and mode not in MODES):
            what = f"The change {part!r} cannot be read."
            raise OptionError(what, expected="address=number, address=add:number or address=scale:number")
        changes[address] = (mode, number) if is_mode else number
    if not 1 <= len(changes) <= MOST:
        what = f"{len(changes)} neurons are to be set."
        raise OptionError(what, expected=f"1 to {MOST}")
    return changes


def _both(model: Model, changes: dict[str, Any], run: Callable[[], Tensor]) -> tuple[Tensor, Tensor]:
    with torch.inference_mode():
        before = run().float().cpu()
        with edit(model, changes):
            after = run().float().cpu()
    return before, after


def _rows(labels: Callable[[int], str], before: Tensor, after: Tensor, *, n: int = N_ROWS) -> list[dict[str, Any]]:
    """Give what has most probability before or after; both are of shape (n,)."""
    order = torch.maximum(before, after).argsort(descending=True, stable=True)[:n].tolist()
    return [{"label": labels(each), "before": float(before[each]), "after": float(after[each])} for each in order]


def _tokenizer(model: Model) -> Any:  # noqa: ANN401 - untyped library
    return model.tokenizer


def _label_of(model: Model) -> Callable[[int], str]:
    return lambda each: seen(str(_tokenizer(model).decode([each])))


def seen(token: str) -> str:
    """Write a token so that white space is seen: a token of nothing else in signs, its beginning by a sign.

    >>> seen(" "), seen("  the"), seen("the")
    ('\u2423', '\u2423\u2423the', 'the')
    """
    shown = token.replace("\n", "\u21b5").replace("\t", "\u21e5").replace("\r", "\u240d")
    lead = len(shown) - len(shown.lstrip())
    return "\u2423" * lead + shown[lead:] if shown else "(nothing)"


def _next_tokens(model: Model, texts: Texts, _text: str, changes: dict[str, Any]) -> dict[str, Any]:
    inputs = texts.inputs(np.array([0]))
    last = int(inputs.mask[0].sum()) - 1
    before, after = _both(model, changes, lambda: texts.run(inputs)[0, last].softmax(-1))
    ids = inputs.ids[:, : last + 1]
    with torch.inference_mode():
        plain = _continued(model, texts, ids)
        with edit(model, changes):
            other = _continued(model, texts, ids)
    return {
        "what": "Probabilities of the next token, and the most likely continuation, token by token.",
        "rows": _rows(_label_of(model), before, after),
        "texts": {"before": plain, "after": other},
        "change": _divergence(before, after),
        "change_label": "KL divergence of the next token (nats)",
    }


def _continued(model: Model, texts: Texts, ids: Tensor) -> str:
    """Add the most likely token again and again."""
    n, network = ids.shape[1], model.network
    for _ in range(N_NEW):
        logits = network(input_ids=ids, attention_mask=torch.ones_like(ids), **texts.keywords).logits
        ids = torch.cat([ids, logits[:, -1:].argmax(-1)], dim=1)
    return str(_tokenizer(model).decode(ids[0, n:].tolist()))


def _masked(model: Model, texts: Texts, text: str, changes: dict[str, Any]) -> dict[str, Any]:
    mask = str(getattr(_tokenizer(model), "mask_token", "") or "")
    inputs = texts.inputs(np.array([0]))
    if mask and mask in text:
        own = torch.where(inputs.targets >= 0, inputs.targets, inputs.ids)  # what was hidden by chance comes back
        found = (own[0] == _tokenizer(model).mask_token_id).nonzero()
        place = int(found[0, 0]) if len(found) else None
        inputs = inputs._replace(ids=own)
        what = f"Probabilities of the word at the first {mask}."
    else:
        place = int((inputs.targets[0] >= 0).nonzero()[0, 0])
        hidden = _tokenizer(model).decode([int(inputs.targets[0, place])])
        what = f"Probabilities of a token that was hidden, {hidden!r}; write {mask} to choose the place."
    if place is None:
        what = f"The model does not read {mask} in this sentence."
        raise OptionError(what, expected="a sentence within the longest that the model reads")
    before, after = _both(model, changes, lambda: texts.run(inputs)[0, place].softmax(-1))
    about = {"what": what, "rows": _rows(_label_of(model), before, after), "texts": None}
    return about | {"change": _divergence(before, after), "change_label": "KL divergence of the hidden word (nats)"}


def _classes(model: Model, texts: Texts, _text: str, changes: dict[str, Any]) -> dict[str, Any]:
    inputs = texts.inputs(np.array([0]))
    before, after = _both(model, changes, lambda: texts.run(inputs)[0].softmax(-1))
    named = getattr(model.network.config, "id2label", None) or {}
    rows = _rows(lambda each: str(named.get(each, each)), before, after)
    about = {"what": "Probabilities of the model's classes.", "rows": rows, "texts": None}
    return about | {"change": _divergence(before, after), "change_label": "KL divergence (nats)"}


def _embedding(model: Model, texts: Texts, _text: str, changes: dict[str, Any]) -> dict[str, Any]:
    inputs = texts.inputs(np.array([0]))
    own = inputs.own.cpu()

    def pooled() -> Tensor:
        states = texts.run(inputs).float().cpu()
        return (states * own[..., None]).sum(1) / own.sum(1, keepdim=True)

    before, after = _both(model, changes, pooled)
    cosine = torch.nn.functional.cosine_similarity(before, after).item()
    what = "The model has no head: its embedding of the sentence (mean over tokens) is compared. 0: no change."
    return {"what": what, "rows": [], "texts": None, "change": 1 - cosine, "change_label": "cosine distance"}


def _divergence(before: Tensor, after: Tensor) -> float:
    """Say how far one distribution is from another; shape (n,) each."""
    kept = before > 0
    return float((before[kept] * (before[kept].log() - after[kept].clamp_min(1e-30).log())).sum())
