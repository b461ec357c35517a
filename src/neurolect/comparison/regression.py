"""How much of a neuron the neurons of another model say together: ridge regression, tried on other sentences."""

import numpy as np
import torch
from numpy.typing import NDArray

from neurolect.comparison.few_sentences_regression import squared_errors
from neurolect.comparison.joint_moments import HALVES, JointMoments

_COLUMNS = 1024


def held_out_r2(moments: JointMoments, *, of: int, by: int, ridge: float) -> NDArray[np.float32]:
    """Explain every neuron of one model by all neurons of another: share of the variance, float32 (n_neurons,).

    The weights are fitted on one half of the sentences and tried on the other, both ways; so chance gives 0 or
    less, however many neurons explain. Where the moments keep their values and the half has fewer sentences than
    neurons that explain, a weight is found for each sentence instead of each neuron: the same fit. ``ridge`` is the
    penalty on squared weights, as a share of the explaining neurons' mean variance. NaN for constant neurons.

    Reference: Bau et al. (2019), section 3.2: linear regression ranking; there without a penalty and on the same
        sentences.
    """
    width = moments.widths[of]
    errors, totals = np.zeros(width), np.zeros(width)
    for fitted_on in range(HALVES):
        tried_on = 1 - fitted_on
        target = moments.mean(of, half=fitted_on)
        totals += _squares(moments, of, tried_on, target)
        if int(moments.n[fitted_on]) < moments.widths[by]:
            known = squared_errors(moments, of=of, by=by, ridge=ridge, fitted_on=fitted_on, tried_on=tried_on)
            if known is not None:
                errors += known
                continue
        errors += _errors(moments, of=of, by=by, ridge=ridge, fitted_on=fitted_on, tried_on=tried_on)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(totals > 1e-6 * moments.n_sentences, 1 - errors / totals, np.nan).astype(np.float32)


def _squares(moments: JointMoments, model: int, half: int, centre: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum the squared deviations of each neuron from a centre."""
    sums, n = moments.sums[model][half], float(moments.n[half])
    deviations: NDArray[np.float64] = moments.squares(model)[half] - 2 * centre * sums + n * centre**2
    return deviations


def _errors(
    moments: JointMoments, *, of: int, by: int, ridge: float, fitted_on: int, tried_on: int
) -> NDArray[np.float64]:
    """Sum the squared errors of each neuron over one half, with weights for neurons fitted on the other."""
    width = moments.widths[of]
    centre, target = moments.mean(by, half=fitted_on), moments.mean(of, half=fitted_on)
    scatter = moments.scatter_there(by, by, half=fitted_on)
    scatter.diagonal().add_(ridge * max(float(scatter.trace()) / len(scatter), 1e-12))
    factor = torch.linalg.cholesky(scatter)
    del scatter
    # half of the work; a float32 is exact enough where nothing is solved
    own = moments.scatter_there(by, by, half=tried_on, centre=(centre, centre)).to(torch.float32)
    errors = _squares(moments, of, tried_on, target)
    for start in range(0, width, _COLUMNS):
        columns = slice(start, min(start + _COLUMNS, width))
        crossed = moments.scatter_there(by, of, half=fitted_on, columns=columns)
        weights = torch.cholesky_solve(crossed, factor)
        tried = moments.scatter_there(by, of, half=tried_on, centre=(centre, target), columns=columns)
        off = (own @ weights.to(torch.float32)).to(torch.float64).sub_(tried, alpha=2).mul_(weights).sum(dim=0)
        errors[columns] += off.cpu().numpy()
    return errors
