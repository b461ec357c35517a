"""The step that measures how diverse each layer's sentences are."""

from typing import Any

import numpy as np
import pyarrow as pa

from neurolect.atomic import write_table
from neurolect.relations.diversity import diversity, layer_sentences
from neurolect.relations.inputs import RelateInputs

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
