"""The mean-difference direction: what is added at one layer to every token.

Dims: D hidden width.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurolect.errors import ModelError
from neurolect.interventions.changes import Change
from neurolect.interventions.outcomes import NEXT, kind_of
from neurolect.interventions.reference import token_states
from neurolect.interventions.steering.concept_texts import Part
from neurolect.interventions.steering.held_out_texts import HeldOutTexts
from neurolect.model.architecture.taps import Tap, write
from neurolect.model.language_model import Model
from neurolect.progress import Task

_AT_ONCE = 32
MOST_LAYERS = 12
"""Layers that are tried."""


class Direction(NamedTuple):
    """The mean over tokens of sentences with the concept less that over those without, at one layer."""

    layer: int
    vector: NDArray[np.float32]
    """Shape (D,)."""
    gains: dict[int, float]
    """By layer, nats a token by which adding it once tells texts of the dev part apart better."""

    def changes(self, strength: float) -> dict[str, Change]:
        """Give the change that adds it."""
        return {f"hidden.{self.layer}": ("add", strength * self.vector)}


def mean_direction(model: Model, part: Part, dev: Part, held_out: HeldOutTexts, *, task: Task) -> Direction:
    """Choose the layer at which adding the difference raises texts with the concept most above those without.

    ``part``: what means are over. ``dev``, ``held_out``: texts that the layer is chosen by, the same ones.
    """
    taps = layers_tried(model)
    sides = [
        [text for text, own in zip(part.texts, part.is_of, strict=True) if own == side] for side in (True, False)
    ]
    task.set_total(len(taps) + sum(-(-len(texts) // _AT_ONCE) for texts in sides))
    means = [_means(model, taps, texts, task) for texts in sides]
    vectors = {tap.place.layer: one - other for tap, one, other in zip(taps, *means, strict=True)}
    gains = {}
    for tap in taps:
        layer = tap.place.layer
        away = torch.from_numpy(vectors[layer]).to(model.device)
        measured = held_out.measure(partial(_added, model, tap, away))
        gains[layer] = preference(measured.gain, dev.is_of)
        task.advance()
    best = max(gains, key=lambda layer: (gains[layer] if np.isfinite(gains[layer]) else -np.inf, -layer))
    return Direction(best, vectors[best], gains)


def layers_tried(model: Model) -> list[Tap]:
    """Give the hidden states after at most 12 blocks, evenly spread, the last left out where there are others."""
    taps = [tap for tap in model.taps_at(["hidden"], None)[0] if tap.target is not None and tap.place.layer > 0]
    taps = [tap for tap in taps if tap.place.layer < model.n_layers] or taps
    if not taps:
        what = f"The hidden states of {model.name!r} cannot be set."
        raise ModelError(what, expected="blocks that take the hidden states")
    places = np.unique(np.round(np.linspace(0, len(taps) - 1, min(MOST_LAYERS, len(taps)))).astype(int))
    return [taps[each] for each in places.tolist()]


def _added(model: Model, tap: Tap, away: Tensor) -> AbstractContextManager[None]:
    """Add a vector at a tap, at every token."""
    return write(model.body, [tap], edit=lambda _, states: states + away.to(states.dtype))


def preference(gain: NDArray[np.float64], is_of: NDArray[np.bool_]) -> float:
    """Give the mean gain of texts with the concept less that of those without."""
    return float(np.nanmean(gain[is_of]) - np.nanmean(gain[~is_of]))


def _means(model: Model, taps: Sequence[Tap], texts: Sequence[str], task: Task) -> list[NDArray[np.float32]]:
    """Average every tap over the own tokens of texts; of a decoder's the first is left out: it may be a sink."""
    skip = 1 if kind_of(model) == NEXT else 0
    sums: list[NDArray[np.float64]] = [np.zeros(tap.place.width) for tap in taps]
    n = 0
    for start in range(0, len(texts), _AT_ONCE):
        states = token_states(model, taps, texts[start : start + _AT_ONCE], own=True, skip=skip)
        n += len(states[0])
        for total, each in zip(sums, states, strict=True):
            total += each.double().sum(0).cpu().numpy()
        task.advance()
    return [(total / n).astype(np.float32) for total in sums]
