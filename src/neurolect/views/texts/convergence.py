"""How settled the lists of a run are, as a table for the terminal."""

from pathlib import Path
from typing import Any

from neurolect.store import Run, open_run
from neurolect.views.texts.bars import percent

_BAR = 20
_UNSETTLED = 8


def convergence(run: Run | str | Path) -> dict[str, Any]:
    """Say how settled a run's lists were while it was collected.

    Parameters
    ----------
    run : Run, str or Path
        A collected run.

    Returns
    -------
    dict
        ``ending`` as in the manifest, ``steps`` (rows of ``convergence/steps.parquet``) and ``least_settled``
        (address, side, stability of the lists that changed most at the end).

    Raises
    ------
    RunFolderError
        If the run was collected before there was a monitor.
    """
    run = open_run(run)
    steps = run.table("convergence/steps").to_pylist()
    neurons = run.table("convergence/neurons")
    last = neurons.filter([n == steps[-1]["n_sentences"] for n in neurons.column("n_sentences").to_pylist()])
    rows = [row for row in last.to_pylist() if row["stability"] is not None]
    rows.sort(key=lambda row: (row["stability"], row["neuron_id"], row["side"]))
    least = [
        {"address": run.index.address(row["neuron_id"]), "side": row["side"], "stability": row["stability"]}
        for row in rows[:_UNSETTLED]
    ]
    return {"ending": run.manifest["stages"]["collect"].get("ending"), "steps": steps, "least_settled": least}


def convergence_text(made: dict[str, Any]) -> str:
    """Lay it out as text."""
    sides = [name.removeprefix("churn_") for name in made["steps"][0] if name.startswith("churn_")]
    titles = ["sentences", *(f"new in {side}" for side in sides), "by chance", "evidence kept", "settled"]
    lines = ["  ".join(f"{title:>13}" for title in titles)]
    for row in made["steps"]:
        settled = row["share_settled"]
        cells = [f"{row['n_sentences']:,}", *(percent(row[f"churn_{side}"]) for side in sides)]
        cells += [percent(row["expected_churn"]), _or_dash(row["stability"]), _or_dash(settled)]
        bar = "" if settled is None else "  " + "#" * round(_BAR * settled)
        lines.append("  ".join(f"{cell:>13}" for cell in cells) + bar)
    ending = made["ending"]
    if all(row["stability"] is None for row in made["steps"]):
        lines += ["", "What the lists say was not compared: there was one look only, or shards were merged."]
    elif ending is not None:
        lines += ["", f"A neuron has settled when its lists keep {percent(ending['stable'])} of their evidence"]
        lines[-1] += " while the sentences read double."
        if (ending["share_settled"] or 0) < ending["share_wanted"]:
            lines.append(_outlook(ending["n_sentences_needed"], percent(ending["share_wanted"])))
    if made["least_settled"]:
        names = (f"{row['address']} {row['side']} {percent(row['stability'])}" for row in made["least_settled"])
        lines.append("Least settled: " + ", ".join(names))
    return "\n".join(lines) + "\n"


def _outlook(n_needed: int | None, wanted: str) -> str:
    """Say how long it will take, to the two digits that an estimate has."""
    if n_needed is None:
        why = "too few have so far, or their share does not rise"
        return f"When {wanted} will have settled cannot be estimated: {why}."
    return f"About {int(float(f'{n_needed:.1e}')):,} sentences until {wanted} have settled."


def _or_dash(share: float | None) -> str:
    """Write a share, or that there is none."""
    return "-" if share is None else percent(share)
