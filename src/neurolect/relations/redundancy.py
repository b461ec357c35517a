"""How many neurons a model could do without, because another one responds alike."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.clustering.average_linkage import Merges

THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


def redundancy_table(
    twin_correlations: NDArray[np.float32],
    correlations_in_layer: NDArray[np.float32],
    *,
    site_layers: list[tuple[str, int]],
    groups: NDArray[np.int32],
    merges: Merges | None,
) -> pa.Table:
    """Count, for several thresholds, the neurons that have a twin, and the groups of neurons alike.

    ``twin_correlations``: float32, shape (n,). Each neuron's correlation with the one most like it.
    ``correlations_in_layer``: float32, shape (n,). The same among the neurons of its own layer.
    ``site_layers``: list of (str, int). Site and layer of each group number.
    ``groups``: int32, shape (n,). Group number of each neuron.
    ``merges``: Joins of all neurons by average linkage of 1 - absolute correlation.
    Returns: ``site`` and ``layer`` (null: the whole run), ``threshold``, ``n_neurons``, ``share_with_twin``,
        ``share_with_twin_in_layer``, ``share_redundant`` (of the whole run: neurons left over when one of every
        group is kept).
    """
    rows = []
    anywhere, inside = np.abs(twin_correlations), np.abs(correlations_in_layer)
    parts: list[tuple[str | None, int | None, NDArray[np.bool_]]] = [(None, None, np.ones(len(groups), dtype=bool))]
    parts += [(site, layer, groups == number) for number, (site, layer) in enumerate(site_layers)]
    for site, layer, here in parts:
        for threshold in THRESHOLDS:
            redundant = None
            if site is None and merges is not None:
                joined = np.searchsorted(merges.heights, np.float32(1.0 - threshold), side="right")
                redundant = float(joined / max(len(groups), 1))
            rows.append(
                {
                    "site": site,
                    "layer": layer,
                    "threshold": threshold,
                    "n_neurons": int(here.sum()),
                    "share_with_twin": float((anywhere[here] >= threshold).mean()),
                    "share_with_twin_in_layer": float((inside[here] >= threshold).mean()),
                    "share_redundant": redundant,
                }
            )
    kinds = [pa.string(), pa.int16(), pa.float32(), pa.int32(), pa.float32(), pa.float32(), pa.float32()]
    return pa.Table.from_pylist(rows, schema=pa.schema(list(zip(rows[0], kinds, strict=True))))
