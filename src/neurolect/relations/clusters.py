"""The step that groups neurons by their vectors, and compares the groups with layers, sites and sides."""

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.clustering.k_means import k_means
from neurolect.clustering.quality import cluster_accuracy, crossed
from neurolect.folders.atomic import write_table
from neurolect.relations.inputs import RelateInputs


class _Lists(NamedTuple):
    """Lists that are grouped together."""

    of: str  # top, bottom or both
    vectors: NDArray[np.float32]
    neurons: NDArray[np.int64]
    sides: NDArray[np.int32]  # place in inputs.sides


class _Plan(NamedTuple):
    """How lists are grouped."""

    groupings: dict[str, tuple[NDArray[np.int32], list[str]]]
    """The known groups that are compared with."""
    ks: list[int]
    """Numbers of groups."""
    too_many: list[int]
    """Numbers of groups that there are too few lists for."""


def _plan(inputs: RelateInputs, lists: _Lists) -> _Plan:
    groupings = _groupings(inputs, lists)
    wanted = {len(names) for _, names in groupings.values()} | set(inputs.options.groups or ())
    n = len(lists.neurons)
    return _Plan(groupings, sorted(k for k in wanted if k <= n), sorted(k for k in wanted if k > n))


def cluster_vectors(inputs: RelateInputs) -> dict[str, Any]:
    """Write ``relations/clusters``, ``members`` and ``crossed``."""
    rows: list[dict[str, Any]] = []
    cells: list[dict[str, Any]] = []
    members: list[pa.Table] = []
    too_many: dict[int, list[str]] = {}
    work = [(kind, lists) for kind in inputs.vector_kinds for lists in _lists(inputs, kind)]
    plans = [_plan(inputs, lists) for _, lists in work]
    total = sum(len(plan.ks) for plan in plans) * inputs.options.n_starts
    with inputs.progress.task("clusters", total=total, unit="starts") as task:
        how: dict[str, Any] = {"seed": inputs.options.seed, "n_starts": inputs.options.n_starts}
        for (kind, lists), plan in zip(work, plans, strict=True):
            for k in plan.too_many:
                too_many.setdefault(k, []).append(lists.of)
            for k in plan.ks:
                found = k_means(lists.vectors, k=k, **how, advance=task.advance)
                members.append(_members(inputs, lists, kind, k, found.labels))
                for grouping, (codes, names) in plan.groupings.items():
                    if len(names) != k and k not in (inputs.options.groups or ()):
                        continue
                    what = {"vectors": kind, "lists": lists.of, "grouping": grouping, "k": k}
                    labels = (found.labels, found.labels_of_starts)
                    rows.append(what | _compared(inputs, labels, codes, names, k=k, sse=found.sse))
                    counts = crossed(found.labels, codes, n_labels=k, n_groups=len(names))
                    cells += [
                        what | {"cluster": cluster, "group": names[group], "n_lists": int(counts[cluster, group])}
                        for cluster, group in np.ndindex(*counts.shape)
                    ]
    for k, without in sorted(too_many.items()):
        short = ", ".join(dict.fromkeys(without))
        inputs.progress.message(f"Fewer than {k:,} lists ({short}) have a vector: {k:,} groups are left out there.")
    folder = inputs.run.folder / "relations"
    write_table(folder / "members.parquet", pa.concat_tables([_MEMBERS.empty_table(), *members]))
    write_table(folder / "crossed.parquet", pa.Table.from_pylist(cells, schema=_CROSSED))
    write_table(folder / "clusters.parquet", pa.Table.from_pylist(rows, schema=_CLUSTERS))
    return {"n_clusterings": len(rows)}


_WHAT = [("vectors", pa.string()), ("lists", pa.string()), ("grouping", pa.string()), ("k", pa.int32())]
_CROSSED = pa.schema([*_WHAT, ("cluster", pa.int32()), ("group", pa.string()), ("n_lists", pa.int32())])
_MEMBERS = pa.schema(
    [
        *(("vectors", pa.string()), ("lists", pa.string()), ("k", pa.int32())),
        *(("neuron_id", pa.int32()), ("side", pa.string()), ("cluster", pa.int32())),
    ]
)
_FIGURES = ("accuracy", "low", "high", "chance", "chance_high", "p", "accuracy_least", "accuracy_greatest", "sse")
_CLUSTERS = pa.schema(
    [*_WHAT, ("n_groups", pa.int32()), ("n_lists", pa.int32()), *((name, pa.float64()) for name in _FIGURES)]
)


def _lists(inputs: RelateInputs, kind: str) -> list[_Lists]:
    """Take each side by itself, and both together; lists without a vector are left out."""
    parts = []
    for place, side in enumerate(inputs.sides):
        vectors = inputs.neuron_vectors(kind, side)
        has = np.flatnonzero(np.isfinite(vectors).all(axis=1))
        parts.append(_Lists(side, vectors[has], has, np.full(len(has), place, dtype=np.int32)))
    if len(parts) > 1:
        joined = [np.concatenate(column) for column in zip(*(part[1:] for part in parts), strict=True)]
        parts.append(_Lists("both", joined[0], joined[1], joined[2]))
    return parts


def _groupings(inputs: RelateInputs, lists: _Lists) -> dict[str, tuple[NDArray[np.int32], list[str]]]:
    """Give the known groups of the lists: layers, sites, sides; a grouping of one group is not informative."""
    blocks = inputs.block_of[lists.neurons]
    found = {}
    of_blocks = {
        "layer": [str(layer) for _, layer in inputs.site_layers],
        "site": [site for site, _ in inputs.site_layers],
    }
    for grouping, names in of_blocks.items():
        distinct = list(dict.fromkeys(names))
        code = np.array([distinct.index(name) for name in names], dtype=np.int32)
        found[grouping] = (code[blocks], distinct)
    if lists.of == "both":
        found["side"] = (lists.sides, list(inputs.sides))
    return {grouping: (codes, names) for grouping, (codes, names) in found.items() if len(names) > 1}


def _compared(
    inputs: RelateInputs,
    labels: tuple[NDArray[np.int32], NDArray[np.int32]],
    codes: NDArray[np.int32],
    names: list[str],
    *,
    k: int,
    sse: float,
) -> dict[str, Any]:
    """Compare the best clustering with known groups, and say how far the other starts lie apart."""
    best, of_starts = labels
    options = inputs.options
    found = cluster_accuracy(
        best, codes, n_labels=k, n_groups=len(names), seed=options.seed, n_draws=options.n_draws
    )
    others = [
        cluster_accuracy(each, codes, n_labels=k, n_groups=len(names), n_draws=1).accuracy for each in of_starts
    ]
    figures = {name: value for name, value in found._asdict().items() if name in _FIGURES}
    return figures | {
        "n_groups": len(names),
        "n_lists": len(best),
        "accuracy_least": min(others),
        "accuracy_greatest": max(others),
        "sse": sse,
    }


def _members(inputs: RelateInputs, lists: _Lists, kind: str, k: int, labels: NDArray[np.int32]) -> pa.Table:
    """Say which list is in which cluster."""
    n = len(labels)
    order = np.lexsort((lists.sides, lists.neurons))
    sides = pa.array(inputs.sides, pa.string()).take(pa.array(lists.sides[order]))
    return pa.table(
        {
            "vectors": pa.array([kind] * n, pa.string()),
            "lists": pa.array([lists.of] * n, pa.string()),
            "k": pa.array(np.full(n, k, dtype=np.int32)),
            "neuron_id": pa.array(lists.neurons[order].astype(np.int32)),
            "side": sides,
            "cluster": pa.array(labels[order]),
        }
    )
