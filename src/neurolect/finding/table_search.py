"""Find lists in a signature table, for what only the table has counted."""

import pyarrow as pa
import pyarrow.compute as pc

from neurolect.errors import RunFolderError, nearest
from neurolect.signatures.evidence.rows import Rows
from neurolect.store import Run
from neurolect.store.select_rows import select_rows

SCORES = ["n_list", "share_list", "n_background", "share_background", "lift", "log_odds_z"]


def find_in_table(run: Run, rows: Rows, label: str, *, side: str | None, limit: int) -> pa.Table:
    """Read neuron, side and scores of the strongest rows that have a label, by log-odds z."""
    (column,) = rows.labels
    if not rows.exist(run) and rows.table == "subtrees":
        what = f"The run {run.folder} has no subtrees: it was described without trees."
        hint = f"neurolect describe {run.folder} --set describe.trees=dependencies"
        raise RunFolderError(what, hint=hint)
    equal = {column: label} | ({} if side is None else {"side": side})
    columns = ["neuron_id", "side", *SCORES]
    found = select_rows(run.folder, rows.name, equal=equal, columns=columns, highest="log_odds_z", limit=limit)
    if not found.num_rows:
        known = pc.unique(rows.labels_of(rows.read(run))).to_pylist()
        what = f"No neuron's lists have the {column} {label!r} among their evidence."
        raise RunFolderError(what, hint=f"Nearest: {nearest(label, known)}" if known else _none_at_all(run))
    return found


def _none_at_all(run: Run) -> str | None:
    """Say why a table is empty."""
    why: str | None = run.manifest["stages"].get("describe", {}).get("notice")
    return why
