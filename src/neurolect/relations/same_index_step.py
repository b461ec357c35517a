"""The step that compares layers at the same index."""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.atomic import write_table
from neurolect.errors import NeurolectError
from neurolect.relations.inputs import RelateInputs
from neurolect.relations.same_index import same_index
from neurolect.results import Numbers, numbers

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
    sites: list[dict[str, Any]], values: NDArray[np.float64], *, site: str
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
