"""Numbers of lists that stand ready in tables of the run: of signatures, of their senses, of their fidelity."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from neurolect.errors import OptionError, RunFolderError, nearest
from neurolect.store import Run

__all__ = ["is_list_number", "list_number", "names_of_list_numbers", "not_a_number"]

_OF_SUMMARY = (
    *("name_z", "n_sentences", "mean_length", "background_mean_length"),
    *("noun_share", "verb_share", "adjective_share", "length_z"),
)
_OF_SENSES = ("n_senses", "polysemy")
_OF_FIDELITY = ("auroc", "average_precision", "balanced_average_precision", "spearman")
_LABELS = {
    "mean_length": "mean length of the sentences (words)",
    "n_senses": "number of senses",
    "polysemy": "effective number of senses",
    "auroc": "fidelity (AUROC of the whole signature)",
    "average_precision": "fidelity (average precision of the whole signature)",
    "balanced_average_precision": "fidelity (balanced average precision of the whole signature)",
    "spearman": "fidelity (rank correlation of the whole signature)",
}


def names_of_list_numbers(run: Run) -> list[str]:
    """Name the numbers of lists that a run has.

    Parameters
    ----------
    run : Run
        A described run.

    Returns
    -------
    list of str
        Those of fidelity only where signatures were scored.
    """
    return [*_OF_SUMMARY, *_OF_SENSES, *(_OF_FIDELITY if run.is_current("fidelity") else ())]


def is_list_number(name: str) -> bool:
    """Say whether runs can have such a number of lists.

    Parameters
    ----------
    name : str
        What was asked for.

    Returns
    -------
    bool
        True as well for what a run does not have yet.
    """
    return name in (*_OF_SUMMARY, *_OF_SENSES, *_OF_FIDELITY)


def list_number(run: Run, name: str, *, side: str) -> tuple[NDArray[np.float64], str]:
    """Read a number of every list of one side.

    Parameters
    ----------
    run : Run
        A described run.
    name : str
        One of :func:`names_of_list_numbers`.
    side : str
        ``top`` or ``bottom``.

    Returns
    -------
    values : float64, shape (n_neurons,)
        In the order of neuron ids; NaN where a list has none.
    label : str
        What the number is, for titles.

    Raises
    ------
    OptionError
        If fidelity is asked for and has not been measured.
    RunFolderError
        If no list has the number.
    """
    if name in _OF_FIDELITY and not run.is_current("fidelity"):
        what = f"The signatures of {run.folder} have not been scored: there is no {name!r}."
        raise OptionError(what, hint=f"neurolect fidelity {run.folder}")
    table = _rows(run, name, side)
    values = np.full(run.n_neurons, np.nan)
    values[table.column("neuron_id").to_numpy()] = pc.cast(table.column(name), pa.float64()).to_numpy()
    if not np.isfinite(values).any():
        what = f"No {side} list of {run.folder} has the number {name!r}."
        raise RunFolderError(what, hint="Shares of nouns, verbs and adjectives need a tagger: describe it again.")
    return values, _LABELS.get(name, name.replace("_", " "))


def not_a_number(name: str, choices: list[str]) -> OptionError:
    """Say that there is no such number, and which there are.

    Parameters
    ----------
    name : str
        What was asked for.
    choices : list of str
        What there is.

    Returns
    -------
    OptionError
        To be raised.
    """
    what = f"There is no number {name!r} of neurons."
    return OptionError(what, expected=", ".join(choices), hint=f"The nearest: {nearest(name, choices)}.")


def _rows(run: Run, name: str, side: str) -> pa.Table:
    """Read a number's column of one side."""
    columns = ["neuron_id", "side", name]
    if name in _OF_FIDELITY:
        table = run.table("fidelity/scores", columns=[*columns, "evidence"])
        table = table.filter(pc.equal(table.column("evidence"), "all"))
    else:
        table = run.table("signatures/polysemy" if name in _OF_SENSES else "signatures/summary", columns=columns)
    return table.filter(pc.equal(table.column("side"), side))
