"""What setting every neuron would change, to first order: one forward and one backward pass for all of them.

Loss: the gradient times the change, summed over a text's tokens. Distances and divergences have no first order; for
embeddings the second is estimated from gradients along random directions.

Dims: B texts of a call, L tokens, W neurons of a site and layer, N neurons of all sites and layers asked for.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurolect.folders.parts import Parts
from neurolect.interventions.effects import budget_of
from neurolect.interventions.outcomes import CLASS, EMBEDDING, NOTHING, Inputs, Texts
from neurolect.model.architecture.taps import Tap, write
from neurolect.progress import Task

N_DIRECTIONS = 8
"""Random directions along which the change of an embedding is estimated."""
_PASS = "estimates"
"""What is kept of the pass over a stop."""


def estimated_changes(
    texts: Texts,
    taps: Sequence[Tap],
    means: Sequence[Tensor],
    *,
    seed: int = 0,
    task: Task | None = None,
    parts: Parts | None = None,
) -> NDArray[np.float64]:
    """Estimate the mean change of loss or distance over the texts, for every neuron set to a value.

    ``means``: For each tap what its neurons are set to, shape (W,). ``parts``: Of a pass that was stopped.
    Returns: float64, shape (N,), in the order of the taps.
    """
    parts, random = parts or Parts(), torch.Generator().manual_seed(seed)
    totals = torch.zeros(sum(map(len, means)), dtype=torch.float64, device=means[0].device)
    n, n_done, known = 0.0, 0, parts.read(_PASS)
    groups = texts.groups(token_budget=max(1, budget_of(texts) // 2))
    if known is not None:
        totals, n, n_done = torch.from_numpy(known["totals"]).to(totals), float(known["n"]), int(known["n_done"])
        random.set_state(torch.from_numpy(known["random"]))
        if task is not None:
            task.resume(sum(map(len, groups[:n_done])))
    with parts.growing(_PASS, lambda: known) as grown:
        for group in groups[n_done:]:
            inputs = texts.inputs(group)
            found, weight = _of_call(texts, inputs, taps, means, random)
            n, n_done = n + weight, n_done + 1
            totals = totals + torch.cat(found)
            state = {"totals": totals.cpu().numpy(), "random": random.get_state().numpy()}
            known = {**state, "n": np.array(n), "n_done": np.array(n_done)}
            grown()
            if task is not None:
                task.advance(len(group))
    return (totals / max(n, 1.0)).cpu().numpy()


def _weight(texts: Texts, inputs: Inputs, fine: Tensor) -> float:
    """Count what losses are means over: predicted tokens, or texts."""
    if texts.kind == EMBEDDING:
        return float(fine.sum())
    return float((inputs.targets[fine] != NOTHING).sum())


def _fine(result: Tensor, inputs: Inputs) -> Tensor:
    """Say of which texts all that the network gives is finite: bool, shape (B,)."""
    finite = result.detach().isfinite().all(-1)
    return finite if finite.ndim == 1 else (finite | ~inputs.mask.bool()).all(1)


def _of_call(
    texts: Texts, inputs: Inputs, taps: Sequence[Tap], means: Sequence[Tensor], random: torch.Generator
) -> tuple[list[Tensor], float]:
    """Sum over the texts of a call what each neuron would change; those that give NaN are left out."""
    leaves: list[Tensor | None] = [None] * len(taps)
    states: list[Tensor | None] = [None] * len(taps)

    def edit(number: int, given: Tensor) -> Tensor:
        leaf = torch.zeros_like(given).requires_grad_()
        leaves[number], states[number] = leaf, given.detach()
        return given + leaf

    with torch.enable_grad(), write(texts.model.body, taps, edit=edit):
        result = texts.run(inputs)
        wanted, fine = _wanted(texts, result, inputs, random), _fine(result, inputs)
        found = [torch.zeros(len(each), dtype=torch.float64, device=each.device) for each in means]
        for number, one in enumerate(wanted):
            gradients = torch.autograd.grad(
                one, [each for each in leaves if each is not None], retain_graph=number + 1 < len(wanted)
            )
            for place, (gradient, value, mean) in enumerate(zip(gradients, states, means, strict=True)):
                found[place] += _summed(texts, gradient, value, mean, inputs, fine)
    return found, _weight(texts, inputs, fine)


def _summed(
    texts: Texts, gradient: Tensor, states: Tensor | None, mean: Tensor, inputs: Inputs, fine: Tensor
) -> Tensor:
    """Multiply a gradient by the change, and sum over tokens and texts; squares of texts' sums for embeddings."""
    if states is None:  # never: every tap ran
        msg = "a tap did not run"
        raise RuntimeError(msg)
    shape = (*inputs.ids.shape, -1)
    change = (mean - states.reshape(shape).float()) * inputs.mask[..., None]
    of_texts = (gradient.reshape(shape).float() * change).sum(1).double()[fine]
    return 0.5 * of_texts.square().sum(0) if texts.kind == EMBEDDING else of_texts.sum(0)


def _wanted(texts: Texts, result: Tensor, inputs: Inputs, random: torch.Generator) -> list[Tensor]:
    """Give the numbers whose gradients are taken."""
    if texts.kind != EMBEDDING:
        scores, targets = (
            (result, inputs.targets) if texts.kind == CLASS else (result.flatten(0, 1), inputs.targets.flatten())
        )
        return [torch.nn.functional.cross_entropy(scores.float(), targets, reduction="sum", ignore_index=NOTHING)]
    real = inputs.mask.float()[..., None]
    embedded = torch.nn.functional.normalize((result.float() * real).sum(1) / real.sum(1), dim=-1)
    directions = torch.randn((N_DIRECTIONS, embedded.shape[1]), generator=random).to(embedded.device)
    return [(embedded @ each).sum() / N_DIRECTIONS**0.5 for each in directions]
