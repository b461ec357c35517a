"""The neurons most like one: by shared sentences, by signature, by response."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from neurolect.relations.steps import is_related
from neurolect.store import Neuron

N_NEAREST = 5
TABLE = "relations/neighbours"


def nearest_responses(neuron: Neuron) -> list[dict[str, Any]] | None:
    """Name the neurons that respond to the sample most like one.

    Returns: ``address`` and ``correlation`` (with sign), the strongest first; None where the run is not related.
    """
    if not is_related(neuron.run, step="alike"):
        return None
    rows = neuron.rows(TABLE).filter(pc.field("by") == "response").slice(0, N_NEAREST).to_pylist()
    index = neuron.run.index
    return [{"address": index.address(row["other_id"]), "correlation": _rounded(row["likeness"])} for row in rows]


def nearest_lists(neuron: Neuron, side: str) -> dict[str, list[dict[str, Any]]] | None:
    """Name the lists most like one of a neuron's.

    Returns: ``lists`` (most shared sentences) and ``signature``: lists of ``address``, ``side``, ``likeness``,
        ``name``, the likest first; None where the run is not related.
    """
    if not is_related(neuron.run, step="alike"):
        return None
    rows = neuron.rows(TABLE, side=side)
    summary = neuron.run.table("signatures/summary", columns=["neuron_id", "side", "name"])
    here = summary.filter(pc.is_in(summary.column("neuron_id"), pa.array(pc.unique(rows.column("other_id")))))
    names = {(row["neuron_id"], row["side"]): row["name"] for row in here.to_pylist()}
    return {
        by: [
            {
                "address": neuron.run.index.address(row["other_id"]),
                "side": row["other_side"],
                "likeness": _rounded(row["likeness"]),
                "name": names.get((row["other_id"], row["other_side"])),
            }
            for row in rows.filter(pc.field("by") == by).slice(0, N_NEAREST).to_pylist()
        ]
        for by in ("lists", "signature")
    }


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")
