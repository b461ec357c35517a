"""Numbers that are columns of a run's tables: moments, signatures, senses, fidelity."""

import shlex
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from neurolect.errors import RunFolderError
from neurolect.results.number import Asked, Number
from neurolect.store import Run

SUMMARY, SENSES, FIDELITY = "signatures/summary", "signatures/polysemy", "fidelity/scores"


def moment(name: str, label: str) -> Number:
    """Describe a column of ``neurons``."""
    return Number(name=name, label=label, source="neurons", read=partial(_of_neurons, column=name), of_neuron=True)


def column(name: str, label: str, table: str = SUMMARY, *, column: str | None = None) -> Number:
    """Describe a column of a table of lists."""
    return Number(name=name, label=label, source=table, read=partial(_of_lists, table=table, column=column or name))


def _of_neurons(run: Run, _asked: Asked, *, column: str) -> NDArray[np.float64]:
    return np.asarray(run.table("neurons", columns=[column]).column(column).to_numpy().astype(np.float64))


def _of_lists(run: Run, asked: Asked, *, table: str, column: str) -> NDArray[np.float64]:
    """Read a column for one side."""
    columns = ["neuron_id", "side", column]
    if table == FIDELITY:
        rows = run.table(table, columns=[*columns, "evidence"])
        rows = rows.filter(pc.equal(rows.column("evidence"), "all"))
    else:
        rows = run.table(table, columns=columns)
    rows = rows.filter(pc.equal(rows.column("side"), asked.side))
    values = np.full(run.n_neurons, np.nan)
    values[rows.column("neuron_id").to_numpy()] = pc.cast(rows.column(column), pa.float64()).to_numpy()
    if not np.isfinite(values).any():
        what = f"No {asked.side} list of {run.folder} has the number {column!r}."
        hint = "Shares of nouns, verbs and adjectives need a tagger: describe it again."
        if table == FIDELITY:
            hint = f"No signature could be scored; why: neurolect fidelity {shlex.quote(str(run.folder))}"
        raise RunFolderError(what, hint=hint)
    return values
