"""Orthant-wise limited-memory quasi-Newton steps: the solver of linear probes.

References: G. Andrew, J. Gao (2007), Scalable training of L1-regularized log-linear models, ICML.
Dims: K rows of weights, N neurons.
"""

import math
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from neurolect.probing.probes.objective import Objective, Point

MEMORY = 10


class Solved(NamedTuple):
    """Where the steps ended."""

    point: Point
    gap: float
    """Objective less the greatest lower bound, as a share of the objective; NaN without penalties."""
    gradient: float
    """Greatest absolute value of the least subgradient."""
    n_steps: int
    ended_by: str
    """``gap``, ``gradient``, ``steps``, or ``precision``: no step was better in this precision."""


class _History:
    """The last steps and changes of the gradient, for the product with the inverse curvature."""

    def __init__(self, scale_N: Tensor) -> None:
        self.scale_N = scale_N
        """Inverse curvature of columns before any step is known, as the l2 penalty has it."""
        self.pairs: deque[tuple[Tensor, Tensor, float]] = deque(maxlen=MEMORY)

    def add(self, step_KN: Tensor, change_KN: Tensor) -> None:
        curved = _dot(step_KN, change_KN)
        if curved > 1e-10 * _dot(change_KN, change_KN):
            self.pairs.append((step_KN, change_KN, curved))

    def direction(self, steepest_KN: Tensor) -> Tensor:
        """Give minus the inverse curvature times the subgradient."""
        moved = -steepest_KN
        parts = []
        for step, change, curved in reversed(self.pairs):
            part = _dot(step, moved) / curved
            moved = moved - part * change
            parts.append(part)
        moved = moved * self.scale_N
        if self.pairs:
            _, change, curved = self.pairs[-1]
            moved = moved * (curved / _dot(change, change * self.scale_N))
        for (step, change, curved), part in zip(self.pairs, reversed(parts), strict=True):
            moved = moved + (part - _dot(change, moved) / curved) * step
        return moved


def owl_qn(
    objective: Objective,
    start: Point,
    *,
    gap: float,
    gradient: float,
    max_steps: int,
    after_step: Callable[[int, Point, float], None] = lambda number, point, bound: None,
) -> Solved:
    """Minimise from a start until the duality gap or the gradient is small."""
    scale_N = 1 / (8 * objective.l2_N).clamp(min=1)  # the curvature of the loss is at most 1/4
    point, history, number, bound = start, _History(scale_N), 0, -math.inf
    slope = objective.slope(point)
    while True:
        steepest = objective.steepest(point, slope)
        largest = float(steepest.abs().max())
        bound = max(bound, objective.lower_bound(point, slope))
        share = (point.value - bound) / point.value if math.isfinite(bound) and point.value > 0 else math.nan
        after_step(number, point, bound)
        ended = "gap" if share <= gap else "gradient" if largest <= gradient else ""
        ended = ended or ("steps" if number == max_steps else "")
        moved = None if ended else _next(objective, point, steepest, history)
        if moved is None and not ended and history.pairs:
            history = _History(scale_N)
            moved = _next(objective, point, steepest, history)
        if moved is None:
            return Solved(point, share, largest, number, ended or "precision")
        new_slope = objective.slope(moved)
        history.add(moved.weights_KN - point.weights_KN, new_slope.of_smooth_KN - slope.of_smooth_KN)
        point, slope, number = moved, new_slope, number + 1


def _next(objective: Objective, point: Point, steepest: Tensor, history: _History) -> Point | None:
    """Search along the direction, inside the orthant; None where no step is better."""
    direction = history.direction(steepest)
    direction = torch.where(direction * steepest < 0, direction, torch.zeros_like(direction))
    orthant = torch.where(point.weights_KN != 0, point.weights_KN.sign(), -steepest.sign())
    length = 1.0 if history.pairs else min(1.0, 1.0 / float(steepest.norm()))
    for _ in range(30):
        weights = point.weights_KN + length * direction
        if objective.l1 > 0:
            weights = torch.where(weights * orthant > 0, weights, torch.zeros_like(weights))
        found = objective.at(weights, biases=point.loss.biases)
        if found.value <= point.value + 1e-4 * _dot(steepest, weights - point.weights_KN):
            return found if found.value < point.value else None
        length *= 0.5 if history.pairs else 0.2
    return None


def _dot(one_KN: Tensor, other_KN: Tensor) -> float:
    return float(torch.dot(one_KN.flatten(), other_KN.flatten()))
