"""The objective of a linear probe, mean loss + l1 * sum |W| + l2 * sum W^2, and the bound that its dual gives.

It is solved in V = W * scale, the weights of columns of unit spread: what is best stays best, and steps are better.
Dims: K rows of weights, N neurons, T units.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from neurolect.probing.probes.design import Design
from neurolect.probing.probes.losses import Evaluated, Loss


class Point(NamedTuple):
    """Weights with what is known there."""

    weights_KN: Tensor
    """V."""
    scores_TK: Tensor
    loss: Evaluated
    smooth: float
    """Mean loss and l2 penalty."""
    value: float
    """All of the objective."""


class Slope(NamedTuple):
    """Derivatives at a point."""

    of_loss_KN: Tensor
    """Of the mean loss."""
    of_smooth_KN: Tensor
    """With that of the l2 penalty."""


class Objective:
    """The objective in V, whose penalties differ by column where those of W are the same."""

    def __init__(self, design: Design, loss: Loss, *, l1: float, l2: float, scaled: bool) -> None:
        """Take penalties of W, or, where `scaled`, of V itself."""
        self.design, self.loss = design, loss
        ones = torch.ones_like(design.scale_N)
        self.l1_N = l1 * (ones if scaled else 1 / design.scale_N)
        self.l2_N = l2 * (ones if scaled else 1 / design.scale_N**2)
        self.l1, self.l2 = l1, l2

    def at(self, weights_KN: Tensor, *, biases: Tensor, scores_TK: Tensor | None = None) -> Point:
        """Evaluate it; the biases are where the search for the best ones begins."""
        if scores_TK is None:
            scores_TK = self.design.project(weights_KN / self.design.scale_N)
        found = self.loss.evaluate(scores_TK, biases)
        smooth = found.value + float((self.l2_N * weights_KN * weights_KN).sum(dtype=torch.float64))
        return Point(weights_KN, scores_TK, found, smooth, smooth + self.l1_part(weights_KN))

    def l1_part(self, weights_KN: Tensor) -> float:
        """Give the l1 penalty."""
        return float((self.l1_N * weights_KN.abs()).sum(dtype=torch.float64))

    def slope(self, point: Point) -> Slope:
        """Give the derivatives of the part that has them."""
        of_loss = self.design.gradient(point.loss.residuals_TK) / self.design.scale_N
        return Slope(of_loss, of_loss + 2 * self.l2_N * point.weights_KN)

    def steepest(self, point: Point, slope: Slope) -> Tensor:
        """Give the least subgradient (Andrew and Gao 2007, eq. 4): 0 where no small step is better."""
        weights, smooth = point.weights_KN, slope.of_smooth_KN
        signed = smooth + self.l1_N * weights.sign()
        shrunk = smooth.sign() * (smooth.abs() - self.l1_N).clamp(min=0)
        return torch.where(weights != 0, signed, shrunk)

    def lower_bound(self, point: Point, slope: Slope) -> float:
        """Give a value that the objective has nowhere less than: of the dual, at a share of the residuals.

        The dual of min L(XW) + sum of h_j(w_j) at u is -L*(u) - sum of h_j*(-X'u)_j; h_j* is
        (|g| - l1_j)^2 / 4 l2_j above l1_j. The bound is concave in the share of the residuals.
        """
        if self.l1 == 0 and self.l2 == 0:
            return -math.inf
        size_KN = slope.of_loss_KN.abs()
        most = 1.0
        if self.l2 == 0:
            most = min(
                1.0,
                float((self.l1_N / size_KN.clamp(min=1e-300 if size_KN.dtype == torch.float64 else 1e-37)).min()),
            )

        def bound(share: float) -> float:
            value = -point.loss.conjugate(share)
            if self.l2 > 0:
                over = (share * size_KN - self.l1_N).clamp_(min=0)
                value -= float((over * over / (4 * self.l2_N)).sum(dtype=torch.float64))
            return value

        low, high = 0.0, most
        best = bound(most)
        golden = (math.sqrt(5) - 1) / 2
        one, other = high - golden * (high - low), low + golden * (high - low)
        value_one, value_other = bound(one), bound(other)
        for _ in range(12):
            best = max(best, value_one, value_other)
            if value_one > value_other:
                high, other, value_other = other, one, value_one
                one = high - golden * (high - low)
                value_one = bound(one)
            else:
                low, one, value_one = one, other, value_other
                other = low + golden * (high - low)
                value_other = bound(other)
        return best
