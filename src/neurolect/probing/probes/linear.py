"""A fitted linear probe: scores of classes, or a number, from activations.

Dims: T units, N neurons, M of them fitted on, K rows of weights (1 for two classes or a number).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from neurolect.probing.rows import Rows, as_rows, row_numbers, tensor_of


class Fit(NamedTuple):
    """How a fit ended."""

    objective: float
    """Mean loss and penalties at the end."""
    gap: float | None
    """Duality gap as a share of the objective; None without penalties and for ``compat="neurox"``."""
    gradient: float | None
    """Greatest absolute derivative by a weight of a standardised activation; None for ``compat="neurox"``."""
    n_steps: int
    """Steps, or epochs."""
    ended_by: str
    """``gap``, ``gradient``, ``steps``, ``precision`` or ``epochs``."""
    n_constant: int
    """Columns that are constant on the units fitted on: they have no weight."""
    n_huge: int
    """Columns that vary over 1000 times more than the median one."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LinearProbe:
    """A linear probe with what it was fitted on and how.

    Attributes
    ----------
    weights : float array, shape (K, M)
        Of activations less `mean`, divided by `scale`. K is 1 for two classes (of the second one) and for numbers.
    biases : float array, shape (K,)
    mean : float array, shape (M,)
        Of the columns on the units fitted on.
    scale : float array, shape (M,)
        Their standard deviation with ``standardise="zscore"``, else 1.
    columns : int64 array, shape (M,)
        Which neurons it reads, in the order of the weights.
    classes : tuple of str
        In the order of the labels' codes; empty for numbers.
    options : dict
        Those of the fit.
    fit : Fit
        How it ended.
    """

    weights: NDArray[Any]
    biases: NDArray[Any]
    mean: NDArray[Any]
    scale: NDArray[Any]
    columns: NDArray[np.int64]
    classes: tuple[str, ...]
    options: dict[str, Any]
    fit: Fit

    def scores(
        self,
        rows: Rows | NDArray[Any],
        chosen: NDArray[np.int64] | slice | None = None,
        *,
        kept: NDArray[np.int64] | None = None,
        masked: Literal["zero", "mean"] = "zero",
    ) -> NDArray[Any]:
        """Give the scores of units, those of all but the `kept` neurons masked.

        Parameters
        ----------
        rows : Rows or float array, shape (n_units, n_neurons)
        chosen : int array or slice, optional
            Which units; all when not given.
        kept : int64 array, optional
            Neurons that stay; all others are set to 0 or to their mean.
        masked : {'zero', 'mean'}
            What the others are set to.

        Returns
        -------
        float array, shape (n_chosen, K)
            In the order of `chosen`.
        """
        rows = as_rows(rows)
        numbers = row_numbers(chosen, rows.n_rows)
        stays = np.ones(len(self.columns), np.bool_) if kept is None else np.isin(self.columns, kept)
        per_unit = torch.from_numpy(self.weights / self.scale)
        biases = torch.from_numpy(self.biases - (self.weights / self.scale * self.mean) @ stays)
        if masked == "zero":
            biases -= torch.from_numpy((self.weights / self.scale * self.mean) @ ~stays)
        per_unit = per_unit[:, torch.from_numpy(stays)].T.contiguous()
        found = np.empty((len(numbers), len(self.weights)), self.weights.dtype)
        at = 0
        for _, block in rows.blocks(numbers, self.columns[stays]):
            values = tensor_of(block).to(per_unit.dtype)
            found[at : at + len(block)] = torch.addmm(biases.to(values.dtype), values, per_unit).numpy()
            at += len(block)
        return found

    def predict(
        self,
        rows: Rows | NDArray[Any],
        chosen: NDArray[np.int64] | slice | None = None,
        *,
        kept: NDArray[np.int64] | None = None,
        masked: Literal["zero", "mean"] = "zero",
    ) -> NDArray[Any]:
        """Predict the class of units (its code; ties to the lower one), or their number.

        Parameters
        ----------
        rows, chosen, kept, masked
            As for :meth:`scores`.

        Returns
        -------
        int64 or float array, shape (n_chosen,)
        """
        scores = self.scores(rows, chosen, kept=kept, masked=masked)
        if not self.classes:
            return scores[:, 0]
        if scores.shape[1] == 1:
            return (scores[:, 0] > 0).astype(np.int64)
        best: NDArray[np.int64] = scores.argmax(axis=1)
        return best

    def accuracy(
        self,
        rows: Rows | NDArray[Any],
        labels: NDArray[Any],
        chosen: NDArray[np.int64] | slice | None = None,
        *,
        kept: NDArray[np.int64] | None = None,
        masked: Literal["zero", "mean"] = "zero",
    ) -> float:
        """Give the share of units whose class is predicted; of numbers the coefficient of determination.

        Parameters
        ----------
        rows, chosen, kept, masked
            As for :meth:`scores`.
        labels : int or float array, shape (n_units,)
            Of all units of the rows.

        Returns
        -------
        float
            At most 1.
        """
        truth = labels[row_numbers(chosen, len(labels))]
        predicted = self.predict(rows, chosen, kept=kept, masked=masked)
        if self.classes:
            return float((predicted == truth).mean())
        return 1.0 - float(((predicted - truth) ** 2).mean() / truth.var())

    def class_weights(self) -> NDArray[Any]:
        """Give the weights of every class: of two, the one row with both signs.

        Returns
        -------
        float array, shape (n_classes, M), or (1, M) for numbers
        """
        return np.concatenate([-self.weights, self.weights]) if self._is_binary() else self.weights

    def _is_binary(self) -> bool:
        return len(self.classes) == 2 and len(self.weights) == 1


def class_names(classes: Sequence[str] | None, labels: NDArray[Any]) -> tuple[str, ...]:
    """Give the names of the classes: their codes where they have none."""
    if classes is not None:
        return tuple(classes)
    return tuple(str(each) for each in range(int(labels.max(initial=-1)) + 1)) if labels.dtype.kind in "iu" else ()
