"""The step that finds which neurons are alike: by shared sentences, by signature, by their responses."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from neurolect.clustering.average_linkage import Merges, average_linkage, groups_at
from neurolect.clustering.k_means import k_means
from neurolect.clustering.nearest import Nearest, SparseRows, nearest_rows
from neurolect.folders.atomic import write_table
from neurolect.relations.inputs import RelateInputs, Responses, compare_responses
from neurolect.results.list_entries import first_entries
from neurolect.signatures.evidence.features import Rows
from neurolect.signatures.evidence.metadata import METADATA_ROWS
from neurolect.signatures.evidence.tags import TAG_ROWS
from neurolect.signatures.evidence.words import WORD_ROWS
from neurolect.statistics.scores import MIN_Z
from neurolect.store import Run
from neurolect.store.sides import list_columns, lists_of

# Signatures as sparse vectors: what a list has more of, by words, metadata and tags.
KINDS = (WORD_ROWS, METADATA_ROWS, TAG_ROWS)
"""What two signatures are alike in, each kind a third of it."""


def signature_rows(run: Run, *, sides: tuple[str, ...]) -> tuple[SparseRows, int]:
    """Make a vector of every signature.

    Returns: rows: SparseRows. One row a list, neuron by neuron, sides in the order given. A column is a word, a
        metadata value or a tag, its weight the log-odds z (2 or more). Words, metadata and tags are each brought to
        the same length, so the product of two rows is the mean of the cosines of the kinds; a kind that a list has
        nothing of adds nothing.
    Returns: n_columns: int. Columns.
    """
    n_lists = run.n_neurons * len(sides)
    parts: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]] = []
    n_columns = 0
    for kind in KINDS:
        lists, labels, weights = _evidence(run, kind, sides)
        norms = np.sqrt(np.bincount(lists, weights=weights**2, minlength=n_lists))
        columns, size = _numbered(labels)
        parts.append((lists, columns + n_columns, weights / norms[lists] / np.sqrt(len(KINDS))))
        n_columns += size
    lists, columns = (np.concatenate([part[at] for part in parts]) for at in (0, 1))
    values = np.concatenate([part[2] for part in parts])
    order = np.lexsort((columns, lists))
    starts = np.concatenate([[0], np.cumsum(np.bincount(lists, minlength=n_lists))]).astype(np.int64)
    rows = SparseRows(starts, columns[order].astype(np.int32), values[order].astype(np.float32))
    return rows, n_columns


def _evidence(
    run: Run, rows: Rows, sides: tuple[str, ...]
) -> tuple[NDArray[np.int64], list[pa.ChunkedArray], NDArray[np.float64]]:
    """Read the list, the labels and the weight of what is over-represented."""
    table = rows.read(run, "log_odds_z").filter(pc.field("log_odds_z") >= MIN_Z)
    weights = table.column("log_odds_z").to_numpy().astype(np.float64)
    return lists_of(table, sides), [table.column(key) for key in rows.labels], weights


def _numbered(labels: list[pa.ChunkedArray]) -> tuple[NDArray[np.int64], int]:
    """Give every combination of labels a number, in the order of the labels themselves."""
    codes = np.zeros(len(labels[0]), dtype=np.int64)
    for label in labels:
        encoded = label.combine_chunks().dictionary_encode()
        own = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        rank = np.argsort(np.argsort(np.array(encoded.dictionary.to_pylist(), dtype=object), kind="stable"))
        codes = codes * max(len(rank), 1) + (rank[own] if len(rank) else own)
    distinct, numbers = np.unique(codes, return_inverse=True)
    return numbers.astype(np.int64), len(distinct)


# How many neurons a model could do without, because another one responds alike.
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


ROW_GROUP = 8192  # a card reads one neuron


def find_alike(inputs: RelateInputs) -> dict[str, Any]:
    """Write ``relations/neighbours``, ``responses`` and ``redundancy``."""
    run, options, folder = inputs.run, inputs.options, inputs.run.folder / "relations"
    k = min(options.n_neighbours, max(run.n_neurons - 1, 1))
    by_signature = _like_signatures(inputs, k)
    shared = _shared_sentences(inputs, k)
    unit = inputs.responses(tell=True)
    responses, merges = _responses(inputs, unit, k)
    parts = [
        _table("lists", shared, sides=inputs.sides),
        _table("signature", by_signature, sides=inputs.sides),
        _table("response", responses.nearest, sides=None),
    ]
    table = pa.concat_tables(parts)
    order = np.argsort(table.column("neuron_id").to_numpy(), kind="stable")
    write_table(folder / "neighbours.parquet", table.take(pa.array(order)), row_group_size=ROW_GROUP)
    alive = np.asarray(unit.any(axis=1))
    n_still = int(np.count_nonzero(~alive))
    if n_still:
        who = "1 neuron does" if n_still == 1 else f"{n_still:,} neurons do"
        inputs.progress.message(f"{who} not vary over the sample, and so belong to no response group.")
    write_table(folder / "responses.parquet", _response_table(inputs, unit, alive, responses, merges))
    redundancy = redundancy_table(
        responses.nearest.values[:, 0],
        responses.correlation_in_layer,
        site_layers=inputs.site_layers,
        groups=inputs.block_of,
        merges=merges,
    )
    write_table(folder / "redundancy.parquet", redundancy)
    return {"n_sample_sentences": unit.shape[1], "n_without_response": n_still, "linked": merges is not None}


def _like_signatures(inputs: RelateInputs, k: int) -> Nearest:
    """Find the lists with the most alike signatures; their evidence is let go before responses are linked."""
    rows, n_columns = signature_rows(inputs.run, sides=inputs.sides)
    return _nearest(inputs, "alike by signature", rows, n_columns=n_columns, k=k)


def _nearest(inputs: RelateInputs, name: str, rows: SparseRows, *, n_columns: int, k: int) -> Nearest:
    """Find the lists that are most alike, and say how far that is."""
    with inputs.progress.task(name, total=len(rows.starts) - 1, unit="lists") as task:
        return nearest_rows(rows, n_columns=n_columns, k=k, workers=inputs.workers, advance=task.advance)


def _shared_sentences(inputs: RelateInputs, k: int) -> Nearest:
    """Find the lists that share most sentences; values are shares of the list."""
    sides = [first_entries(inputs.entries(side), inputs.options.overlap_sentences) for side in inputs.sides]
    sizes = np.stack([side.sizes for side in sides], axis=1).ravel()
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    positions = np.empty(starts[-1], dtype=np.int32)
    for place, side in enumerate(sides):
        begin = np.repeat(starts[place :: len(sides)][: len(side.sizes)] - side.starts[:-1], side.sizes)
        positions[np.arange(len(side.positions)) + begin] = side.positions
    rows = SparseRows(starts, positions, np.ones(len(positions), dtype=np.float32))
    found = _nearest(inputs, "shared sentences", rows, n_columns=len(inputs.sentence_ids), k=k)
    values = found.values
    values /= np.maximum(sizes, 1).astype(np.float32)[:, None]
    return found._replace(values=values)


def _responses(inputs: RelateInputs, unit: NDArray[np.float32], k: int) -> tuple[Responses, Merges | None]:
    """Correlate all neurons, and link them where the memory is given."""
    n = len(unit)
    gib = (4 * n * (n - 1) / 2 + 2 * unit.nbytes + 3e8) / 1024**3
    linked = gib <= inputs.options.memory_gib
    if not linked:
        inputs.progress.message(
            f"Correlation clustering left out: it takes {gib:.1f} GiB (--set relate.memory_gib={gib + 0.1:.0f})."
        )
    with inputs.progress.task("responses", total=n, unit="neurons") as task:
        found = compare_responses(unit, inputs.block_of, k=k, with_distances=linked, advance=task.advance)
    if found.distances is None:
        return found, None
    with inputs.progress.task("correlation groups", total=n - 1, unit="joins") as task:
        return found._replace(distances=None), average_linkage(found.distances, n=n, advance=task.advance)


def _table(by: str, nearest: Nearest, *, sides: tuple[str, ...] | None) -> pa.Table:
    """Write neighbours as rows; of lists where there are sides, else of neurons."""
    rows, ranks = np.nonzero(nearest.ids >= 0)
    other = list_columns(nearest.ids[rows, ranks], sides or (None,))
    return pa.table(
        {
            **list_columns(rows, sides or (None,)),
            "by": pa.array([by] * len(rows), pa.string()),
            "rank": pa.array(ranks.astype(np.int16)),
            "other_id": other["neuron_id"],
            "other_side": other["side"],
            "likeness": pa.array(nearest.values[rows, ranks]),
        }
    )


def _response_table(
    inputs: RelateInputs,
    unit: NDArray[np.float32],
    alive: NDArray[np.bool_],
    responses: Responses,
    merges: Merges | None,
) -> pa.Table:
    """Write every neuron's groups and twins."""
    options = inputs.options
    groups = np.full(len(unit), -1, dtype=np.int32)
    k = min(options.response_groups, int(alive.sum()))
    if k:
        how = {"k": k, "seed": options.seed, "n_starts": 3, "n_iterations": 50}
        with inputs.progress.task("response groups", total=3, unit="starts") as task:
            groups[alive] = k_means(unit[alive], **how, advance=task.advance).labels
    linked = None if merges is None else groups_at(merges, height=1.0 - options.twin_threshold)
    twins, correlations = responses.nearest.ids[:, 0], responses.nearest.values[:, 0]
    inside, correlation_inside = responses.twin_in_layer, responses.correlation_in_layer
    return pa.table(
        {
            "neuron_id": pa.array(np.arange(len(unit), dtype=np.int32)),
            "response_group": pa.array(groups, mask=groups < 0),
            "correlation_group": pa.nulls(len(unit), pa.int32()) if linked is None else pa.array(linked),
            "twin_id": pa.array(twins, mask=twins < 0),
            "twin_correlation": pa.array(correlations, mask=twins < 0),
            "twin_in_layer_id": pa.array(inside, mask=inside < 0),
            "twin_in_layer_correlation": pa.array(correlation_inside, mask=inside < 0),
        }
    )
