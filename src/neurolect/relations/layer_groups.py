"""The step that groups and maps one layer's neurons by their responses to one set of sentences ([J] figure 4)."""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.clustering.k_means import k_means
from neurolect.clustering.planar_maps import N_STEPS, lay_out
from neurolect.errors import OptionError
from neurolect.folders.atomic import write_table
from neurolect.progress import Task
from neurolect.relations.inputs import RelateInputs, finite_sentences, standardised

_STARTS = 10
_SCHEMA = pa.schema(
    [
        ("site", pa.string()),
        ("layer", pa.int16()),
        ("neuron_id", pa.int32()),
        ("group", pa.int32()),
        ("x", pa.float32()),
        ("y", pa.float32()),
        ("n_sentences", pa.int32()),
    ]
)


def group_layers(inputs: RelateInputs) -> dict[str, Any]:
    """Write ``relations/layer_groups``."""
    layers = chosen_layers(inputs)
    blocks = [number for number, (_, layer) in enumerate(inputs.site_layers) if layer in layers]
    parts = [_SCHEMA.empty_table()]
    with inputs.progress.task("layer groups", total=len(blocks) * (_STARTS + N_STEPS), unit="steps") as task:
        for block in blocks:
            parts.append(_of_layer(inputs, block, task))
    write_table(inputs.run.folder / "relations" / "layer_groups.parquet", pa.concat_tables(parts))
    return {"layers": sorted(layers)}


def chosen_layers(inputs: RelateInputs) -> set[int]:
    """Say which layers are grouped: those asked for, else the middle one, 6 of 12 as in the paper."""
    known = sorted({layer for _, layer in inputs.site_layers})
    asked = inputs.options.group_layers
    if asked is None:
        return {known[(len(known) - 1) // 2]}
    missing = sorted(set(asked) - set(known))
    if missing:
        what = f"relate.group_layers names the layer {missing[0]}, which {inputs.run.folder} does not have."
        raise OptionError(what, expected=f"of {', '.join(map(str, known))}")
    return set(asked)


def _of_layer(inputs: RelateInputs, block: int, task: Task) -> pa.Table:
    """Group and map one layer's neurons."""
    options = inputs.options
    site, layer = inputs.site_layers[block]
    neurons = np.flatnonzero(inputs.block_of == block)
    points = _responses(inputs, neurons)
    varies = np.asarray(np.ptp(points, axis=1) > 0) if points.shape[1] else np.zeros(len(points), dtype=bool)
    neurons, points = neurons[varies], np.ascontiguousarray(points[varies])
    k = min(options.response_groups, len(points))
    how: dict[str, Any] = {"seed": options.seed, "advance": task.advance}
    if k:
        labels = k_means(points, k=k, n_starts=_STARTS, n_iterations=50, **how).labels
    else:
        labels = np.empty(0, dtype=np.int32)
        task.advance(_STARTS)
    method = options.maps[0] if options.maps else "none"
    xy = np.full((len(points), 2), np.nan, dtype=np.float32)
    if method != "none" and len(points):
        xy = lay_out(points, method, perplexity=options.perplexity, **how)
    else:
        task.advance(N_STEPS)
    columns = {
        "site": pa.array([site] * len(points), pa.string()),
        "layer": pa.array([layer] * len(points), pa.int16()),
        "neuron_id": pa.array(neurons.astype(np.int32)),
        "group": pa.array(np.asarray(labels, dtype=np.int32)),
        "x": pa.array(np.ascontiguousarray(xy[:, 0]), from_pandas=True),
        "y": pa.array(np.ascontiguousarray(xy[:, 1]), from_pandas=True),
        "n_sentences": pa.array([points.shape[1]] * len(points), pa.int32()),
    }
    return pa.table(columns, schema=_SCHEMA)


def _responses(inputs: RelateInputs, neurons: NDArray[np.int64]) -> NDArray[np.float32]:
    """Read a layer's responses to the chosen sentences of the sample, which are the same for every layer.

    Returns: float32, shape (n_layer, n_sentences). As they are, or standardised; zeros for a neuron that does not
        vary or is not finite.
    """
    options, held = inputs.options, inputs.run.array("sample/activations")
    sentences = np.arange(held.shape[1])
    if len(sentences) > options.group_sentences:
        random = np.random.default_rng([options.seed, 11])
        sentences = np.sort(random.choice(sentences, size=options.group_sentences, replace=False))
    values = np.asarray(held[neurons][:, sentences], dtype=np.float32)
    values = values[:, finite_sentences(values)]
    if options.group_responses == "standard":
        return standardised(values)
    finite = np.isfinite(values).all(axis=1, keepdims=True)
    return np.where(finite, values, np.float32(0.0))
