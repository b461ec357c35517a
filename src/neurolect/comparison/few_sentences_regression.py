"""The ridge regression of neurons on neurons where sentences are fewer: it is solved sentence by sentence."""

import numpy as np
import torch
from numpy.typing import NDArray

from neurolect.comparison.joint_moments import JointMoments

_COLUMNS = 1024


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
    for start in range(0, len(errors), _COLUMNS):
        columns = slice(start, start + _COLUMNS)
        off = explained_there[:, columns].to(torch.float64) - target[columns]
        off -= weights @ (explained[:, columns].to(torch.float64) - target[columns])
        errors[columns] = off.square_().sum(dim=0).numpy()
    return errors
