"""Compiled signatures: written to a run folder, and read back."""

from typing import NamedTuple

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from neurolect.atomic import write_npy, write_table
from neurolect.errors import RunFolderError
from neurolect.fidelity.features import Features, read_features
from neurolect.fidelity.fit import Weights
from neurolect.fidelity.results import weights_table
from neurolect.fidelity.sense_vectors import no_senses
from neurolect.signatures.evidence.registry import kind_names
from neurolect.signatures.evidence.senses import SENSES, has_senses
from neurolect.store import Run

CENTROIDS, MIDDLE = "fidelity/sense_centroids", "fidelity/mean_vector"


class Compiled(NamedTuple):
    """Signatures as scoring functions."""

    features: Features
    weights: Weights
    centroids: NDArray[np.float32]
    """Of the lists' senses, shape (n_senses, D)."""
    starts: NDArray[np.int64]
    """Where each list's senses start."""
    middle: NDArray[np.float32]
    """What is taken off a sentence's vector, shape (D,)."""


def write_compiled(run: Run, compiled: Compiled) -> None:
    """Write weights, and the senses that some of them weigh."""
    table = weights_table(compiled.features, compiled.weights, sides=run.sides)
    write_table(run.folder / "fidelity" / "weights.parquet", table, row_group_size=1 << 15)
    for name, values in ((CENTROIDS, compiled.centroids), (MIDDLE, compiled.middle)):
        path = run.folder / f"{name}.npy"
        path.unlink(missing_ok=True)
        if has_senses(run):
            write_npy(path, values)


def fitted(run: Run) -> Compiled:
    """Read the compiled signatures of a scored run.

    Returns: Evidence of its lists, and weights as they were fitted.
    """
    table = run.table("fidelity/weights", columns=["weight_alone", "weight", "evidence"])
    n_evidence = int(run.manifest["options"]["fidelity"]["n_evidence"])
    features = read_features(run, sides=run.sides, n_evidence=n_evidence)
    unknown = sorted(set(pc.unique(table.column("evidence")).to_pylist()) - set(kind_names()))
    if unknown:
        what = f"{run.folder} was scored by a kind of evidence that is not registered here: {', '.join(unknown)}."
        raise RunFolderError(what, hint="Register it first: docs/evidence_kinds.md")
    if len(features.codes) != table.num_rows:
        what = f"The weights in {run.folder} are not those of its signatures."
        raise RunFolderError(what, hint=f"Score it again: neurolect fidelity {run.folder}")
    weights = Weights(*(column.to_numpy().astype(np.float32) for column in table.columns[:2]))
    first_sense = features.starts[kind_names().index(SENSES.name)]
    before = np.concatenate([[0], np.cumsum(features.codes >= first_sense)])
    if not has_senses(run):
        return Compiled(
            features, weights, *no_senses(0, n_lists=len(features.offsets) - 1)[1:], np.empty(0, np.float32)
        )
    return Compiled(features, weights, run.array(CENTROIDS), before[features.offsets], run.array(MIDDLE))
