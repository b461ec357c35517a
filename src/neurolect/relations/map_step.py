"""The step that draws maps of neurons: by their vectors, and by their responses."""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.atomic import write_table
from neurolect.relations.inputs import RelateInputs
from neurolect.relations.maps import t_sne, umap


def draw_maps(inputs: RelateInputs) -> dict[str, Any]:
    """Write ``relations/maps``."""
    options = inputs.options
    methods = [name for name in options.maps if name != "none"]
    unit = inputs.responses()
    of = {"responses": np.where(np.asarray(unit.any(axis=1))[:, None], unit, np.nan)}
    for side in reversed(inputs.sides):
        of = {f"{side} vectors": inputs.neuron_vectors("words", side)} | of
    parts = [_SCHEMA.empty_table()]
    with inputs.progress.task("maps", total=len(methods) * len(of), unit="maps") as task:
        for method in methods:
            for name, points in of.items():
                parts.append(_map(points, method, name, perplexity=options.perplexity, seed=options.seed))
                task.advance()
    write_table(inputs.run.folder / "relations" / "maps.parquet", pa.concat_tables(parts))
    return {"n_maps": len(parts) - 1}


_SCHEMA = pa.schema(
    [
        ("method", pa.string()),
        ("of", pa.string()),
        ("neuron_id", pa.int32()),
        ("x", pa.float32()),
        ("y", pa.float32()),
    ]
)


def _map(points: NDArray[np.float32], method: str, name: str, *, perplexity: float, seed: int) -> pa.Table:
    """Lay out the neurons that have a vector."""
    has = np.flatnonzero(np.isfinite(points).all(axis=1))
    kept = np.ascontiguousarray(points[has])
    xy = umap(kept, seed=seed) if method == "umap" else t_sne(kept, seed=seed, perplexity=perplexity)
    columns = [
        pa.array([method] * len(has), pa.string()),
        pa.array([name] * len(has), pa.string()),
        pa.array(has.astype(np.int32)),
        *(pa.array(np.ascontiguousarray(xy[:, axis]), from_pandas=True) for axis in (0, 1)),
    ]
    return pa.table(columns, schema=_SCHEMA)
