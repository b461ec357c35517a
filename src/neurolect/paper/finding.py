"""A finding of the papers next to what was found here, and the verdict of a rule that was fixed beforehand."""

from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.errors import NeurolectError
from neurolect.relations.same_index import rank_correlations
from neurolect.store import Run


class Verdict(StrEnum):
    """What became of a finding."""

    reproduced = "reproduced"
    differs = "differs"
    not_reproduced = "not reproduced"
    left_out = "left out"


class Finding(NamedTuple):
    """One row of the report."""

    source: str
    """Paper and place: E is Oba, Yoshinaga, Toyoda (2021), J the Japanese paper before it."""
    claim: str
    """What they found."""
    theirs: str
    """Their figure."""
    ours: str
    """Ours."""
    verdict: Verdict
    """By the rule."""
    because: str
    """Why it differs, or what a reader should know; may be empty."""
    rule: str
    """What makes it reproduced."""


def left_out(source: str, claim: str, *, theirs: str, because: str, rule: str) -> Finding:
    """Make the row of a finding that could not be looked for."""
    return Finding(source, claim, theirs, "\u2013", Verdict.left_out, because, rule)


def reason(error: NeurolectError, run: Run) -> str:
    """Say why a number of a run cannot be had, without where the run lies."""
    return error.what.replace(f"The run {run.folder}", "The run").replace(str(run.folder), "the run")


def layer_of_neurons(run: Run) -> NDArray[np.int64]:
    """Give every neuron's layer.

    Returns: int64, shape (n_neurons,). In the order of neuron ids.
    """
    layers: NDArray[np.int64] = run.table("neurons", columns=["layer"]).column("layer").to_numpy().astype(np.int64)
    return layers


def depth_correlation(values: NDArray[np.float64], layers: NDArray[np.int64]) -> float:
    """Correlate a number of neurons with their layer, by ranks.

    ``values``: float64, shape (n,). A number of every neuron; NaN is left out.
    ``layers``: int64, shape (n,). Their layers.
    Returns: Spearman's correlation, above 0 where deeper neurons have more; NaN where either is the same
        everywhere.

    Examples
    --------
    >>> round(depth_correlation(np.array([1.0, 2.0, np.nan, 3.0]), np.array([1, 2, 1, 3])), 3)
    1.0
    """
    known = np.isfinite(values)
    return float(rank_correlations(np.stack([values[known], layers[known].astype(np.float64)]))[0, 1])


def thirds(layers: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Mark the neurons of the first and of the last third of the layers.

    ``layers``: int64, shape (n,). Every neuron's layer.
    Returns: shallow, deep: bool, shape (n,). At least one layer each.

    Examples
    --------
    >>> [part.tolist() for part in thirds(np.array([1, 2, 3]))]
    [[True, False, False], [False, False, True]]
    """
    distinct = np.unique(layers)
    n = max(1, len(distinct) // 3)
    return np.isin(layers, distinct[:n]), np.isin(layers, distinct[-n:])
