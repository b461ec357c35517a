"""How much the sentences that move a layer differ: the error of k-means over them, against k."""

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.clustering.k_means import k_means
from neurolect.folders.atomic import write_table
from neurolect.relations.inputs import RelateInputs
from neurolect.results.list_entries import ListEntries, first_entries


class Diversity(NamedTuple):
    """The error of k-means over a layer's sentences."""

    k: int
    """Groups."""
    sse: float
    """Sum of squared distances to the group's mean."""
    n_sentences: int
    """Sentences, one counted as often as a neuron lists it."""


def layer_sentences(entries: ListEntries, neurons: NDArray[np.int64], *, n_first: int) -> NDArray[np.int32]:
    """Gather the strongest sentences of a layer's neurons.

    ``neurons``: int64, shape (n_layer,). The layer's neurons.
    Returns: int32, shape (up to n_layer * n_first,). Their rows among the kept sentences, neuron by neuron.
    """
    short = first_entries(entries, n_first)
    parts = [short.positions[short.starts[neuron] : short.starts[neuron + 1]] for neuron in neurons]
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int32)


def diversity(
    vectors: NDArray[np.float32], *, ks: tuple[int, ...], seed: int = 0, n_starts: int = 3
) -> list[Diversity]:
    """Group a layer's sentences into ever more groups.

    ``vectors``: float32, shape (n, D). Vectors of the sentences; rows of zeros (no vector) are left out.
    ``ks``: Numbers of groups; those above the number of sentences are left out.

    Reference: [J] figure 3: the error falls slowest in the layers whose neurons capture most different things.
    """
    points = vectors[vectors.any(axis=1)]
    return [
        Diversity(k, k_means(points, k=k, seed=seed, n_starts=n_starts, n_iterations=50).sse, len(points))
        for k in ks
        if k <= len(points)
    ]


# The step that measures how diverse each layer's sentences are.
_SCHEMA = pa.schema(
    [
        ("site", pa.string()),
        ("layer", pa.int16()),
        ("side", pa.string()),
        ("k", pa.int32()),
        ("sse", pa.float64()),
        ("n_sentences", pa.int32()),
        ("n_distinct", pa.int32()),
    ]
)


def measure_diversity(inputs: RelateInputs) -> dict[str, Any]:
    """Write ``relations/diversity``."""
    options, rows = inputs.options, []
    total = len(inputs.site_layers) * len(inputs.sides)
    with inputs.progress.task("diversity", total=total, unit="layers") as task:
        for side in inputs.sides:
            for block, (site, layer) in enumerate(inputs.site_layers):
                neurons = np.flatnonzero(inputs.block_of == block)
                found = layer_sentences(inputs.entries(side), neurons, n_first=options.diversity_sentences)
                vectors = inputs.word_vectors[found]
                for each in diversity(vectors, ks=options.diversity_groups, seed=options.seed):
                    what = {"site": site, "layer": layer, "side": side, "n_distinct": len(np.unique(found))}
                    rows.append(what | each._asdict())
                task.advance()
    write_table(inputs.run.folder / "relations" / "diversity.parquet", pa.Table.from_pylist(rows, schema=_SCHEMA))
    return {"n_layers": total}
