"""Gaussian probes: a normal distribution of activations in every class, and the greedy choice of neurons for one.

Dims: T units, N neurons, K classes, C neurons chosen so far.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurolect.probing.class_moments import class_moments
from neurolect.probing.labels import class_counts
from neurolect.probing.probes.linear import class_names
from neurolect.probing.rows import Rows, Selection, as_rows, row_numbers, tensor_of

WIDTH, HEIGHT = 64, 128
"""Neurons and units that the criterion is computed for at once."""


class Step(NamedTuple):
    """What a probe on the neurons chosen so far reaches on the test units."""

    neuron: int
    """The one chosen in this step."""
    criterion: float
    """Its value on the validation units."""
    accuracy: float
    information: float
    """H(y) - H(y|C) in bits, the latter as the mean of -log2 p(label | activations)."""
    normalised: float
    """`information` as a share of H(y)."""
    most: float
    """Greatest `information` so far: each is a lower bound, and a bad fit may lower it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GaussianProbe:
    """A normal distribution for every class, and the classes' shares.

    Attributes
    ----------
    means : float64 array, shape (K, C)
    covariances : float64 array, shape (K, C, C)
    log_shares : float64 array, shape (K,)
        Of the classes among the units fitted on, one unit added to each.
    columns : int64 array, shape (C,)
        Which neurons it reads.
    classes : tuple of str
        In the order of the labels' codes.
    """

    means: NDArray[np.float64]
    covariances: NDArray[np.float64]
    log_shares: NDArray[np.float64]
    columns: NDArray[np.int64]
    classes: tuple[str, ...]

    def scores(
        self, rows: Rows | NDArray[Any], chosen: NDArray[np.int64] | slice | None = None
    ) -> NDArray[np.float64]:
        """Give the log-density of units in each class, and the log of its share.

        Parameters
        ----------
        rows : Rows or float array, shape (n_units, n_neurons)
        chosen : int array or slice, optional
            Which units; all when not given.

        Returns
        -------
        float64 array, shape (n_chosen, K)
        """
        values = _values(as_rows(rows), row_numbers(chosen, as_rows(rows).n_rows), self.columns).numpy()
        found = np.empty((len(values), len(self.classes)))
        for label, (mean, covariance) in enumerate(zip(self.means, self.covariances, strict=True)):
            factor = np.linalg.cholesky(covariance)
            away = np.linalg.solve(factor, (values - mean).T)
            constant = np.log(np.diag(factor)).sum() + 0.5 * len(mean) * math.log(2 * math.pi)
            found[:, label] = self.log_shares[label] - 0.5 * (away**2).sum(axis=0) - constant
        return found

    def predict(
        self, rows: Rows | NDArray[Any], chosen: NDArray[np.int64] | slice | None = None
    ) -> NDArray[np.int64]:
        """Predict the class of units: its code.

        Parameters
        ----------
        rows, chosen
            As for :meth:`scores`.

        Returns
        -------
        int64 array, shape (n_chosen,)
        """
        best: NDArray[np.int64] = self.scores(rows, chosen).argmax(axis=1)
        return best

    def accuracy(
        self,
        rows: Rows | NDArray[Any],
        labels: NDArray[np.int64],
        chosen: NDArray[np.int64] | slice | None = None,
    ) -> float:
        """Give the share of units whose class is predicted.

        Parameters
        ----------
        rows, chosen
            As for :meth:`scores`.
        labels : int array, shape (n_units,)

        Returns
        -------
        float
        """
        truth = labels[row_numbers(chosen, len(labels))]
        return float((self.predict(rows, chosen) == truth).mean())


class _Fitted(NamedTuple):
    """What single neurons and pairs of them are computed from."""

    mean_KN: Tensor
    variance_KN: Tensor
    n_K: Tensor
    log_shares_K: Tensor
    n_dimensions: int | None

    def own_scatter(self) -> Tensor:
        """Diagonal of the scatter with the prior's."""
        return self.variance_KN * (self.n_K + 1)[:, None]

    def denominator(self, n_chosen: int) -> Tensor:
        """Give what the scatter is divided by: nu_0 + n + d + 2, where nu_0 = d + 2; shape (K,)."""
        return self.n_K + 2 * (n_chosen if self.n_dimensions is None else self.n_dimensions) + 4


def _fitted(
    rows: Rows, labels: NDArray[np.int64], chosen: NDArray[np.int64], *, n_classes: int, dimensions: str
) -> _Fitted:
    found = class_moments(rows, labels, chosen, n_classes=n_classes)
    n = torch.from_numpy(found.n_K).double()
    shares = (n + 1) / (n.sum() + n_classes)
    mean, variance = torch.from_numpy(found.mean_KN), torch.from_numpy(found.variance())
    return _Fitted(mean, variance, n, shares.log(), rows.n_neurons if dimensions == "all" else None)


def _values(rows: Rows, chosen: NDArray[np.int64], columns: Selection) -> Tensor:
    parts = [tensor_of(block).double() for _, block in rows.blocks(chosen, columns)]
    return torch.cat(parts)


def _compact(values: Tensor) -> Tensor:
    """Give float32 where nothing is lost by it."""
    halved = values.float()
    return halved if torch.equal(halved.double(), values) else values


def fit_gaussian(
    rows: Rows | NDArray[Any],
    labels: NDArray[np.int64],
    *,
    columns: NDArray[np.int64],
    chosen: NDArray[np.int64] | slice | None = None,
    classes: Sequence[str] | None = None,
    dimensions: Literal["chosen", "all"] = "chosen",
) -> GaussianProbe:
    """Fit a Gaussian probe on some neurons by maximum a posteriori.

    The prior is normal-inverse-Wishart, made from the data: the covariance of a class is (scatter + diagonal of its
    covariance) / (n + 2 d + 4), where d is the number of neurons.

    Parameters
    ----------
    rows : Rows or float array, shape (n_units, n_neurons)
    labels : int array, shape (n_units,)
        Classes coded from 0.
    columns : int64 array, shape (C,)
        The neurons that the probe reads.
    chosen : int array or slice, optional
        The units to fit on; all when not given.
    classes : sequence of str, optional
        Names of the classes.
    dimensions : {'chosen', 'all'}
        Which neurons d counts. Differs from Torroba Hennigen et al.: their code counts all neurons, whichever are
        chosen (``all``); with thousands of them covariances are then many times too small.

    Returns
    -------
    GaussianProbe

    Raises
    ------
    ProbingError
        If the labels do not fit, or activations are not finite.

    References
    ----------
    L. Torroba Hennigen, A. Williams, R. Cotterell (2020), Intrinsic probing through dimension selection, EMNLP.
    """
    rows = as_rows(rows)
    numbers, names = row_numbers(chosen, rows.n_rows), class_names(classes, labels)
    counts = class_counts(labels, numbers, classes=names, n_rows=rows.n_rows)
    values, own = _values(rows, numbers, columns).numpy(), labels[numbers]
    means = np.stack([values[own == each].mean(axis=0) for each in range(len(names))])
    covariances = np.empty((len(names), len(columns), len(columns)))
    for each in range(len(names)):
        away = values[own == each] - means[each]
        scatter = away.T @ away
        scatter[np.diag_indices_from(scatter)] *= 1 + 1 / counts[each]
        d = rows.n_neurons if dimensions == "all" else len(columns)
        covariances[each] = scatter / (counts[each] + 2 * d + 4)
    log_shares = np.log((counts + 1) / (counts.sum() + len(names)))
    return GaussianProbe(
        means=means, covariances=covariances, log_shares=log_shares, columns=columns, classes=names
    )


class Greedy(NamedTuple):
    """Neurons chosen one after the other, each the best addition to those before."""

    steps: list[Step]
    """In the order of choice; figures are of the test units, or of the validation units without test units."""
    alone: NDArray[np.float64]
    """Criterion of every neuron alone on the validation units, shape (N,); -inf where constant in a class."""

    def order(self) -> NDArray[np.int64]:
        """Give all neurons: those chosen, then the rest by their criterion alone, ties by neuron id."""
        first = np.array([each.neuron for each in self.steps], np.int64)
        rest = np.setdiff1d(np.arange(len(self.alone)), first)
        return np.concatenate([first, rest[np.argsort(-self.alone[rest], kind="stable")]])


class _Units:
    """Units that probes are evaluated on: log-densities of the neurons chosen, and what these leave unexplained."""

    def __init__(self, labels: NDArray[np.int64], log_shares_K: Tensor) -> None:
        self.labels_T, self.log_shares_K = torch.from_numpy(labels), log_shares_K
        self.squares_KT = torch.zeros((len(log_shares_K), len(labels)), dtype=torch.float64)
        self.log_determinant_K = torch.zeros_like(log_shares_K)
        self.whitened_KCT = torch.empty((len(log_shares_K), 0, len(labels)), dtype=torch.float64)

    def add(self, values_T: Tensor, mean_K: Tensor, factor_KC: Tensor, spread_K: Tensor) -> None:
        """Add a neuron, given its row of the Cholesky factors."""
        away_KT = values_T[None] - mean_K[:, None] - torch.einsum("kc,kct->kt", factor_KC, self.whitened_KCT)
        away_KT /= spread_K[:, None]
        self.squares_KT += away_KT**2
        self.log_determinant_K += 2 * spread_K.log()
        self.whitened_KCT = torch.cat([self.whitened_KCT, away_KT[:, None]], 1)

    def scores(self, denominator_K: Tensor, *, n_more: int = 0) -> Tensor:
        """Give log-densities and shares but for what is the same in all classes; `n_more` neurons are to come."""
        n_chosen = self.whitened_KCT.shape[1] + n_more
        constant_K = self.log_shares_K - 0.5 * self.log_determinant_K + 0.5 * n_chosen * denominator_K.log()
        return constant_K[:, None] - 0.5 * denominator_K[:, None] * self.squares_KT

    def figures(self, denominator_K: Tensor) -> tuple[float, float, float]:
        """Give accuracy, information in bits and entropy in bits."""
        scores_KT = self.scores(denominator_K)
        logs_KT = torch.log_softmax(scores_KT, 0)
        own = logs_KT.gather(0, self.labels_T[None])[0]
        shares = torch.bincount(self.labels_T).double() / len(self.labels_T)
        entropy = -float(torch.special.xlogy(shares, shares).sum()) / math.log(2)
        accuracy = float((scores_KT.argmax(0) == self.labels_T).double().mean())
        return accuracy, entropy + float(own.mean()) / math.log(2), entropy


def choose_greedily(
    rows: Rows | NDArray[Any],
    labels: NDArray[np.int64],
    *,
    train: NDArray[np.int64],
    dev: NDArray[np.int64],
    test: NDArray[np.int64] | None = None,
    n_picks: int = 50,
    criterion: Literal["log-likelihood", "accuracy"] = "log-likelihood",
    classes: Sequence[str] | None = None,
    dimensions: Literal["chosen", "all"] = "chosen",
) -> Greedy:
    """Choose neurons for a Gaussian probe one by one: each time the best addition on the validation units.

    The result is that of refitting a probe for every candidate. One row of the Cholesky factor of each class's
    covariance is added a step; the rows of the scatter are made as neurons are picked. Mutual information, another
    criterion of the published code, has the order of the log-likelihood.

    Parameters
    ----------
    rows : Rows or float array, shape (n_units, n_neurons)
    labels : int array, shape (n_units,)
        Classes coded from 0.
    train, dev, test : int64 arrays
        Units to fit on, to choose by, and to report on (`dev` when not given).
    n_picks : int
        How many neurons, at most all.
    criterion : {'log-likelihood', 'accuracy'}
        Mean log-probability of the labels, or accuracy.
    classes : sequence of str, optional
        Names of the classes.
    dimensions : {'chosen', 'all'}
        As for :func:`fit_gaussian`.

    Returns
    -------
    Greedy

    Raises
    ------
    ProbingError
        If the labels do not fit, or activations are not finite.

    References
    ----------
    L. Torroba Hennigen, A. Williams, R. Cotterell (2020), Intrinsic probing through dimension selection, EMNLP.
    """
    rows, names = as_rows(rows), class_names(classes, labels)
    class_counts(labels, train, classes=names, n_rows=rows.n_rows)
    fitted = _fitted(rows, labels, train, n_classes=len(names), dimensions=dimensions)
    test = dev if test is None else test
    of_dev, of_test = (_Units(labels[part], fitted.log_shares_K) for part in (dev, test))
    dev_TN = _compact(_values(rows, dev, None))
    left_KN = fitted.own_scatter()
    usable = (left_KN > 0).all(0)
    factors_KCN = torch.empty((len(names), 0, rows.n_neurons), dtype=torch.float64)
    alone, steps = np.empty(0), list[Step]()
    for number in range(min(n_picks, int(usable.sum()))):
        values = _criterion(dev_TN, of_dev, factors_KCN, left_KN, fitted, criterion=criterion)
        values[~usable] = -math.inf
        if number == 0:
            alone = values.numpy().copy()
        picked = int(values.argmax())
        usable[picked] = False
        spread_K, factor_KC = left_KN[:, picked].sqrt(), factors_KCN[:, :, picked]
        scatter_KN = _scatter_with(rows, labels, train, picked, fitted)
        added_KN = scatter_KN - torch.einsum("kc,kcn->kn", factor_KC, factors_KCN)
        added_KN /= spread_K[:, None]
        for units, part in ((of_dev, dev), (of_test, test)):
            picked_T = _values(rows, part, np.array([picked]))[:, 0]
            units.add(picked_T, fitted.mean_KN[:, picked], factor_KC, spread_K)
        factors_KCN = torch.cat([factors_KCN, added_KN[:, None]], 1)
        left_KN = left_KN - added_KN**2
        accuracy, information, entropy = of_test.figures(fitted.denominator(number + 1))
        most = max([information, *(each.most for each in steps)])
        steps.append(Step(picked, float(values[picked]), accuracy, information, information / entropy, most))
    return Greedy(steps, alone)


def _criterion(
    dev_TN: Tensor, units: _Units, factors_KCN: Tensor, left_KN: Tensor, fitted: _Fitted, *, criterion: str
) -> Tensor:
    """Give the criterion of every neuron as an addition to those chosen; shape (N,)."""
    found = torch.zeros(dev_TN.shape[1], dtype=torch.float64)
    denominator_K = fitted.denominator(factors_KCN.shape[1] + 1)
    scores_KT = units.scores(denominator_K, n_more=1)
    for first in range(0, len(found), WIDTH):
        part = slice(first, first + WIDTH)
        sharpness = -0.5 * denominator_K[:, None, None] / left_KN[:, None, part]
        logs = 0.5 * left_KN[:, None, part].log()
        factors, mean = factors_KCN[:, :, part].contiguous(), fitted.mean_KN[:, None, part]
        for start in range(0, len(dev_TN), HEIGHT):  # what fits into the cache
            here = slice(start, start + HEIGHT)
            scores_KTN = dev_TN[here, part].double()[None] - mean
            if factors.shape[1]:
                scores_KTN.baddbmm_(units.whitened_KCT[:, :, here].transpose(1, 2), factors, alpha=-1)
            scores_KTN.square_().mul_(sharpness).sub_(logs).add_(scores_KT[:, here, None])
            own_T1 = units.labels_T[here, None]
            if criterion == "accuracy":
                found[part] += (scores_KTN.argmax(0) == own_T1).double().sum(0)
                continue
            own_TN = scores_KTN.gather(0, own_T1[None].expand(1, -1, scores_KTN.shape[2]))[0]
            most_TN = scores_KTN.amax(0)
            found[part] += (own_TN - most_TN - scores_KTN.sub_(most_TN).exp_().sum(0).log_()).sum(0)
    return found / len(dev_TN)


def _scatter_with(
    rows: Rows, labels: NDArray[np.int64], train: NDArray[np.int64], picked: int, fitted: _Fitted
) -> Tensor:
    """Give the row of one neuron in each class's scatter, with the prior; a pass over the units; (K, N)."""
    away_T = _values(rows, train, np.array([picked]))[:, 0] - fitted.mean_KN[labels[train], picked]
    total_KN = torch.zeros_like(fitted.mean_KN)
    centre_N = fitted.mean_KN.mean(0)
    at = 0
    for _, block in rows.blocks(train, None):
        here = slice(at, at + len(block))
        spread_TK = torch.zeros((len(block), len(total_KN)), dtype=torch.float64)
        spread_TK.scatter_(1, torch.from_numpy(labels[train[here]])[:, None], away_T[here, None])
        total_KN += spread_TK.T @ (tensor_of(block).double() - centre_N)
        at += len(block)
    total_KN[:, picked] = fitted.own_scatter()[:, picked]
    return total_KN
