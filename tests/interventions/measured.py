"""Sentences and models with every kind of head, and the effect of a neuron by a whole pass of one text."""

from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from neurolect.interventions import edit
from neurolect.interventions.outcomes import Texts
from neurolect.interventions.resuming import Rest
from neurolect.model import Model, ModelOptions
from tests.interventions.test_editing import decoder
from tests.tiny_models import tiny_network, tiny_tokenizer

SENTENCES = [
    "the film was good and the team was great",
    "a bank",
    "my team would then do no more of it",
    "the price of oil was bad for the bank and the car",
    "god made the game",
    "it",
]
LABELS = np.array([0, 1, 0, 1, 2, 2])


@cache
def with_head(family: str, head: str) -> Model:
    """An encoder with a head."""
    import transformers

    torch.manual_seed(1)
    body = tiny_network(family)
    automatic = getattr(transformers, f"AutoModelFor{head}")
    body.config.num_labels = 3
    whole = automatic.from_config(body.config).eval()
    whole.base_model.load_state_dict(body.state_dict(), strict=False)
    return Model(
        whole,
        tiny_tokenizer(),
        name=family,
        options=ModelOptions(),
        max_tokens=64,
        fingerprint="x",
        body=whole.base_model,
    )


@cache
def model_of(kind: str) -> Model:
    family, _, head = kind.partition(" ")
    if head == "lm":
        return decoder(family)
    if head:
        return with_head(family, {"masked": "MaskedLM", "class": "SequenceClassification"}[head])
    from tests.model.networks import tiny_model

    return tiny_model(family)


def result_of(texts: Texts, row: int) -> torch.Tensor:
    """Run one text by itself, the whole network."""
    with torch.no_grad():
        inputs = texts.inputs(np.array([row]))
        network: Any = texts.model.network
        result = network(input_ids=inputs.ids, attention_mask=inputs.mask)
    states: torch.Tensor = result.last_hidden_state if texts.kind == "embedding" else result.logits
    return states[0]


def slow(texts: Texts, row: int, address: str, value: float) -> dict[str, float]:
    """Measure one neuron on one text by a whole pass."""
    plain = result_of(texts, row)
    with edit(texts.model, {address: value}):
        edited = result_of(texts, row)
    inputs = texts.inputs(np.array([row]))
    targets = inputs.targets[0]
    if texts.kind == "embedding":
        return {"distance": float(1 - functional.cosine_similarity(plain.mean(0), edited.mean(0), dim=0))}
    old, new = plain.log_softmax(-1), edited.log_softmax(-1)
    if texts.kind == "class":
        label = int(targets)
        found = {"kl": float((old.exp() * (old - new)).sum())}
        if label < 0:
            return found
        found["loss"] = float(old[label] - new[label])
        right = [float(int(each.argmax()) == label) for each in (old, new)]
        return found | {"accuracy": right[1] - right[0], "flipped": float(old.argmax() != new.argmax())}
    losses, divergences = [], []
    for at, target in enumerate(targets.tolist()):
        if target >= 0:
            losses.append(float(old[at, target] - new[at, target]))
            divergences.append(float((old[at].exp() * (old[at] - new[at])).sum()))
    return {"loss": float(np.mean(losses)), "kl": float(np.mean(divergences))}


def mean_of(texts: Texts, site: str, layer: int) -> NDArray[np.float64]:
    """Average a site over the texts' own tokens, one text at a time."""
    found: list[torch.Tensor] = []
    rest = Rest(texts, site, layer)
    for row in range(len(texts.lengths)):
        if texts.lengths[row]:
            plain = rest.plain(np.array([row]))
            found.append(plain.states[plain.inputs.own])
    return torch.cat(found).double().mean(0).numpy()
