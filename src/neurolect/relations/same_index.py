"""Does a dimension mean the same in every layer? Correlation of a number at the same index across layers.

Dims: L layers, W dimensions of each.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.errors import NeurolectError
from neurolect.folders.atomic import write_table
from neurolect.relations.inputs import RelateInputs
from neurolect.results import Numbers, numbers
from neurolect.statistics.sorting import mean_ranks


class SameIndex(NamedTuple):
    """Agreement of layers at the same index."""

    correlation: float
    """Mean rank correlation over all pairs of layers."""
    neighbouring: float
    """Mean over neighbouring layers."""
    chance_low: float
    """2.5th percentile of `correlation` when the dimensions of every layer are shuffled."""
    chance_high: float
    """97.5th percentile of that."""
    p: float
    """Share of shuffles (and the true order) that reach the correlation, by absolute value."""


def rank_correlations(numbers_LW: NDArray[np.float64]) -> NDArray[np.float64]:
    """Correlate every pair of layers by ranks (Spearman).

    ``numbers_LW``: float64, shape (L, W). A number for every layer and index; indices with a NaN in any layer are
        left out.
    Returns: float64, shape (L, L). NaN where a layer has the same number everywhere.
    """
    unit = _unit_ranks(numbers_LW)
    found: NDArray[np.float64] = unit @ unit.T
    flat = ~unit.any(axis=1)
    found[flat] = np.nan
    found[:, flat] = np.nan
    return found


def same_index(numbers_LW: NDArray[np.float64], *, seed: int = 0, n_draws: int = 1000) -> SameIndex:
    """Test whether the layers agree at the same index.

    ``numbers_LW``: float64, shape (L, W). A number for every layer and index; two layers at least.
    Returns: Layers with the same number everywhere are left out; NaN where fewer than two are left, or fewer than
        three indices.

    The sum over pairs of layers is had from the length of the sum of the layers' standardised ranks, so a shuffle
    costs L x W steps and not L x L x W.
    """
    unit = _unit_ranks(numbers_LW)
    unit = unit[unit.any(axis=1)]
    n_layers = len(unit)
    if n_layers < 2 or unit.shape[1] < 3:
        return SameIndex(np.nan, np.nan, np.nan, np.nan, np.nan)
    found = _mean_of_pairs(unit.sum(axis=0), n_layers)
    neighbouring = float(np.einsum("lw,lw->l", unit[:-1], unit[1:]).mean())
    random = np.random.default_rng(seed)
    drawn = np.empty(n_draws)
    for draw in range(n_draws):
        drawn[draw] = _mean_of_pairs(random.permuted(unit, axis=1).sum(axis=0), n_layers)
    reached = int(np.count_nonzero(np.abs(drawn) >= abs(found) - 1e-12))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return SameIndex(found, neighbouring, float(low), float(high), (reached + 1) / (n_draws + 1))


def _mean_of_pairs(total: NDArray[np.float64], n_layers: int) -> float:
    return float((total @ total - n_layers) / (n_layers * (n_layers - 1)))


def _unit_ranks(numbers_LW: NDArray[np.float64]) -> NDArray[np.float64]:
    """Replace numbers by ranks (equal ones share theirs), centred and of unit length; zeros if all are equal."""
    kept = numbers_LW[:, np.isfinite(numbers_LW).all(axis=0)]
    unit = np.zeros(kept.shape)
    for layer, row in enumerate(kept):
        ranks = mean_ranks(row)
        centred = ranks - ranks.mean() if len(ranks) else ranks
        length = np.linalg.norm(centred)
        if length > 0:
            unit[layer] = centred / length
    return unit


# The step that compares layers at the same index.
MOMENTS = ("mean", "std", "skewness")
PLAIN = ("length", "noun_share", "verb_share", "adjective_share", "pos", *MOMENTS)
MAX_VALUES = 20
"""Fields of more values are names, numbers and dates: one-sidedness in them says little, and takes long."""
_FIGURES = ("correlation", "neighbouring", "chance_low", "chance_high", "p")
_SCHEMA = pa.schema(
    [
        ("number", pa.string()),
        ("site", pa.string()),
        ("side", pa.string()),
        ("n_layers", pa.int16()),
        ("n_indices", pa.int32()),
        *((name, pa.float64()) for name in _FIGURES),
    ]
)


def compare_same_index(inputs: RelateInputs) -> dict[str, Any]:
    """Write ``relations/same_index``."""
    options, rows = inputs.options, []
    names = [*PLAIN, *_values_of_fields(inputs)]
    n_left_out = 0
    with inputs.progress.task("same index", total=len(names) * len(inputs.sides), unit="numbers") as task:
        for side in inputs.sides:
            for name in names:
                task.advance()
                if name in MOMENTS and side != inputs.sides[0]:
                    continue  # of the neuron, not of a list
                found = _number(inputs, name, side)
                if found is None:
                    n_left_out += 1
                    continue
                for site in dict.fromkeys(site for site, _ in inputs.site_layers):
                    of_layers = layers_of_site(inputs.run.manifest["model"]["sites"], found.values, site=site)
                    if of_layers is None:
                        continue
                    made = same_index(of_layers, seed=options.seed, n_draws=options.n_draws)
                    shape = {
                        "n_layers": of_layers.shape[0],
                        "n_indices": int(np.isfinite(of_layers).all(axis=0).sum()),
                    }
                    rows.append(
                        {"number": name, "site": site, "side": side} | shape | _null_for_nan(made._asdict())
                    )
    write_table(inputs.run.folder / "relations" / "same_index.parquet", pa.Table.from_pylist(rows, schema=_SCHEMA))
    return {"n_rows": len(rows), "n_numbers_left_out": n_left_out}


def layers_of_site(
    sites: Sequence[Mapping[str, Any]], values: NDArray[np.float64], *, site: str
) -> NDArray[np.float64] | None:
    """Lay the numbers of one site's neurons out by layer and index.

    ``values``: float64, shape (n_neurons,). A number of every neuron.
    Returns: float64, shape (n_layers, width), or None. None where there are fewer than two layers, or layers of
        different width.
    """
    rows = []
    first = 0
    for each in sites:
        if each["site"] == site:
            rows.append(values[first : first + each["width"]])
        first += each["width"]
    if len(rows) < 2 or len({len(row) for row in rows}) > 1:
        return None
    return np.stack(rows)


def _values_of_fields(inputs: RelateInputs) -> list[str]:
    """Name the one-sidedness in every field of few values."""
    table = inputs.run.table("background/metadata")
    named = table.filter(pa.compute.is_valid(table.column("value"))).column("field").to_pylist()
    fields = [each["name"] for each in inputs.run.manifest["corpus"]["fields"] if each["kind"] == "category"]
    return [f"field={name}" for name in fields if 2 <= named.count(name) <= MAX_VALUES]


def _number(inputs: RelateInputs, name: str, side: str) -> Numbers | None:
    """Look a number up; None where the run does not have it: no tags, or too few labelled sentences."""
    try:
        return numbers(inputs.run, name, side=side)
    except NeurolectError:
        return None


def _null_for_nan(figures: dict[str, float]) -> dict[str, float | None]:
    return {name: value if np.isfinite(value) else None for name, value in figures.items()}
