"""How much the sentences that move a layer differ: the error of k-means over them, against k."""

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from neurolect.clustering.k_means import k_means
from neurolect.errors import OptionError
from neurolect.folders.atomic import write_table
from neurolect.relations.inputs import RelateInputs
from neurolect.results.list_entries import ListEntries, first_entries
from neurolect.store import Run


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


def read_diversity(run: Run, *, side: str, vectors: str | None = None) -> tuple[pa.Table, str]:
    """Read ``relations/diversity`` of one side by one kind of sentence vectors, and say which.

    ``vectors``: ``words`` or ``encoder``; the encoder's where there are any when not given, as in [J].
    """
    table = run.table("relations/diversity")
    if "vectors" not in table.column_names:  # as earlier versions wrote it
        table = table.append_column("vectors", pa.array(["words"] * table.num_rows, pa.string()))
    kinds = list(dict.fromkeys(table.column("vectors").to_pylist())) or ["words"]
    if vectors not in (None, *kinds):
        what = f"The diversity of {run.folder} was not measured by {vectors!r} vectors."
        hint = "neurolect relate RUN --set relate.encoder_vectors=first"
        raise OptionError(what, expected=" or ".join(kinds), hint=hint)
    chosen = vectors or ("encoder" if "encoder" in kinds else "words")
    return table.filter((pc.field("side") == side) & (pc.field("vectors") == chosen)), chosen


def encoder_words(run: Run) -> str:
    """Say of which encoder the sentence vectors are."""
    given = run.manifest["options"].get("relate", {}).get("encoder_vectors", "none")
    own = {"first": "the model's own first token", "mean": "the mean of the model's own tokens"}
    return own.get(given, "an encoder's")


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
        ("vectors", pa.string()),
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
                what = {"site": site, "layer": layer, "side": side, "n_distinct": len(np.unique(found))}
                for kind in inputs.vector_kinds:
                    vectors = inputs.vectors_of(kind)[found]
                    for each in diversity(vectors, ks=options.diversity_groups, seed=options.seed):
                        rows.append(what | each._asdict() | {"vectors": kind})
                task.advance()
    write_table(inputs.run.folder / "relations" / "diversity.parquet", pa.Table.from_pylist(rows, schema=_SCHEMA))
    return {"n_layers": total}
