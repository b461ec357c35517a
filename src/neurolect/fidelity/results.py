"""Scores and weights as the tables of the run folder."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from neurolect.errors import RunFolderError
from neurolect.fidelity.evaluate import NUMBERS, Scores
from neurolect.fidelity.fit import Weights
from neurolect.fidelity.inputs import ALL, Features, no_senses, read_features
from neurolect.folders.atomic import write_npy, write_table
from neurolect.folders.compact import rounded_scores
from neurolect.signatures.evidence.registry import kind_names
from neurolect.signatures.evidence.senses import SENSES, has_senses
from neurolect.store import Run
from neurolect.store.sides import list_columns
from neurolect.visible import quoted


def scores_table(scores: Scores, *, sides: Sequence[str]) -> pa.Table:
    """Lay out what every kind of evidence scored.

    Returns: ``fidelity/scores`` of ``docs/run_folder.md``: by neuron, side, evidence; kinds that a signature lacks
        and lists that are refused have no row.
    """
    has_score = ~np.isnan(scores.auroc)
    lists, kinds = np.nonzero(has_score)
    names = pa.array([ALL, *kind_names()], pa.string())
    columns = list_columns(lists, sides) | {"evidence": names.take(pa.array(kinds))}
    for name in NUMBERS:
        columns[name] = _real(getattr(scores, name)[has_score])
        place = {"auroc": 0, "average_precision": 1}.get(name)
        if place is not None:
            for bound, suffix in enumerate(("low", "high")):
                columns[f"{name}_{suffix}"] = _real(scores.intervals[:, :, place, bound][has_score])
    return pa.table(columns)


def neurons_table(scores: Scores, *, sides: Sequence[str]) -> pa.Table:
    """Lay out what each list was scored on, its controls, and why it was refused.

    Returns: ``fidelity/neurons`` of ``docs/run_folder.md``: one row a neuron and side.
    """
    every = np.arange(len(scores.refused))
    n_sentences = np.maximum(scores.n_sentences, 1)
    columns = list_columns(every, sides) | {
        "refused": pa.array(scores.refused, pa.string()),
        "n_sentences": pa.array(scores.n_sentences),
        "n_positives": pa.array(scores.n_positives),
        "n_positive_documents": pa.array(scores.n_positive_documents),
        "base_rate": _real((scores.n_positives / n_sentences).astype(np.float32)),
        "auroc_other": _real(scores.auroc_other),
        "auroc_hard": _real(scores.auroc_hard),
        "n_hard": pa.array(scores.n_hard),
        "name_auroc": _real(scores.names.auroc),
        "name_auroc_other": _real(scores.names.other),
        "name_covered": _real(scores.names.covered),
        "name_share": _real(scores.names.share),
        "sister_id": pa.array(scores.sister // len(sides), pa.int32(), mask=scores.sister < 0),
    }
    return pa.table(columns)


def weights_table(features: Features, weights: Weights, *, sides: Sequence[str]) -> pa.Table:
    """Lay out the compiled signatures.

    Returns: ``fidelity/weights`` of ``docs/run_folder.md``.
    """
    lists = np.repeat(np.arange(len(features.offsets) - 1), np.diff(features.offsets))
    codes = pa.array(features.codes)
    kinds = pa.array(kind_names(), pa.string()).take(pa.array(features.kinds)).take(codes)
    columns = list_columns(lists, sides) | {
        "evidence": kinds,
        "feature": pa.array(features.labels, pa.string()).take(codes),
        "weight": pa.array(weights.together),
        "weight_alone": pa.array(weights.alone),
    }
    return rounded_scores(pa.table(columns), ("weight", "weight_alone"))


def _real(values: NDArray[np.float32]) -> pa.Array:
    return pa.array(values, pa.float32(), from_pandas=True)


# Compiled signatures: written to a run folder, and read back.
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
        raise RunFolderError(what, hint=f"Score it again: neurolect fidelity {quoted(run.folder)}")
    weights = Weights(*(column.to_numpy().astype(np.float32) for column in table.columns[:2]))
    first_sense = features.starts[kind_names().index(SENSES.name)]
    before = np.concatenate([[0], np.cumsum(features.codes >= first_sense)])
    if not has_senses(run):
        return Compiled(
            features, weights, *no_senses(0, n_lists=len(features.offsets) - 1)[1:], np.empty(0, np.float32)
        )
    return Compiled(features, weights, run.array(CENTROIDS), before[features.offsets], run.array(MIDDLE))
