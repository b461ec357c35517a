"""Find lists in a signature table, for what only the table has counted."""

import pyarrow as pa
import pyarrow.compute as pc

from neurolect.errors import RunFolderError, nearest
from neurolect.store import Run
from neurolect.store.select_rows import select_rows

__all__ = ["find_in_table"]

SCORES = ["n_list", "share_list", "n_background", "share_background", "lift", "log_odds_z"]


def find_in_table(run: Run, table: str, *, column: str, value: str, side: str | None, limit: int) -> pa.Table:
    """Read the strongest rows of a signature table that have a value.

    Parameters
    ----------
    run : Run
        A described run.
    table : str
        E.g. ``"tags"``.
    column : str
        The column that says what a row is evidence of.
    value : str
        What to look for there.
    side : str, optional
        ``top`` or ``bottom``; both when not given.
    limit : int, >= 1
        Rows at most.

    Returns
    -------
    pyarrow.Table
        ``neuron_id``, ``side`` and the scores; by log-odds z, highest first.

    Raises
    ------
    RunFolderError
        If no row has the value (names the nearest ones), or the run has no such table.
    """
    if table == "subtrees" and not (run.folder / "signatures" / "subtrees.parquet").is_file():
        what = f"The run {run.folder} has no subtrees: it was described without trees."
        hint = f"neurolect describe {run.folder} --set describe.trees=dependencies"
        raise RunFolderError(what, hint=hint)
    equal = {column: value} | ({} if side is None else {"side": side})
    columns = ["neuron_id", "side", *SCORES]
    name = f"signatures/{table}"
    found = select_rows(run.folder, name, equal=equal, columns=columns, highest="log_odds_z", limit=limit)
    if not found.num_rows:
        known = pc.unique(run.table(name, columns=[column]).column(column)).to_pylist()
        what = f"No neuron's lists have the {column} {value!r} among their evidence."
        raise RunFolderError(what, hint=f"Nearest: {nearest(value, known)}" if known else _none_at_all(run))
    return found


def _none_at_all(run: Run) -> str | None:
    """Say why a table is empty."""
    why: str | None = run.manifest["stages"].get("describe", {}).get("notice")
    return why
