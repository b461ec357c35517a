"""Scores and weights as the tables of the run folder."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.fidelity.evaluate import NUMBERS, Scores
from neurolect.fidelity.features import ALL, Features
from neurolect.fidelity.fit import Weights
from neurolect.signatures.evidence.registry import kind_names
from neurolect.store.sides import list_columns


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
    return pa.table(columns)


def _real(values: NDArray[np.float32]) -> pa.Array:
    return pa.array(values, pa.float32(), from_pandas=True)
