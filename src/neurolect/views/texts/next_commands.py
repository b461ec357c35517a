"""Commands to try next on a described run: each of them finds something."""

import shlex

import pyarrow.compute as pc

from neurolect.signatures.evidence.metadata import METADATA_ROWS
from neurolect.signatures.evidence.words import WORD_ROWS
from neurolect.store import Run

MIN_LIFT = 3.0


def next_commands(run: Run, *, report: str | None = "report.html") -> list[str]:
    """Compose commands that show what a run has to show.

    Parameters
    ----------
    run : Run
        A described run.
    report : str, optional
        Where the report is to be written; None where there is one.

    Returns
    -------
    list of str
        Lines for a shell: the card of the neuron with the strongest name, a search for the strongest word (else for
        a metadata value, else none), the report.

    Raises
    ------
    RunFolderError
        If the run has not been described.
    """
    folder = shlex.quote(str(run.folder))
    search = _search(run)
    return [
        f"neurolect show {folder} {run.index.address(_most_telling(run))}",
        *([f"neurolect find {folder} {search}"] if search else []),
        *([f"neurolect report {folder} --out {shlex.quote(report)}"] if report else []),
    ]


def _most_telling(run: Run) -> int:
    """Choose the neuron with the strongest name; the middle one where none has a name."""
    named = run.table("signatures/summary", columns=["neuron_id", "name_z"]).filter(pc.field("name_z").is_valid())
    if not named.num_rows:
        return run.n_neurons // 2
    order = [("name_z", "descending"), ("neuron_id", "ascending")]
    return int(named.sort_by(order).column("neuron_id")[0].as_py())


def _search(run: Run) -> str | None:
    """Choose what to search for."""
    for option, rows, of_letters in (("word", WORD_ROWS, r"^\p{L}{3,}$"), ("where", METADATA_ROWS, r"^[^=]+$")):
        label = rows.labels[-1]
        table = rows.read(run, "lift", "log_odds_z")
        table = table.filter(pc.field(label).is_valid() & pc.field("log_odds_z").is_valid())
        table = table.filter(pc.match_substring_regex(table.column(label), of_letters))
        # a stop word may be the strongest of all, and tells least
        specific = table.filter(pc.field("lift") >= MIN_LIFT)
        table = specific if specific.num_rows else table
        if table.num_rows:
            best = table.sort_by([("log_odds_z", "descending"), ("neuron_id", "ascending"), (label, "ascending")])
            return f"--{option} {shlex.quote(rows.labels_of(best)[0].as_py())}"
    return None
