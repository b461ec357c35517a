"""How much of a neuron the neurons of another model say together: ridge regression, tried on other sentences."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neurolect.comparison.joint_moments import HALVES, JointMoments
from neurolect.folders.parts import Parts
from neurolect.progress import NullTask, Task

# The ridge regression of neurons on neurons where sentences are fewer: it is solved sentence by sentence.
_ROWS = 1024


def squared_errors(
    moments: JointMoments, *, of: int, by: int, ridge: float, fitted_on: int, tried_on: int
) -> NDArray[np.float64] | None:
    """Explain every neuron of one model by all of another, and sum the squared errors.

    ``ridge``: Penalty on squared weights, as a share of the explaining neurons' mean variance; more than 0.
    Returns: float64, shape (n_neurons of ``of``,), or None. Over the half tried on; None where the moments do not
        keep their values.

    With centred values X of n sentences and Y to explain, the weights of ridge regression are
    X' (X X' + penalty)^-1 Y (the dual form): a system of n unknowns instead of as many as there are neurons.
    """
    found = [moments.values(model, half=half) for half in (fitted_on, tried_on) for model in (by, of)]
    explaining, explained, explaining_there, explained_there = (
        None if each is None else torch.from_numpy(each) for each in found
    )
    if explaining is None or explained is None or explaining_there is None or explained_there is None:
        return None
    centre, target = (torch.from_numpy(moments.mean(model, half=fitted_on)) for model in (by, of))
    known = explaining.to(torch.float64) - centre
    system = known @ known.T
    crossed = (explaining_there.to(torch.float64) - centre) @ known.T
    penalty = ridge * max(float(system.trace()) / known.shape[1], 1e-12)
    system.diagonal().add_(penalty)
    # for every sentence tried, how much each sentence fitted on says of it
    weights = torch.cholesky_solve(crossed.T, torch.linalg.cholesky(system)).T
    errors = np.empty(moments.widths[of])
    for start in range(0, len(errors), _ROWS):
        columns = slice(start, start + _ROWS)
        off = explained_there[:, columns].to(torch.float64) - target[columns]
        off -= weights @ (explained[:, columns].to(torch.float64) - target[columns])
        errors[columns] = off.square_().sum(dim=0).numpy()
    return errors


_COLUMNS = 1024
_ERRORS = "errors"


def held_out_r2(
    moments: JointMoments,
    *,
    of: int,
    by: int,
    ridge: float,
    parts: Parts | None = None,
    task: Task | None = None,
) -> NDArray[np.float32]:
    """Explain every neuron of one model by all neurons of another: share of the variance, float32 (n_neurons,).

    The weights are fitted on one half of the sentences and tried on the other, both ways; so chance gives 0 or
    less, however many neurons explain. Where the moments keep their values and the half has fewer sentences than
    neurons that explain, a weight is found for each sentence instead of each neuron: the same fit. ``ridge`` is the
    penalty on squared weights, as a share of the explaining neurons' mean variance. NaN for constant neurons.
    ``parts``: Of earlier starts. ``task``: Is advanced by 1 in all.

    Reference: Bau et al. (2019), section 3.2: linear regression ranking; there without a penalty and on the same
        sentences.
    """
    width, parts, task = moments.widths[of], parts or Parts(), task or NullTask()
    errors, totals = np.zeros(width), np.zeros(width)
    ways: dict[str, Any] = {"of": of, "by": by, "ridge": ridge}
    for fitted_on in range(HALVES):
        tried_on = 1 - fitted_on
        target = moments.mean(of, half=fitted_on)
        totals += _squares(moments, of, tried_on, target)
        if int(moments.n[fitted_on]) < moments.widths[by]:
            known = squared_errors(moments, **ways, fitted_on=fitted_on, tried_on=tried_on)
            if known is not None:
                errors += known
                task.advance(1 / HALVES)
                continue
        own = parts.of(f"half-{fitted_on}")
        errors += _errors(moments, **ways, fitted_on=fitted_on, tried_on=tried_on, parts=own, task=task)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(totals > 1e-6 * moments.n_sentences, 1 - errors / totals, np.nan).astype(np.float32)


def _squares(moments: JointMoments, model: int, half: int, centre: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum the squared deviations of each neuron from a centre."""
    sums, n = moments.sums[model][half], float(moments.n[half])
    deviations: NDArray[np.float64] = moments.squares(model)[half] - 2 * centre * sums + n * centre**2
    return deviations


def _errors(
    moments: JointMoments,
    *,
    of: int,
    by: int,
    ridge: float,
    fitted_on: int,
    tried_on: int,
    parts: Parts,
    task: Task,
) -> NDArray[np.float64]:
    """Sum the squared errors of each neuron over one half, with weights for neurons fitted on the other."""
    width = moments.widths[of]
    kept = parts.read(_ERRORS)
    blocks = [] if kept is None else [kept[_ERRORS]]
    n_done = sum(map(len, blocks))
    task.resume(n_done / width / HALVES)
    centre, target = moments.mean(by, half=fitted_on), moments.mean(of, half=fitted_on)
    errors = _squares(moments, of, tried_on, target)
    if n_done == width:
        return np.asarray(errors + blocks[0])
    scatter = moments.scatter_there(by, by, half=fitted_on)
    scatter.diagonal().add_(ridge * max(float(scatter.trace()) / len(scatter), 1e-12))
    factor = torch.linalg.cholesky(scatter)
    del scatter
    # half of the work; a float32 is exact enough where nothing is solved
    own = moments.scatter_there(by, by, half=tried_on, centre=(centre, centre)).to(torch.float32)
    with parts.growing(_ERRORS, lambda: {_ERRORS: np.concatenate(blocks)} if blocks else None) as grown:
        for start in range(n_done, width, _COLUMNS):
            columns = slice(start, min(start + _COLUMNS, width))
            crossed = moments.scatter_there(by, of, half=fitted_on, columns=columns)
            weights = torch.cholesky_solve(crossed, factor)
            tried = moments.scatter_there(by, of, half=tried_on, centre=(centre, target), columns=columns)
            off = (own @ weights.to(torch.float32)).to(torch.float64).sub_(tried, alpha=2).mul_(weights).sum(dim=0)
            blocks.append(off.cpu().numpy())
            grown()
            task.advance((columns.stop - start) / width / HALVES)
    return np.asarray(errors + np.concatenate(blocks))
