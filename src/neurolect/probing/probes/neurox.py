"""The linear probe as NeuroX fits it: another objective, and Adam for ten epochs; to compare with, not to rely on.

Differs from Dalvi et al. (2019): l2 times the norm of the weights (not its square) and l1 times their absolute sum
are added to the loss of every batch of 32; Adam with a rate of 0.001 never gives a weight of exactly 0.
"""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurolect.probing.probes.linear import Fit, LinearProbe
from neurolect.probing.probes.options import LinearOptions
from neurolect.probing.rows import Rows, tensor_of

EPOCHS, BATCH, RATE = 10, 32, 1e-3


def fit_as_neurox(
    rows: Rows,
    labels: NDArray[Any],
    chosen: NDArray[np.int64],
    *,
    columns: NDArray[np.int64],
    classes: tuple[str, ...],
    options: LinearOptions,
) -> LinearProbe:
    """Fit a probe by NeuroX's objective and loop."""
    drawn = torch.Generator().manual_seed(options.seed)
    n, n_columns, n_outputs = len(chosen), len(columns), max(len(classes), 1)
    edge = n_columns**-0.5  # as torch.nn.Linear begins
    weights_KN, biases = (
        (torch.rand(shape, generator=drawn) * 2 * edge - edge).requires_grad_()
        for shape in ((n_outputs, n_columns), (n_outputs,))
    )
    optimiser = torch.optim.Adam([weights_KN, biases], lr=RATE)
    objective = 0.0
    for _ in range(EPOCHS):
        order = chosen[torch.randperm(n, generator=drawn).numpy()]
        objective = 0.0
        for at, batch_TN in _batches(rows, order, columns):
            targets = torch.from_numpy(labels[order[at : at + len(batch_TN)]])
            scores = batch_TN @ weights_KN.T + biases
            if classes:
                loss = torch.nn.functional.cross_entropy(scores, targets.long())
            else:
                loss = torch.nn.functional.mse_loss(scores[:, 0], targets.float())
            loss = loss + options.l1 * weights_KN.abs().sum() + options.l2 * weights_KN.square().sum().sqrt()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            objective += float(loss.detach()) * len(batch_TN) / n
    return LinearProbe(
        weights=weights_KN.detach().numpy(),
        biases=biases.detach().numpy(),
        mean=np.zeros(n_columns, np.float32),
        scale=np.ones(n_columns, np.float32),
        columns=columns,
        classes=classes,
        options=asdict(options),
        fit=Fit(objective, None, None, EPOCHS, "epochs", 0, 0),
    )


def _batches(rows: Rows, order: NDArray[np.int64], columns: NDArray[np.int64]) -> Iterator[tuple[int, Tensor]]:
    """Give 32 rows at a time, whatever the blocks of the reader."""
    at, rest = 0, torch.empty((0, len(columns)))
    for _, block in rows.blocks(order, columns):
        rest = torch.cat([rest, tensor_of(block).float()])
        whole = len(rest) // BATCH * BATCH
        for first in range(0, whole, BATCH):
            yield at, rest[first : first + BATCH]
            at += BATCH
        rest = rest[whole:]
    if len(rest):
        yield at, rest
