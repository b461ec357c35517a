"""A comparison of models in a few numbers: what became of neurons, layer by layer, and which ones to look at."""

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

if TYPE_CHECKING:
    from neurolect.comparison import Comparison

_KEPT, _MOVED = "kept", ("moved within the layer", "moved to another layer")
_EXAMPLES = 5


def comparison_summary(made: "Comparison", *, n_examples: int = _EXAMPLES) -> dict[str, Any]:
    """Sum a comparison up.

    Returns: JSON-able: ``labels``, ``source``, ``n_sentences``, ``notices``, ``pairs`` (``fates``, medians,
        ``layers``, ``examples`` of every two runs), ``rankings``, ``number_distances`` and ``distances``.
    """
    pairs = [_pair(made, first, second, n_examples) for first, second in combinations(made.labels, 2)]
    distances = None
    if made.distances is not None:
        distances = made.distances.filter(pc.is_null(made.distances.column("layer"))).to_pylist()
    return {
        "labels": list(made.labels),
        "source": made.source,
        "n_sentences": made.n_sentences,
        "options": made.options,
        "chance_shared": made.chance_shared,
        "notices": [*made.notices, *made.stale()],
        "pairs": pairs,
        "rankings": None if made.rankings is None else made.rankings.to_pylist(),
        "number_distances": None if made.number_distances is None else made.number_distances.to_pylist(),
        "distances": distances,
        "seconds": made.seconds,
    }


def _pair(made: "Comparison", first: str, second: str, n_examples: int) -> dict[str, Any]:
    forth, back = (_rows(made.matches, *each) for each in ((first, second), (second, first)))
    fates = {name: int(n) for name, n in _counts(forth).items()}
    fates["appeared"] = _counts(back).get("appeared", 0)
    layers = made.layers.filter(
        pc.and_(pc.equal(made.layers.column("run"), first), pc.equal(made.layers.column("other"), second))
    )
    return {
        "run": first,
        "other": second,
        "n_neurons": [forth.num_rows, back.num_rows],
        "fates": fates,
        "same_index": _same_index(forth),
        "median_correlation": [_median(np.abs(_numbers(each, "correlation"))) for each in (forth, back)],
        "median_r2": [_median(_numbers(each, "r2")) for each in (forth, back)],
        "mean_shared": _mean(_numbers(forth, "same_shared")),
        "same_name": _same_name(forth),
        "layers": [_layer(forth, back, layers, *place) for place in _places(forth)],
        "examples": {
            "kept": _examples(forth, [_KEPT], "same_correlation", n_examples),
            "moved to another layer": _examples(forth, [_MOVED[1]], "correlation", n_examples),
            "vanished": _examples(forth, ["vanished"], "correlation", n_examples, least=True),
            "appeared": _examples(back, ["appeared"], "correlation", n_examples, least=True),
        },
    }


def _rows(table: pa.Table, run: str, other: str) -> pa.Table:
    return table.filter(pc.and_(pc.equal(table.column("run"), run), pc.equal(table.column("other"), other)))


def _counts(table: pa.Table) -> dict[str, int]:
    found: dict[str, int] = dict.fromkeys((_KEPT, *_MOVED, "vanished"), 0)
    for each in pc.value_counts(table.column("fate")).to_pylist():
        found[each["values"]] = each["counts"]
    return {name: n for name, n in found.items() if n or name != "appeared"}


def _same_index(table: pa.Table) -> dict[str, int]:
    """Count the neurons whose partner in another layer has their index, and those of them where it is shallower."""
    moved = table.filter(pc.equal(table.column("fate"), _MOVED[1])).select(["address", "layer", "best_address"])
    n, shallower = 0, 0
    for row in moved.to_pylist():
        site, layer, index = row["best_address"].rsplit(".", 2)
        if row["address"].startswith(f"{site}.") and row["address"].endswith(f".{index}"):
            n += 1
            shallower += int(layer) < row["layer"]
    return {"n": n, "shallower": shallower}


def _places(table: pa.Table) -> list[tuple[str, int]]:
    sites = [address.rsplit(".", 2)[0] for address in table.column("address").to_pylist()]
    return list(dict.fromkeys(zip(sites, table.column("layer").to_pylist(), strict=True)))


def _layer(forth: pa.Table, back: pa.Table, layers: pa.Table, site: str, layer: int) -> dict[str, Any]:
    own, other = _of_layer(forth, site, layer), _of_layer(back, site, layer)
    counts = _counts(own)
    those = layers.filter((pc.field("site") == site) & (pc.field("layer") == layer)).to_pylist()
    same = [each for each in those if (each["other_site"], each["other_layer"]) == (site, layer)]
    known = [each for each in those if each["svcca_held_out"] is not None]
    closest = max(known, key=lambda each: each["svcca_held_out"], default=None)
    return {
        "site": site,
        "layer": layer,
        "n": own.num_rows,
        "kept": counts[_KEPT] / own.num_rows,
        "moved": sum(counts[each] for each in _MOVED) / own.num_rows,
        "vanished": counts["vanished"] / own.num_rows,
        "appeared": _counts(other).get("appeared", 0) / max(1, other.num_rows) if other.num_rows else None,
        "median_correlation": _median(np.abs(_numbers(own, "correlation"))),
        "median_r2": _median(_numbers(own, "r2")),
        "svcca": same[0]["svcca"] if same else None,
        "svcca_held_out": same[0]["svcca_held_out"] if same else None,
        "likest_layer": None if closest is None else f"{closest['other_site']}.{closest['other_layer']}",
        "likest_svcca_held_out": None if closest is None else closest["svcca_held_out"],
        "mean_shared": _mean(_numbers(own, "same_shared")),
    }


def _of_layer(table: pa.Table, site: str, layer: int) -> pa.Table:
    return table.filter(
        pc.and_(pc.equal(table.column("layer"), layer), pc.starts_with(table.column("address"), f"{site}."))
    )


def _numbers(table: pa.Table, name: str) -> NDArray[np.float64]:
    numbers: NDArray[np.float64] = table.column(name).to_numpy(zero_copy_only=False).astype(np.float64)
    return numbers


def _median(values: NDArray[np.float64]) -> float | None:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else None


def _mean(values: NDArray[np.float64]) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None


def _same_name(table: pa.Table) -> float | None:
    """Say how many of the kept neurons have a list of the same name."""
    kept = table.filter(pc.equal(table.column("fate"), _KEPT)).select(["name", "same_name"]).to_pylist()
    named = [row for row in kept if row["name"] is not None and row["same_name"] is not None]
    return sum(row["name"] == row["same_name"] for row in named) / len(named) if named else None


def _examples(table: pa.Table, fates: list[str], by: str, n: int, *, least: bool = False) -> list[dict[str, Any]]:
    """Name the clearest neurons of a fate."""
    rows = table.filter(pc.is_in(table.column("fate"), pa.array(fates))).to_pylist()
    rows = [row for row in rows if row[by] is not None]
    rows.sort(key=lambda row: (abs(row[by]) if least else -abs(row[by]), row["neuron_id"]))
    kept = ("address", "name", "best_address", "best_name", "correlation", "same_correlation", "same_name", "r2")
    return [{name: row[name] for name in kept} for row in rows[:n]]
