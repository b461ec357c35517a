"""Adapt a decoder to a domain without forgetting: prune, distil, restore what was pruned and train that alone.

    python examples/adapt.py smollm2 CORPUS --label domain=recipe

Gu et al. (2021): the mlp neurons that matter least on the other domains (gradient times activation) are pruned,
the rest is trained to give what the whole network gives there, and then only the weights of the pruned neurons,
restored, are trained on the new domain. Next to it, from the same texts in as many steps: training all weights,
and training those of as many random neurons, or of the same ones, without pruning before. Loss is of held-out
sentences, nats a token.
"""

import argparse
import copy
import sys
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from show import mean, table, texts_by_class
from torch import Tensor, nn
from torch.nn import functional

import neurolect
from neurolect.interventions import text_losses
from neurolect.model import Model

PARTS = {"gate_proj": 0, "up_proj": 0, "down_proj": 1}
"""Matrices around mlp neurons, and the axis that neurons are on."""

Masks = dict[str, Tensor]
"""Which weights of a parameter may change, by its name; of parameters that are not named none may."""


def loss_of(model: Model, texts: Sequence[str], *, teacher: nn.Module | None = None) -> Tensor:
    """Give the mean loss of next tokens, or how far they are from a teacher's."""
    tokenizer: Any = model.tokenizer
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    given = tokenizer(list(texts), padding=True, truncation=True, max_length=64, return_tensors="pt").to(
        model.device
    )
    keywords = {"input_ids": given.input_ids, "attention_mask": given.attention_mask}
    network: Any = model.network
    scores, real = network(**keywords).logits[:, :-1], given.attention_mask[:, 1:].bool()
    if teacher is None:
        return functional.cross_entropy(scores[real], given.input_ids[:, 1:][real])
    with torch.no_grad():
        wanted = teacher(**keywords).logits[:, :-1].log_softmax(-1)
    return (wanted.exp() * (wanted - scores.log_softmax(-1))).sum(-1)[real].mean()


def least(model: Model, texts: Sequence[str], share: float) -> list[NDArray[np.int64]]:
    """Give each layer's neurons with the least |gradient times activation|, summed over the tokens of texts."""
    network, seen = model.network, list[Tensor]()
    modules = [each for name, each in network.named_modules() if name.endswith("down_proj")]

    def keep(_module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        seen.append(inputs[0].detach().requires_grad_() if not inputs[0].requires_grad else inputs[0])
        seen[-1].retain_grad()
        return (seen[-1],)

    hooks, totals = [each.register_forward_pre_hook(keep) for each in modules], [0.0] * len(modules)
    for start in range(0, len(texts), 8):
        seen.clear()
        loss_of(model, texts[start : start + 8]).backward()
        totals = [total + (each * each.grad).abs().sum((0, 1)) for total, each in zip(totals, seen, strict=True)]
    for hook in hooks:
        hook.remove()
    orders = [torch.argsort(total, stable=True).cpu().numpy() for total in totals]
    return [np.sort(order[: round(share * len(order))]) for order in orders]


def masks_of(network: nn.Module, pruned: Sequence[NDArray[np.int64]]) -> Masks:
    """Say which weights belong to neurons."""
    found: Masks = {}
    for name, axis in PARTS.items():
        own = [(key, each) for key, each in network.named_parameters() if f"{name}.weight" in key]
        if len(own) != len(pruned):
            sys.exit(f"The network has {len(own)} matrices {name} for {len(pruned)} layers; a Llama has one each.")
        for (key, weight), neurons in zip(own, pruned, strict=True):
            found[key] = torch.zeros(weight.shape, dtype=torch.bool, device=weight.device)
            found[key].index_fill_(axis, torch.from_numpy(neurons).to(weight.device), True)
    return found


def prune(network: nn.Module, masks: Masks) -> dict[str, Tensor]:
    """Set weights to 0; give what they were."""
    with torch.no_grad():
        kept = {name: each.clone() for name, each in network.named_parameters() if name in masks}
        for name, each in network.named_parameters():
            if name in masks:
                each[masks[name]] = 0.0
    return kept


def train(
    model: Model,
    texts: Sequence[str],
    *,
    masks: Masks | None,
    steps: int,
    rate: float,
    batch: int,
    seed: int,
    teacher: nn.Module | None = None,
    frozen: Masks | None = None,
) -> None:
    """Train on the next token, or to give what a teacher gives; only weights in `masks`, and none in `frozen`."""
    network: Any = model.network
    named = {name: each for name, each in network.named_parameters() if masks is None or name in masks}
    for each in named.values():
        each.requires_grad_(True)
    optimiser, random = torch.optim.Adam(named.values(), lr=rate), np.random.default_rng(seed)
    for step in range(steps):
        chosen = [texts[each] for each in random.integers(len(texts), size=batch)]
        loss = loss_of(model, chosen, teacher=teacher)
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / 5, (steps - step) / (0.2 * steps))
        optimiser.zero_grad()
        loss.backward()
        for name, each in named.items():  # Adam leaves alone what never has a gradient
            if each.grad is not None and masks is not None:
                each.grad[~masks[name]] = 0.0
            if each.grad is not None and frozen is not None and name in frozen:
                each.grad[frozen[name]] = 0.0
        optimiser.step()
    for each in named.values():
        each.requires_grad_(False)


def main() -> None:
    """Print a row a way of adapting."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("corpus")
    parser.add_argument("--label", default="domain=recipe", help="the new domain: COLUMN=VALUE")
    parser.add_argument("--share", type=float, default=0.3, help="of each layer's neurons that are pruned")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rate", type=float, default=1e-4)
    parser.add_argument(
        "--texts", type=int, default=100, help="sentences of a class; a fifth as many are tested on"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    column, _, value = given.label.partition("=")
    drawn = [
        texts_by_class(given.corpus, column, part=part, n=n)
        for part, n in (("mining", given.texts), ("held_out", given.texts // 5))
    ]
    if any(value not in own or len(own) < 2 for own in drawn):
        sys.exit(f"{given.label}: there are {', '.join(drawn[0])} with {given.texts} sentences.")
    new, others = (
        [own[value] for own in drawn],
        [list(chain.from_iterable(t for v, t in own.items() if v != value)) for own in drawn],
    )
    options = neurolect.ModelOptions(dtype="float32")
    model = neurolect.load_model(given.model, head="lm", device=given.device, options=options)
    whole, how = (
        copy.deepcopy(model.network),
        {"steps": given.steps, "rate": given.rate, "batch": given.batch, "seed": given.seed},
    )
    measured: dict[str, list[NDArray[np.float64]]] = {}

    def note(name: str) -> None:
        measured[name] = [text_losses(model, each[1]) for each in (new, others)]

    def again() -> None:
        model.network.load_state_dict(whole.state_dict())

    note("as it is")
    masks = masks_of(model.network, least(model, others[0][:: max(1, len(others[0]) // 100)], given.share))
    kept = prune(model.network, masks)
    note("pruned")
    train(model, others[0], masks=None, frozen=masks, teacher=whole, **how)
    note("pruned and distilled")
    with torch.no_grad():
        for name, each in model.network.named_parameters():
            if name in masks:
                each[masks[name]] = kept[name][masks[name]]
    note("restored")
    train(model, new[0], masks=masks, **how)
    note("restored and trained")
    again()
    train(model, new[0], masks=masks, **how)
    note("the same neurons, not pruned before")
    again()
    random = np.random.default_rng(given.seed)
    sizes = [each.shape[1] for name, each in model.network.named_parameters() if "down_proj.weight" in name]
    others_ = [random.permutation(size)[: round(given.share * size)] for size in sizes]
    drawn_masks = masks_of(model.network, others_)
    train(model, new[0], masks=drawn_masks, **how)
    note("random neurons, not pruned before")
    again()
    train(model, new[0], masks=None, **how)
    note("all weights")
    plain = measured["as it is"]
    rows = [
        {
            "": name,
            value: mean(own[0]),
            f"{value}, change": mean(own[0] - plain[0]),
            "others": mean(own[1]),
            "others, change": mean(own[1] - plain[1]),
        }
        for name, own in measured.items()
    ]
    print(table(rows))


if __name__ == "__main__":
    main()
