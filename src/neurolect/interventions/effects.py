"""The effect of setting one neuron, sentence by sentence: many pairs of both in few calls of the network.

Dims: P pairs of a text and a neuron of one site and layer; B texts, R copies of a call, L tokens, W neurons.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurolect.folders.parts import Parts
from neurolect.interventions.outcomes import Changes, Inputs, Texts
from neurolect.interventions.resuming import Plain, Rest, reached
from neurolect.model.architecture.taps import Tap, write
from neurolect.progress import Task

TOKEN_BUDGET = 4_096
ON_GPU = 4
"""How many times as many tokens a call has there."""
_MEANS, _PAIRS, _GROUP, _DONE = "means", "pairs", "group", "done"
"""What is kept over a stop: sums; effects by name, and which pairs or texts they are of."""


class Pairs(NamedTuple):
    """What is measured."""

    text: NDArray[np.int64]
    """Shape (P,)."""
    neuron: NDArray[np.int64]
    """Column in its site and layer, shape (P,)."""
    like: NDArray[np.int64] | None = None
    """The neuron that it is compared with, shape (P,): measured at that one's strongest token, and moved as many
    of its standard deviations as that one is, token by token; itself when not given."""


class Reference(NamedTuple):
    """Values to set neurons to."""

    to: str
    mean: Tensor
    """Shape (W,)."""
    deviation: Tensor
    """Standard deviation, shape (W,)."""
    pool: Tensor | None
    """Values at tokens drawn from the texts, shape (n_tokens, W)."""
    seed: int

    @property
    def set_to(self) -> Tensor:
        """What neurons are set to on average, shape (W,)."""
        return torch.zeros_like(self.mean) if self.to == "zero" else self.mean


def budget_of(texts: Texts) -> int:
    """Say how many tokens a call may have."""
    return TOKEN_BUDGET * (ON_GPU if texts.model.device.type == "cuda" else 1)


def references_of(
    texts: Texts,
    taps: Sequence[Tap],
    *,
    to: str,
    seed: int,
    most: int = 4_096,
    task: Task | None = None,
    parts: Parts | None = None,
) -> list[Reference]:
    """Read for each tap mean and deviation of its neurons over all texts' own tokens, and values to draw from.

    Tokens at which a tap is not finite are left out.

    ``most``: Tokens to draw from, which are drawn from all. ``parts``: Of a pass that was stopped; values to draw
        from are large, and are read again.
    """
    parts = parts if parts is not None and to != "resample" else Parts()
    widths, device = [tap.place.width for tap in taps], texts.model.device
    text, place = _some_tokens(texts, n=most if to == "resample" else 0, seed=seed)
    pools = [torch.empty((len(text), each), device=device) for each in widths]

    def sums_of(group: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        inputs = texts.inputs(group)
        places = inputs.own.flatten().nonzero()[:, 0]
        here = np.flatnonzero(np.isin(text, group))
        rows = np.argsort(group)[np.searchsorted(np.sort(group), text[here])]
        kept = torch.from_numpy(rows * inputs.ids.shape[1] + place[here]).to(places.device)
        sums, counts = [], []
        for number, states in enumerate(states_of(texts, taps, inputs)):
            flat = states.flatten(0, 1)
            own = flat[places].double()
            own = own[own.isfinite().all(1)]
            counts.append(len(own))
            sums.append(torch.stack([own.sum(0), own.square().sum(0)]))
            pools[number][torch.from_numpy(here).to(places.device)] = flat[kept].float()
        return {"totals": torch.cat(sums, 1).cpu().numpy(), "n": np.array(counts)}

    made = parts.summed(_MEANS, texts.groups(token_budget=budget_of(texts)), sums_of, task=task, size=len)
    totals = torch.from_numpy(made["totals"]).to(device)
    found = []
    for (mean, square), count, pool in zip(
        torch.split(totals, widths, dim=1), made["n"].tolist(), pools, strict=True
    ):
        deviation = (square / count - (mean / count).square()).clamp(min=0).sqrt()
        own_pool = pool if to == "resample" else None
        found.append(Reference(to, (mean / count).float(), deviation.float(), own_pool, seed))
    return found


def _some_tokens(texts: Texts, *, n: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw own tokens of the texts, n at most: which text each is of, and its place there."""
    first = texts.sentences.first
    sizes = np.where(texts.usable, texts.sentences.end - first, 0)
    ends = np.cumsum(sizes)
    chosen = np.sort(np.random.default_rng(seed).permutation(int(ends[-1]))[:n])
    text = np.searchsorted(ends, chosen, side="right")
    return text, first[text] + chosen - (ends - sizes)[text]


def states_of(texts: Texts, taps: Sequence[Tap], inputs: Inputs) -> list[Tensor]:
    """Run sentences as they are; give the states of every tap, shape (B, L, W)."""
    found: dict[int, Tensor] = {}

    def see(number: int, states: Tensor) -> Tensor:
        found[number] = states.reshape(*inputs.ids.shape, -1)
        return states

    with torch.inference_mode(), write(texts.model.body, taps, edit=see):
        texts.run(inputs)
    return [reached(found.get(number), tap) for number, tap in enumerate(taps)]


def effects_of_pairs(
    rest: Rest, pairs: Pairs, *, reference: Reference, task: Task | None = None, parts: Parts | None = None
) -> dict[str, NDArray[np.float32]]:
    """Measure pairs; those that were measured before a stop are not measured again.

    Returns: By name (``loss``, ``kl``, ``distance``, ...) the change over a text, shape (P,); with ``peak_`` before
        it, that at the token where the neuron is strongest.
    """
    parts = parts or Parts()
    found, done = _resumed(parts, _PAIRS, n=len(pairs.text), task=task)
    with parts.growing(_PAIRS, lambda: {**found, _DONE: done} if found else None) as grown:
        for places, plain, local in _calls(rest, pairs, done):
            budget = max(1, budget_of(rest.texts) // plain.inputs.ids.shape[1])
            if rest.model.feeding.together == "alone":
                budget = 1
            for start in range(0, len(places), budget):
                here, rows = places[start : start + budget], local[start : start + budget]
                if done[here].all():
                    continue
                rows_t, neurons = (
                    torch.from_numpy(each).to(rest.model.device) for each in (rows, pairs.neuron[here])
                )
                like = neurons if pairs.like is None else torch.from_numpy(pairs.like[here]).to(neurons.device)
                edited = rest.edited(plain, rows_t, _setter(plain, rows_t, neurons, like, reference))
                changes = rest.texts.changes(plain.result, edited, plain.inputs, rows_t)
                for name, values in _named(changes, plain, rows_t, like).items():
                    whole = found.setdefault(name, np.full(len(pairs.text), np.nan, np.float32))
                    whole[here] = values.float().cpu().numpy()
                done[here] = True
                grown()
                if task is not None:
                    task.advance(len(here))
    return found


def _resumed(
    parts: Parts, name: str, *, n: int, task: Task | None
) -> tuple[dict[str, NDArray[Any]], NDArray[np.bool_]]:
    """Give effects by name as a stop left them, and which of n are measured."""
    found = parts.read(name) or {}
    done = found.pop(_DONE, np.zeros(n, bool))
    if task is not None and done.any():
        task.resume(int(done.sum()))
    return found, done


def _calls(
    rest: Rest, pairs: Pairs, done: NDArray[np.bool_]
) -> Iterator[tuple[NDArray[np.int64], Plain, NDArray[np.int64]]]:
    """Yield groups of texts as they are, the pairs of each, and the row of each pair's text; none that is done."""
    order = np.argsort(pairs.text, kind="stable")
    sorted_texts = pairs.text[order]
    wanted = np.unique(sorted_texts)
    for group in rest.texts.groups(token_budget=budget_of(rest.texts)):
        rows = group[np.isin(group, wanted)]
        if not len(rows):
            continue
        starts, stops = (np.searchsorted(sorted_texts, rows, side=side) for side in ("left", "right"))
        places = np.concatenate([order[a:b] for a, b in zip(starts, stops, strict=True)])
        if not done[places].all():
            yield places, rest.plain(rows), np.repeat(np.arange(len(rows)), stops - starts)


def _setter(
    plain: Plain, rows: Tensor, neurons: Tensor, like: Tensor, reference: Reference
) -> Callable[[Tensor], Tensor]:
    """Make what sets one neuron of each copy at all its tokens, or moves it as far as another one would be."""
    real = plain.inputs.mask[rows].bool()
    copies = torch.arange(len(rows), device=rows.device)
    itself = (neurons == like)[:, None]
    spread = reference.deviation[like]
    ratio = torch.where(spread > 0, reference.deviation[neurons] / spread, 0.0)[:, None]

    def set_them(states: Tensor) -> Tensor:
        old, of_like = states[copies, :, neurons], states[copies, :, like]
        if reference.pool is None:
            value = reference.set_to[like][:, None].expand(old.shape)
        else:
            value = reference.pool[_drawn(reference, plain.inputs)[rows], like[:, None]]
        new = torch.where(itself, value, old + ratio * (value - of_like))
        states[copies, :, neurons] = torch.where(real, new.to(states.dtype), old)
        return states

    return set_them


def _drawn(reference: Reference, inputs: Inputs) -> Tensor:
    """Draw where the value of each token is from, by seed, text and token alone: shape (B, L)."""
    n, size = len(reference.pool) if reference.pool is not None else 0, inputs.ids.shape[1]
    drawn = [np.random.default_rng([reference.seed, each]).random(size) for each in inputs.text.tolist()]
    return torch.from_numpy((np.stack(drawn) * n).astype(np.int64)).to(inputs.ids.device)


def _named(changes: Changes, plain: Plain, rows: Tensor, peaks: Tensor) -> dict[str, Tensor]:
    """Put the change over a text and that at the strongest token together."""
    found = dict(changes.of_sentence)
    if changes.of_token:
        at = strongest_tokens(plain.states[rows, :, peaks], plain.inputs, rows)
        copies = torch.arange(len(rows), device=rows.device)
        found |= {f"peak_{name}": values[copies, at] for name, values in changes.of_token.items()}
    return found


def strongest_tokens(values: Tensor, inputs: Inputs, rows: Tensor) -> Tensor:
    """Find each copy's own token of the greatest value, the first of equal ones; shape (R,)."""
    return torch.where(inputs.own[rows], values.float(), -torch.inf).argmax(1)


def effects_of_group(
    texts: Texts,
    taps: Sequence[Tap],
    columns: Sequence[NDArray[np.int64]],
    references: Sequence[Reference],
    *,
    task: Task | None = None,
    parts: Parts | None = None,
) -> dict[str, NDArray[np.float32]]:
    """Measure the effect of setting many neurons at once, wherever they are; not again what was before a stop.

    ``columns``: For each tap the neurons that are set.
    Returns: By name the change over a text, shape (n_texts,); NaN where nothing is predicted.
    """
    parts = parts or Parts()
    found, done = _resumed(parts, _GROUP, n=len(texts.lengths), task=task)
    with parts.growing(_GROUP, lambda: {**found, _DONE: done} if found else None) as grown:
        for group in texts.groups(token_budget=budget_of(texts)):
            if done[group].all():
                continue
            inputs = texts.inputs(group)
            rows = torch.arange(len(group), device=texts.model.device)
            edit = partial(_with_group, inputs=inputs, columns=columns, references=references)
            with torch.inference_mode():
                plain = texts.run(inputs)
                with write(texts.model.body, taps, edit=edit):
                    edited = texts.run(inputs)
            for name, values in texts.changes(plain, edited, inputs, rows).of_sentence.items():
                whole = found.setdefault(name, np.full(len(texts.lengths), np.nan, np.float32))
                whole[group] = values.float().cpu().numpy()
            done[group] = True
            grown()
            if task is not None:
                task.advance(len(group))
    return found


def _with_group(
    number: int,
    states: Tensor,
    *,
    inputs: Inputs,
    columns: Sequence[NDArray[np.int64]],
    references: Sequence[Reference],
) -> Tensor:
    """Set the neurons of a group at one tap."""
    made = states.reshape(*inputs.ids.shape, -1).clone()
    own, reference = torch.from_numpy(columns[number]).to(made.device), references[number]
    old = made[..., own]
    pool = reference.pool
    new = reference.set_to[own].expand(old.shape) if pool is None else pool[_drawn(reference, inputs)][..., own]
    made[..., own] = torch.where(inputs.mask[..., None].bool(), new.to(old.dtype), old)
    return made.reshape(states.shape)
