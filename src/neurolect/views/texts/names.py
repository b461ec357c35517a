"""Names by language models as text: what asking costs, and what came of it."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neurolect.naming.judging import NONSENSE_FIT
from neurolect.naming.options import LIST, SENTENCE, NameOptions
from neurolect.naming.scores import CHANCE, Score, mean_over_neurons
from neurolect.naming.stage import AUTOMATIC, OTHER, OWN, TABLE
from neurolect.store import Run
from neurolect.store.stages import recorded_options
from neurolect.views.texts.rankings import cut
from neurolect.visible import one_line

if TYPE_CHECKING:
    from neurolect.naming import Cost

N_ROWS = 20
"""Neurons that are listed."""
_LINES = {
    "score": "names by the model",
    "automatic_score": "automatic names",
    "other_score": "another neuron's name",
    "difference": "name less automatic one",
}


def cost_text(cost: "Cost", *, model: str) -> str:
    """Say what asking costs, and that sentences leave the machine."""
    n_questions = f"{cost.n_names + cost.n_fits:,} questions"
    each = ", each of its sentences one question" if cost.ask == SENTENCE else ""
    where = f" at {one_line(cost.endpoint)}" if cost.endpoint else ""
    lines = [
        f"{cost.n_lists:,} lists, {cost.n_judged:,} of them with held-out sentences to judge names on.",
        f"{n_questions} to {one_line(model)}{where}: {cost.n_names:,} for names, {cost.n_fits:,} for scores",
        f"(each name, the automatic one, another neuron's{each}); {cost.n_answered:,} more are answered already.",
        f"About {cost.tokens_in:,} tokens in (counted as 4 characters each), at most {cost.most_tokens_out:,} out.",
    ]
    if where:
        lines.append("The questions hold sentences of the corpus, which go to that server.")
    return "\n".join(lines)


def names_of_run(run: Run) -> dict[str, Any]:
    """Gather the names of the last call's model and side.

    Returns: ``model``, ``judge``, ``endpoint``, ``side``, ``n_asked``, ``n_known`` (answered before), ``failures``
        (reason to count), ``tokens_in``, ``tokens_out`` and ``seconds`` of that call, ``ask`` (what the judge was
        asked at a time), ``n_read`` (sentences that it said something readable of) and ``n_yes`` (those it said yes
        to), ``chance``, ``n_graded`` (neurons scored by probabilities),
        ``means`` (of ``score``, ``automatic_score``, ``other_score`` and
        ``difference``, name less automatic one of the same neurons: ``value``, ``low``, ``high``, ``n``; None of
        none) and ``rows``, the neurons by address. Means are over neurons judged by this judge, asked so.
    """
    entry = run.manifest["stages"]["name"]
    options = recorded_options(run.manifest, "name", NameOptions)
    rows = [
        row | {"address": run.index.address(row["neuron_id"])}
        for row in run.table(TABLE).to_pylist()
        if (row["model"], row["judge"], row["side"]) == (entry["model"], entry["judge"], options.side)
        and (row.get("ask") or LIST) == options.ask
    ]
    columns = {
        name: np.array([row[name] for row in rows], np.float64) for name in (OWN, AUTOMATIC, OTHER)
    }  # None is NaN
    columns["difference"] = columns[OWN] - columns[AUTOMATIC]
    automatic = _automatic_names(run, options.side)
    shown = [{name: value for name, value in row.items() if name not in ("made_with", "described")} for row in rows]
    return {
        **{name: entry[name] for name in ("model", "judge", "endpoint", "n_asked", "n_known", "failures")},
        **{name: entry.get(name) for name in ("tokens_in", "tokens_out", "seconds", "n_read", "n_yes")},
        "ask": options.ask,
        "side": options.side,
        "chance": CHANCE,
        "n_graded": sum(row["score"] is not None and bool(row.get("graded")) for row in rows),
        "means": {name: _mean(values, options) for name, values in columns.items()},
        "rows": [row | {"automatic_name": automatic.get(row["neuron_id"])} for row in shown],
    }


def _mean(values: NDArray[np.float64], options: NameOptions) -> dict[str, Any] | None:
    found: Score | None = mean_over_neurons(
        values, n_bootstrap=options.n_bootstrap, interval=options.interval, seed=options.seed
    )
    if found is None:
        return None
    return {name: round(value, 4) for name, value in found._asdict().items()} | {
        "n": int(np.isfinite(values).sum())
    }


def _automatic_names(run: Run, side: str) -> dict[int, str | None]:
    table = run.table("signatures/summary", columns=["neuron_id", "side", "name"])
    return {row["neuron_id"]: row["name"] for row in table.to_pylist() if row["side"] == side}


def names_text(made: dict[str, Any], *, width: int = 100) -> str:
    """Lay the outcome out: failures, means, names."""
    model = one_line(made["model"])
    named = [row for row in made["rows"] if row["name"]]
    lines = [
        f"{len(named):,} {made['side']} lists named by {model}; {made['n_asked']:,} questions asked now, "
        f"{made['n_known']:,} answered before."
    ]
    if made["n_asked"] and made["seconds"] is not None:
        tokens = f"{made['tokens_in']:,} tokens in, {made['tokens_out']:,} out, as the server counts them; "
        lines.append(f"{tokens if made['tokens_in'] else ''}{made['seconds']:,.0f} s.")
    if made["failures"]:
        parts = ", ".join(f"{reason} {n:,}" for reason, n in made["failures"].items())
        lines.append(f"Failed: {one_line(parts)}.")
    if made["failures"].get(NONSENSE_FIT):
        lines.append("A small judge may answer of one sentence at a time: --set name.ask=sentence")
    lines += ["", *_scores(made), ""]
    for row in made["rows"][:N_ROWS]:
        lines.append(_row(row, width=width))
    if len(made["rows"]) > N_ROWS:
        lines.append(f"... and {len(made['rows']) - N_ROWS:,} more: --format json has all.")
    return "\n".join(lines)


def _scores(made: dict[str, Any]) -> list[str]:
    """Lay the means out, and what they are."""
    lines = [f"{'judged by ' + cut(one_line(made['judge']), 40):52}{'right':>6}  {'interval':^13}  neurons"]
    for name, title in _LINES.items():
        found = made["means"][name]
        if found is None:
            lines.append(f"  {title:50}{'-':>6}")
            continue
        sign = "+" if name == "difference" else ""
        interval = f"{found['low']:{sign}.2f} to {found['high']:{sign}.2f}"
        lines.append(f"  {title:50}{found['value']:>{sign}6.2f}  {interval:^13}  {found['n']:,}")
    lines.append(f"  {'chance':50}{made['chance']:>6.2f}")
    if made["n_graded"]:
        lines.append(
            "Right: how often a sentence of the neuron's held-out ones has a higher probability of yes against no "
            "than another one (AUROC)."
        )
        n_other = made["means"][OWN]["n"] - made["n_graded"]
        if n_other:
            lines.append(f"Of {n_other:,} neurons no probabilities came: the same of yes as 1 and no as 0.")
    else:
        lines.append(
            "Right: mean of the share of the neuron's held-out sentences that the judge chose and of the others "
            "that it did not."
        )
    if made["n_read"]:
        said = "said yes to" if made["ask"] == SENTENCE else "chose"
        share = made["n_yes"] / made["n_read"]
        lines.append(f"The judge {said} {share:.0%} of the sentences; half are the neuron's.")
    return lines


def _row(row: dict[str, Any], *, width: int) -> str:
    numbers = ["   -" if row[name] is None else f"{row[name]:.2f}" for name in ("score", "automatic_score")]
    name = one_line(row["name"]) if row["name"] else f"no name: {row['failed']}"
    automatic = one_line(row["automatic_name"] or "no clear theme")
    half = max(20, (width - 30) // 2)
    return f"{row['address']:16}{numbers[0]:>5} {cut(name, half):{half}} {numbers[1]:>5} {cut(automatic, half)}"
