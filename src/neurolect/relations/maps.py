"""The step that draws maps of neurons: by their vectors, and by their responses."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from neurolect.clustering.nearest import Nearest, strongest_of_block
from neurolect.clustering.planar_maps import N_STEPS, lay_out
from neurolect.folders.atomic import write_table
from neurolect.relations.inputs import RelateInputs
from neurolect.results import numbers
from neurolect.signatures.vectors.typical_sentences import unit_rows


def draw_maps(inputs: RelateInputs) -> dict[str, Any]:
    """Write ``relations/maps``."""
    options = inputs.options
    methods = [name for name in options.maps if name != "none"]
    unit = inputs.responses()
    of = {"responses": np.where(np.asarray(unit.any(axis=1))[:, None], unit, np.nan)}
    for side in reversed(inputs.sides):
        of = {f"{side} vectors": inputs.neuron_vectors("words", side)} | of
    parts = [_SCHEMA.empty_table()]
    with inputs.progress.task("maps", total=len(methods) * len(of) * N_STEPS, unit="steps") as task:
        for method in methods:
            for name, points in of.items():
                has = np.flatnonzero(np.isfinite(points).all(axis=1))
                kept = np.ascontiguousarray(points[has])
                how: dict[str, Any] = {"seed": options.seed, "perplexity": options.perplexity}
                xy = lay_out(kept, method, **how, advance=task.advance)
                parts.append(_map(method, name, has, xy))
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


def _map(method: str, name: str, has: NDArray[np.int64], xy: NDArray[np.float32]) -> pa.Table:
    """Write where the neurons lie that have a vector."""
    columns = [
        pa.array([method] * len(has), pa.string()),
        pa.array([name] * len(has), pa.string()),
        pa.array(has.astype(np.int32)),
        *(pa.array(np.ascontiguousarray(xy[:, axis]), from_pandas=True) for axis in (0, 1)),
    ]
    return pa.table(columns, schema=_SCHEMA)


# The step that gathers all of a neuron in one row, in the form that embedding-atlas opens.
_SUMMARY = ("name", "name_kind", "name_z", "mean_length", "noun_share", "verb_share", "adjective_share")


def write_atlas(inputs: RelateInputs) -> dict[str, Any]:
    """Write ``relations/neurons``."""
    run = inputs.run
    columns: dict[str, Any] = {name: run.neurons().column(name) for name in ("neuron_id", "address", "site")}
    columns["layer"] = run.neurons().column("layer")
    columns["index"] = run.neurons().column("index")
    columns["description"] = pa.array(_descriptions(inputs), pa.string())
    columns |= _coordinates(inputs)
    columns["neighbors"] = _neighbours(inputs)
    columns["cluster"] = _cluster(inputs)
    responses = run.table("relations/responses")
    columns |= {name: responses.column(name) for name in responses.column_names if name != "neuron_id"}
    for side in inputs.sides:
        columns |= _of_side(inputs, side)
    moments = run.neurons()
    columns |= {name: moments.column(name) for name in ("mean", "std", "skewness", "kurtosis")}
    write_table(run.folder / "relations" / "neurons.parquet", pa.table(columns))
    return {"n_neurons": run.n_neurons}


def _descriptions(inputs: RelateInputs) -> list[str]:
    """Describe every neuron in a line: what both of its lists are about."""
    names = {side: _summary(inputs, side).column("name").to_pylist() for side in inputs.sides}
    return [
        "; ".join(f"{side}: {names[side][neuron] or 'no clear theme'}" for side in inputs.sides)
        for neuron in range(inputs.run.n_neurons)
    ]


def _summary(inputs: RelateInputs, side: str) -> pa.Table:
    """Read the summaries of one side, one row a neuron."""
    table = inputs.run.table("signatures/summary")
    return table.filter(pc.equal(table.column("side"), side)).sort_by("neuron_id")


def _coordinates(inputs: RelateInputs) -> dict[str, pa.Array]:
    """Give the maps' coordinates; the first map of the top lists is ``x`` and ``y``."""
    table = inputs.run.table("relations/maps")
    methods = [name for name in inputs.options.maps if name != "none"]
    found: dict[str, pa.Array] = {}
    for place, method in enumerate(methods):
        for of, prefix in ((f"{inputs.sides[0]} vectors", ""), ("responses", "response_")):
            here = table.filter((pc.field("method") == method) & (pc.field("of") == of))
            ids = here.column("neuron_id").to_numpy()
            for axis in ("x", "y"):
                values = np.full(inputs.run.n_neurons, np.nan, dtype=np.float32)
                values[ids] = here.column(axis).to_numpy()
                name = f"{prefix}{axis}" if place == 0 else f"{method}_{prefix}{axis}"
                found[name] = pa.array(values, from_pandas=True)
    return found


def _neighbours(inputs: RelateInputs) -> pa.Array:
    """Give the nearest neurons by vector, as embedding-atlas wants them: row numbers and distances."""
    vectors = inputs.neuron_vectors("words", inputs.sides[0])
    k = min(inputs.options.n_neighbours, max(len(vectors) - 1, 1))
    nearest = _nearest_vectors(np.nan_to_num(vectors), k)
    has = nearest.ids >= 0
    rows = np.concatenate([[0], np.cumsum(has.sum(axis=1))]).astype(np.int32)
    ids = pa.ListArray.from_arrays(pa.array(rows), pa.array(nearest.ids[has].astype(np.int64)))
    distances = pa.ListArray.from_arrays(pa.array(rows), pa.array(1.0 - nearest.values[has].astype(np.float64)))
    return pa.StructArray.from_arrays([ids, distances], names=["ids", "distances"])


def _nearest_vectors(vectors: NDArray[np.float32], k: int) -> Nearest:
    """Find the nearest by cosine, a block at a time."""
    unit, n = unit_rows(vectors), len(vectors)
    ids, values = np.full((n, k), -1, dtype=np.int32), np.zeros((n, k), dtype=np.float32)
    unused, nobody = np.zeros(n, dtype=np.float32), np.full(n, -1, dtype=np.int32)
    for first in range(0, n, 1024):
        block = np.maximum(unit[first : first + 1024] @ unit.T, 0.0)
        strongest_of_block(block, first, np.arange(n, dtype=np.int32), ids, values, nobody, unused)
    return Nearest(ids, np.minimum(values, 1.0))


def _cluster(inputs: RelateInputs) -> pa.Array:
    """Give the cluster of each neuron's first side, with as many clusters as layers."""
    table = inputs.run.table("relations/members")
    k = len(dict.fromkeys(layer for _, layer in inputs.site_layers))
    wanted = (pc.field("vectors") == "words") & (pc.field("lists") == inputs.sides[0]) & (pc.field("k") == k)
    here = table.filter(wanted)
    clusters = np.full(inputs.run.n_neurons, -1, dtype=np.int32)
    clusters[here.column("neuron_id").to_numpy()] = here.column("cluster").to_numpy()
    return pa.array(clusters, mask=clusters < 0)


def _of_side(inputs: RelateInputs, side: str) -> dict[str, Any]:
    """Give the numbers of one side's signatures, with the side before their names."""
    summary = _summary(inputs, side)
    found = {f"{side}_{name}": summary.column(name) for name in _SUMMARY}
    if inputs.run.table("signatures/tags", columns=["tag"]).num_rows:
        selectivity = numbers(inputs.run, "pos", side=side)
        found[f"{side}_pos_selectivity"] = pa.array(selectivity.values.astype(np.float32), from_pandas=True)
        found[f"{side}_pos"] = pa.array(selectivity.evidence, pa.string())
    return found
