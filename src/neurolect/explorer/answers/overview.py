"""What the first page shows of a run: its layers, its striking neurons, how its lists settled, its domains."""

from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from neurolect.errors import NeurolectError
from neurolect.explorer.answers.columns import kinds_of_lists, number_of_lists
from neurolect.explorer.answers.opened import OpenedRun
from neurolect.explorer.answers.plain import shortened
from neurolect.finding import striking
from neurolect.results import corpus_statistics
from neurolect.store import Run
from neurolect.store.sides import lists_of
from neurolect.views.report.convergence import reach_of
from neurolect.views.texts.convergence import convergence
from neurolect.views.texts.domains import domain_rows
from neurolect.views.texts.striking import striking_tile

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
QUOTE = 240


def overview(of: OpenedRun) -> dict[str, Any]:
    """Gather the first page; what cannot be had is null, and why is among the notices."""
    found: dict[str, Any] = of.kept("overview", _overview)
    return found


def _overview(run: Run) -> dict[str, Any]:
    notices: list[str] = []
    kinds, layers = _layers(run)
    return {
        "layers": layers,
        "kinds": kinds,
        "striking": _or_none(notices, lambda: _striking(run)) or [],
        "convergence": _or_none(notices, lambda: _convergence(run)) if run.has("convergence/steps") else None,
        "domains": _or_none(notices, lambda: _domains(run)) or [],
        "notices": notices,
    }


def _or_none(notices: list[str], make: Any) -> Any:  # noqa: ANN401 - whatever it makes
    """Do without what is damaged."""
    try:
        return make()
    except NeurolectError as error:
        notices.append(str(error))
        return None


def _layers(run: Run) -> tuple[list[str], list[dict[str, Any]]]:
    """Count kinds of names and spread fidelity over the neurons of each site and layer."""
    labels, codes = kinds_of_lists(run)
    offsets = run.index.offsets * len(run.sides)
    scores = {
        name: _scores(run, table, by)
        for name, table, by in (
            ("fidelity", "fidelity/scores", "auroc"),
            ("random", "fidelity/control", "auroc"),
        )
    }
    layers = []
    for place, layer in enumerate(run.index.site_layers):
        here = slice(int(offsets[place]), int(offsets[place + 1]))
        counts = np.bincount(codes[here], minlength=len(labels))
        layers.append(
            {
                "site": layer.site,
                "layer": layer.layer,
                "n": layer.width,
                "kinds": {label: int(n) for label, n in zip(labels, counts, strict=True) if n},
                **{name: None if values is None else _spread(values[here]) for name, values in scores.items()},
            }
        )
    return labels, layers


def _scores(run: Run, table: str, column: str) -> NDArray[np.float64] | None:
    """Read the scores of whole signatures, of every list in order."""
    if not run.has(table):
        return None
    if table == "fidelity/scores":
        try:
            return number_of_lists(run, column)
        except NeurolectError:
            return None
    rows = run.table(table, columns=["neuron_id", "side", "evidence", column])
    rows = rows.filter(pc.equal(rows.column("evidence"), "all"))
    values = np.full(run.n_neurons * len(run.sides), np.nan)
    values[lists_of(rows, run.sides)] = rows.column(column).to_numpy(zero_copy_only=False)
    return values


def _spread(values: NDArray[np.float64]) -> dict[str, Any] | None:
    known = values[np.isfinite(values)]
    return {"n": len(known), "quantiles": np.quantile(known, QUANTILES).tolist()} if len(known) else None


def _striking(run: Run) -> list[dict[str, Any]]:
    """Give the striking neurons, each with a sentence that has its evidence."""
    if not run.has("signatures/summary"):
        return []
    kept = ("address", "side", "kind", "evidence", "words", "score", "share_list", "share_background")
    tiles = [striking_tile(run, each) for each in striking(run).to_pylist()]
    names = {}
    for tile in tiles:
        rows = run.neuron(tile["address"]).rows("signatures/summary", side=tile["side"])
        names[tile["address"]] = rows.column("name")[0].as_py()
    return [
        {key: tile[key] for key in kept} | {"text": shortened(tile["text"], QUOTE), "name": names[tile["address"]]}
        for tile in tiles
    ]


def _convergence(run: Run) -> dict[str, Any]:
    """Give the looks at the lists while the run was collected, and how far out their last sentences lay."""
    found = convergence(run)
    sizes = [step["n_sentences"] for step in found["steps"]]
    return found | {"reach": {side: reach_of(run, side, sizes) for side in run.sides}}


def _domains(run: Run) -> dict[str, Any]:
    """Give the statistics of the corpus by domain: heads, and rows with figures written for people."""
    heads, rows = domain_rows(corpus_statistics(run))
    return {"heads": heads, "rows": rows}
