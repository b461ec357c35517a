"""Fit linear probes to activations and labels, one after the other along a path of penalties."""

import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurolect.errors import ProbingError
from neurolect.probing.labels import check_spread, class_counts
from neurolect.probing.probes.design import Design
from neurolect.probing.probes.linear import Fit, LinearProbe, class_names
from neurolect.probing.probes.losses import Softmax, Squared
from neurolect.probing.probes.neurox import fit_as_neurox
from neurolect.probing.probes.objective import Objective
from neurolect.probing.probes.options import LinearOptions
from neurolect.probing.probes.owl_qn import Solved, owl_qn
from neurolect.probing.rows import Rows, Selection, as_rows, row_numbers

logger = logging.getLogger(__name__)


def fit_linear(
    rows: Rows | NDArray[Any],
    labels: NDArray[Any],
    *,
    chosen: NDArray[np.int64] | slice | None = None,
    columns: Selection = None,
    classes: Sequence[str] | None = None,
    unit_weights: NDArray[np.float64] | None = None,
    options: LinearOptions | None = None,
    device: str = "cpu",
) -> LinearProbe:
    """Fit a linear probe: softmax, logistic or linear regression with L1 and L2 penalties.

    The objective is mean loss + l1 * sum |W| + l2 * sum W^2; biases are not penalised.

    Parameters
    ----------
    rows : Rows or float array, shape (n_units, n_neurons)
        Activations.
    labels : int or float array, shape (n_units,)
        Classes coded from 0, or numbers (``options.task``).
    chosen : int array or slice, optional
        The units to fit on; all when not given.
    columns : int array or slice, optional
        The neurons to fit on; all when not given.
    classes : sequence of str, optional
        Names of the classes in the order of their codes.
    unit_weights : float64 array, shape (n_units,), optional
        How much each unit counts; all the same when not given.
    options : LinearOptions, optional
        Penalties, precision and when to stop.
    device : str
        A PyTorch device.

    Returns
    -------
    LinearProbe
        With the duality gap that was reached.

    Raises
    ------
    ProbingError
        If the labels do not fit the rows or the task, there is one class only, or activations are not finite.

    References
    ----------
    F. Dalvi et al. (2019), What is one grain of sand in the desert?, AAAI, eq. 1-2.
    """
    options = options or LinearOptions()
    return fit_path(
        rows,
        labels,
        penalties=[(options.l1, options.l2)],
        chosen=chosen,
        columns=columns,
        classes=classes,
        unit_weights=unit_weights,
        options=options,
        device=device,
    )[0]


def fit_path(
    rows: Rows | NDArray[Any],
    labels: NDArray[Any],
    *,
    penalties: Sequence[tuple[float, float]],
    chosen: NDArray[np.int64] | slice | None = None,
    columns: Selection = None,
    classes: Sequence[str] | None = None,
    unit_weights: NDArray[np.float64] | None = None,
    options: LinearOptions | None = None,
    device: str = "cpu",
) -> list[LinearProbe]:
    """Fit linear probes of several penalties, each started from the one before.

    Parameters
    ----------
    rows, labels, chosen, columns, classes, unit_weights, options, device
        As for :func:`fit_linear`.
    penalties : sequence of (float, float)
        The l1 and l2 of each probe, in the order of fitting: the greatest first is fastest.

    Returns
    -------
    list of LinearProbe
        In the order of the penalties.

    Raises
    ------
    ProbingError
        As :func:`fit_linear`.
    """
    rows, options = as_rows(rows), options or LinearOptions()
    each_options = [replace(options, l1=l1, l2=l2) for l1, l2 in penalties]
    numbers, ids = row_numbers(chosen, rows.n_rows), row_numbers(columns, rows.n_neurons)
    names = _checked(labels, numbers, classes=classes, task=options.task, n_rows=rows.n_rows)
    if len(ids) == 0:
        what = "There is no neuron to fit on."
        raise ProbingError(what, expected="one or more columns")
    if options.compat == "neurox":
        return [
            fit_as_neurox(rows, labels, numbers, columns=ids, classes=names, options=each) for each in each_options
        ]
    dtype = torch.float32 if options.precision == "float32" else torch.float64
    design = Design(rows, numbers, columns=columns, device=device, dtype=dtype, memory=options.memory)
    spread = check_spread(design.sd_N.cpu().numpy())
    targets = torch.from_numpy(np.ascontiguousarray(labels[numbers])).to(design.device)
    weights = None if unit_weights is None else torch.from_numpy(unit_weights[numbers]).to(design.device)
    loss = (
        Softmax(targets, n_classes=len(names), weights_T=weights) if names else Squared(targets, weights_T=weights)
    )
    start = torch.zeros((loss.n_outputs, design.n_columns), dtype=dtype, device=design.device), loss.start()
    probes = []
    for each in each_options:
        objective = Objective(design, loss, l1=each.l1, l2=each.l2, scaled=each.standardise == "zscore")
        point = objective.at(start[0], biases=start[1])
        solved = owl_qn(objective, point, gap=each.gap, gradient=each.gradient, max_steps=each.max_steps)
        start = solved.point.weights_KN, solved.point.loss.biases
        probes.append(_probe(design, solved, spread, columns=ids, classes=names, options=each))
    return probes


def _checked(
    labels: NDArray[Any], numbers: NDArray[np.int64], *, classes: Sequence[str] | None, task: str, n_rows: int
) -> tuple[str, ...]:
    """Refuse what cannot be fitted on; give the names of the classes, none for numbers."""
    if task == "classes":
        names = class_names(classes, labels)
        class_counts(labels, numbers, classes=names, n_rows=n_rows)
        return names
    if len(labels) != n_rows or len(numbers) == 0:
        what = f"There are {len(labels):,} numbers for {n_rows:,} rows, {len(numbers):,} of them chosen."
        raise ProbingError(what, expected="one number a row, and a row or more")
    if labels.dtype.kind not in "iuf" or not np.isfinite(labels[numbers]).all():
        what = f"The labels ({labels.dtype}) are not all finite numbers."
        raise ProbingError(what, expected="finite numbers", hint="task='classes' fits to classes.")
    return ()


def _probe(
    design: Design,
    solved: Solved,
    spread: tuple[int, int],
    *,
    columns: NDArray[np.int64],
    classes: tuple[str, ...],
    options: LinearOptions,
) -> LinearProbe:
    """Bring the solution to the weights that were asked for."""
    if solved.ended_by in ("steps", "precision"):
        logger.warning(
            "The fit (l1 %g, l2 %g) ended after %d steps with a duality gap of %.2g and a gradient of %.2g.",
            *(options.l1, options.l2, solved.n_steps, solved.gap, solved.gradient),
        )
    scaled = options.standardise == "zscore"
    point, scale = solved.point, design.scale_N
    weights = point.weights_KN if scaled else point.weights_KN / scale
    gap = None if np.isnan(solved.gap) else solved.gap
    return LinearProbe(
        weights=_array(weights),
        biases=_array(point.loss.biases.to(weights.dtype)),
        mean=_array(design.mean_N.to(weights.dtype)),
        scale=_array(scale if scaled else torch.ones_like(scale)),
        columns=columns,
        classes=classes,
        options=asdict(options),
        fit=Fit(point.value, gap, solved.gradient, solved.n_steps, solved.ended_by, *spread),
    )


def _array(values: Tensor) -> NDArray[Any]:
    return values.detach().cpu().contiguous().numpy()
