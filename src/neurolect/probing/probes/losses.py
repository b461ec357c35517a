"""The losses of linear probes as functions of the scores, with the biases at their best for them.

Since the biases are not penalised, each loss is minimised over them first: residuals then sum to 0 over the units,
and so are a feasible point of the dual problem. Dims: T units, K classes (1 for logistic and squared losses).
"""

import math
from collections.abc import Callable
from typing import NamedTuple, Protocol

import torch
from torch import Tensor


class Evaluated(NamedTuple):
    """A loss at some scores."""

    value: float
    """Mean loss of the units, at the best biases."""
    biases: Tensor
    """Shape (K,), float64."""
    residuals_TK: Tensor
    """Derivatives of the mean loss by the scores."""
    conjugate: Callable[[float], float]
    """Sum of the convex conjugates of the units' losses at the residuals times a share of 0 to 1."""


class Loss(Protocol):
    """A mean loss of units, convex in the scores."""

    n_outputs: int
    """Columns of scores."""

    def evaluate(self, scores_TK: Tensor, biases: Tensor) -> Evaluated:
        """Evaluate it at the best biases, searched for from the given ones."""
        ...


class Softmax:
    """Minus the log-probability of the label: of K classes, or of two by one row of scores (logistic)."""

    def __init__(self, labels_T: Tensor, *, n_classes: int, weights_T: Tensor | None = None) -> None:
        self.labels_T1 = labels_T.long().unsqueeze(1)
        self.n_outputs = n_classes if n_classes > 2 else 1
        n = len(labels_T)
        even = torch.full((n,), 1.0 / n, dtype=torch.float64, device=labels_T.device)
        self.weights_T = even if weights_T is None else (weights_T.double() / weights_T.double().sum())
        shares = torch.zeros(n_classes, dtype=torch.float64, device=labels_T.device)
        self.shares_K = shares.index_add_(0, labels_T.long(), self.weights_T)

    def start(self) -> Tensor:
        """Give the best biases where all weights are 0."""
        logs = self.shares_K.log()
        return logs - logs.mean() if self.n_outputs > 1 else logs[1:] - logs[:1]

    def evaluate(self, scores_TK: Tensor, biases: Tensor) -> Evaluated:
        """Find the best biases by Newton's steps, and evaluate there."""
        for _ in range(30):
            logs_TK, chances_TK = self._chances(scores_TK, biases)
            away = self._sum(chances_TK) - (self.shares_K if self.n_outputs > 1 else self.shares_K[1:])
            if float(away.abs().max()) < _flat(scores_TK.dtype):
                break
            step = torch.linalg.solve(self._curvature(chances_TK), away)
            biases = biases - step.clamp(-2.0, 2.0)
        value, plain, own = self._value(scores_TK, biases, logs_TK, chances_TK)
        residuals = chances_TK.clone()
        if self.n_outputs > 1:
            residuals.scatter_add_(1, self.labels_T1, -torch.ones_like(residuals[:, :1]))
        else:
            residuals -= self.labels_T1.to(residuals.dtype)
        residuals *= self.weights_T.to(residuals.dtype).unsqueeze(1)

        def conjugate(share: float) -> float:
            mixed = 1.0 - share * (1.0 - own)
            others = (1.0 - own) * (share * math.log(share) if share > 0 else 0.0)
            each = share * plain + others + torch.special.xlogy(mixed, mixed)
            return float((self.weights_T * each).sum())

        return Evaluated(value, biases, residuals, conjugate)

    def _chances(self, scores_TK: Tensor, biases: Tensor) -> tuple[Tensor, Tensor]:
        """Give log-probabilities and probabilities; of two classes of the second one only."""
        shifted = scores_TK + biases.to(scores_TK.dtype)
        if self.n_outputs > 1:
            logs = torch.log_softmax(shifted, 1)
            return logs, logs.exp()
        return shifted, torch.sigmoid(shifted)

    def _sum(self, chances_TK: Tensor) -> Tensor:
        return torch.mv(chances_TK.T.double(), self.weights_T)

    def _curvature(self, chances_TK: Tensor) -> Tensor:
        """Give the second derivatives by the biases, with a little on the diagonal where they are flat."""
        weighted = chances_TK * self.weights_T.to(chances_TK.dtype).unsqueeze(1)
        curved = torch.diag(self._sum(chances_TK)) - (weighted.T @ chances_TK).double()
        n = len(curved)
        if n > 1:  # the sum of all biases changes nothing
            curved = curved + 1.0 / (n * n)
        return curved + 1e-10 * torch.eye(n, dtype=curved.dtype, device=curved.device)

    def _value(
        self, scores_TK: Tensor, biases: Tensor, logs_TK: Tensor, chances_TK: Tensor
    ) -> tuple[float, Tensor, Tensor]:
        """Give the mean loss; of each unit the sum of p log p over the other classes, and the label's p."""
        if self.n_outputs > 1:
            log_own = logs_TK.gather(1, self.labels_T1).squeeze(1).double()
            own = log_own.exp()
            plain = (chances_TK * logs_TK).sum(1).double() - own * log_own
        else:
            signed = torch.where(self.labels_T1 == 1, logs_TK, -logs_TK).squeeze(1).double()
            log_own, log_other = (torch.nn.functional.logsigmoid(each) for each in (signed, -signed))
            own = log_own.exp()
            plain = log_other.exp() * log_other
        return float(-(self.weights_T * log_own).sum()), plain, own


class Squared:
    """The squared difference from the target."""

    n_outputs = 1

    def __init__(self, targets_T: Tensor, *, weights_T: Tensor | None = None) -> None:
        self.targets_T = targets_T.double()
        n = len(targets_T)
        even = torch.full((n,), 1.0 / n, dtype=torch.float64, device=targets_T.device)
        self.weights_T = even if weights_T is None else (weights_T.double() / weights_T.double().sum())

    def start(self) -> Tensor:
        """Give the best bias where all weights are 0."""
        return (self.weights_T * self.targets_T).sum().reshape(1)

    def evaluate(self, scores_TK: Tensor, biases: Tensor) -> Evaluated:
        """Take the mean difference as the bias, and evaluate there."""
        away = scores_TK[:, 0].double() - self.targets_T
        biases = -(self.weights_T * away).sum().reshape(1)
        away = away + biases
        squared = float((self.weights_T * away * away).sum())
        crossed = float((self.weights_T * away * self.targets_T).sum())
        residuals = (2.0 * self.weights_T * away).to(scores_TK.dtype).unsqueeze(1)
        return Evaluated(squared, biases, residuals, lambda share: share * share * squared + 2.0 * share * crossed)


def _flat(dtype: torch.dtype) -> float:
    """Give the derivative by a bias that counts as 0."""
    return 1e-7 if dtype == torch.float32 else 1e-13
