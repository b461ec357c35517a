"""Pages of what `probing judge`, `probing all` and `compare` wrote: which ranking to believe, curves, fates."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from neurolect.comparison import Comparison, open_comparison
from neurolect.errors import NeurolectError
from neurolect.explorer.answers.blocks import Block, curve, curves, stack, table, text
from neurolect.explorer.answers.opened import OpenedRun
from neurolect.probing import Probing, open_judgement, open_probing
from neurolect.probing.judging.stage import Judgement
from neurolect.results import provenance
from neurolect.views.comparisons.summary import comparison_summary
from neurolect.views.texts.probing import judge_text
from neurolect.views.texts.protocol import protocol_text

WAYS = {
    ("linear", "fitted again", "keep"): "A linear probe fitted on the first neurons of each ranking",
    ("gaussian", "fitted again", "keep"): "A Gaussian probe fitted on the first neurons",
    ("linear", "masked by zero", "keep"): "The probe of all neurons with all others set to 0",
    ("linear", "masked by mean", "keep"): "The probe of all neurons with all others at their mean",
    ("linear", "masked by zero", "remove"): "The probe of all neurons with the first set to 0",
    ("linear", "masked by mean", "remove"): "The probe of all neurons with the first at their mean",
    ("linear", "fitted again", "remove"): "A linear probe fitted on all but the first",
}
"""Probe, training and way, and what the curve is of."""
MOST_ROWS = 20_000
FATES = ("kept", "moved", "vanished", "appeared")
MATCHES = (
    "run",
    "other",
    "address",
    "fate",
    "correlation",
    "best_address",
    "same_correlation",
    "r2",
    "name",
    "same_name",
)


def entry_of(kind: str, n: int, folder: Path) -> dict[str, Any]:
    """Say in a line what a folder is of."""
    try:
        made = page_of(kind, folder, [])
    except NeurolectError as error:
        return {"n": n, "name": folder.name, "title": folder.name, "note": str(error)}
    return {"n": n, "name": folder.resolve().name, "title": made["title"], "note": made["note"]}


def page_of(kind: str, folder: Path, runs: Sequence[OpenedRun]) -> dict[str, Any]:
    """Gather the page of a folder."""
    pages: dict[str, Callable[..., dict[str, Any]]] = {
        "judges": lambda: _judge(open_judgement(folder)),
        "protocols": lambda: _protocol(open_probing(folder), runs),
        "comparisons": lambda: _comparison(open_comparison(folder), runs),
    }
    return {"name": folder.resolve().name} | pages[kind]()


def _run_of(model: Sequence[str], runs: Sequence[OpenedRun]) -> int | None:
    """Find the run of one of the models: a ranking's neurons have the same addresses there."""
    for each in runs:
        try:
            known = each.run().manifest["model"].get("fingerprint")
        except NeurolectError:
            continue
        if known and known in model:
            return each.number
    return None


def _judge(made: Judgement) -> dict[str, Any]:
    facts = made.facts
    blocks = [text("What the judge found", judge_text(made).splitlines())]
    rows = made.table.to_pylist()
    lines = [("all neurons", facts["all_neurons"]["value"]), ("most frequent class", facts["majority"])]
    if facts.get("of_type") is not None:
        lines.append(("most frequent class of the word", facts["of_type"]))
    for which, title in WAYS.items():
        own = [row for row in rows if (row["probe"], row["training"], row["way"]) == which and row["k"] is not None]
        if own:
            made_curves = _curves_of(own)
            y_label = "accuracy on test units"
            drawn = curves(title, made_curves, x_label="neurons", y_label=y_label, log_x=True, lines=lines)
            blocks.append(drawn)
    areas = [
        row | {"what": WAYS.get((row["probe"], row["training"], row["way"]), row["way"])}
        for row in rows
        if row["k"] is None
    ]
    columns = [("ranking", "ranking", "text"), ("end", "neurons", "text"), ("what", "curve", "text")]
    columns += [(name, label, "number") for name, label in (("value", "area"), ("low", "low"), ("high", "high"))]
    blocks.append(
        table("Areas of the curves", columns, areas, note="Mean accuracy over log k, with 95 % intervals.")
    )
    return {
        "title": f"Rankings for {facts['concept']}",
        "note": f"{len(facts['rankings'])} rankings of {facts['n_neurons']:,} neurons",
        "facts": [["Concept", str(facts["concept"])], ["Test units", f"{facts['test_units']:,}"]],
        "notices": [str(each) for each in facts.get("notes", ())],
        "blocks": blocks,
        "run": None,
    }


def _curves_of(rows: list[dict[str, Any]]) -> list[Block]:
    """Draw a curve a ranking: of its first neurons; random orders and last neurons are controls."""
    found = []
    for key in dict.fromkeys((row["ranking"], row["end"]) for row in rows):
        own = sorted((row for row in rows if (row["ranking"], row["end"]) == key), key=lambda row: row["k"])
        ranking, end = key
        label = ranking if end == "top" else "random" if end == "random" else f"{ranking}, its last"
        x, y = [row["k"] for row in own], [row["value"] for row in own]
        low, high = [row["low"] for row in own], [row["high"] for row in own]
        between = (low, high) if all(each is not None for each in (*low, *high)) else None
        found.append(curve(label, x, y, between=between, is_control=end != "top"))
    return found


def _protocol(made: Probing, runs: Sequence[OpenedRun]) -> dict[str, Any]:
    facts, steps = made.facts, made.steps
    run = _run_of(provenance(made.ranking).models, runs)
    blocks = [text("What was found", protocol_text(made).splitlines())]
    if "layers" in steps:
        alone, up_to = steps["layers"]["alone"], steps["layers"]["up_to"]
        depths = list(range(1, len(alone) + 1))
        drawn = [
            curve("each layer alone", depths, [each["test"] for each in alone]),
            curve("all layers up to it", depths[: len(up_to)], [each["test"] for each in up_to][: len(depths)]),
        ]
        lines = [("most frequent class", steps["fit"]["majority"])]
        blocks.append(curves("Accuracy by layer", drawn, x_label="layer", y_label="test accuracy", lines=lines))
    if "classes" in steps:
        columns = [
            ("class", "class", "text"),
            ("neurons", "neurons", "number"),
            ("exclusive", "of it only", "number"),
        ]
        columns += [("recall", "recall", "number"), ("first", "first neurons", "text")]
        rows = [
            each | {"first": " ".join(f"{'-' if sign < 0 else '+'}{neuron}" for neuron, sign in each["first"][:5])}
            for each in steps["classes"]["classes"]
        ]
        note = f"Neurons that have {steps['classes']['mass']:.0%} of a class's weight: few of a localised class."
        blocks.append(table("Classes", columns, rows, note=note))
    blocks.append(_ranking_table(made.ranking, run))
    return {
        "title": f"{facts['concept']} in {facts['model']}",
        "note": f"linear probes of {facts['n_neurons']:,} neurons, {len(facts['classes'])} classes",
        "facts": [["Model", str(facts["model"])], ["Concept", str(facts["concept"])]],
        "notices": [str(each) for each in facts.get("notices", ())],
        "blocks": blocks,
        "run": run,
    }


def _ranking_table(ranking: pa.Table, run: int | None) -> Block:
    names = [("rank", "rank", "number"), ("address", "neuron", "address"), ("score", "score", "number")]
    rows = ranking.select([name for name, _, _ in names]).slice(0, MOST_ROWS).to_pylist()
    return table("Neurons by LCA", names, rows, run=run)


def _comparison(made: Comparison, runs: Sequence[OpenedRun]) -> dict[str, Any]:
    found = comparison_summary(made)
    numbers = [_run_of_folder(each, runs) for each in made.labels]
    blocks: list[Block] = []
    for pair in found["pairs"]:
        title = f"{pair['run']} against {pair['other']}"
        fates = ", ".join(f"{n:,} {name}" for name, n in pair["fates"].items() if n)
        blocks.append(text(title, [f"{fates}."]))
        rows = [
            (f"{each['site']} {each['layer']}", each["n"], [each[name] or 0.0 for name in FATES])
            for each in pair["layers"]
        ]
        note = "Of the first run's neurons; appeared: of the second's, that have no partner in the first."
        blocks.append(stack(f"{title}, layer by layer", FATES, rows, note=note))
    blocks += _distances(found)
    matches = made.matches.select([name for name in MATCHES if name in made.matches.column_names])
    kinds = {"address": "address", "correlation": "number", "same_correlation": "number", "r2": "number"}
    columns = [(name, name.replace("_", " "), kinds.get(name, "text")) for name in matches.column_names]
    first = matches.filter(pc.equal(matches.column("run"), made.labels[0])) if len(made.labels) > 2 else matches
    note = "" if len(first) <= MOST_ROWS else f"The first {MOST_ROWS:,} of {len(first):,}."
    rows_of = first.slice(0, MOST_ROWS).to_pylist()
    blocks.append(table("Neurons and their partners", columns, rows_of, note=note, run=numbers[0]))
    return {
        "title": " and ".join(made.labels),
        "note": f"over {made.n_sentences:,} sentences",
        "facts": [["Runs", ", ".join(made.labels)], ["Sentences", f"{made.n_sentences:,}"]],
        "notices": found["notices"],
        "blocks": blocks,
        "run": numbers[0],
        "labels": list(made.labels),
        "runs": numbers,
    }


def _distances(found: dict[str, Any]) -> list[Block]:
    """Show what else is compared, as tables of what there is."""
    blocks = []
    titles = {
        "rankings": "Rankings by every number",
        "number_distances": "Distances of numbers",
        "distances": "Distances",
    }
    for key, title in titles.items():
        rows = found[key]
        if rows:
            kinds = [(name, next((row[name] for row in rows if row[name] is not None), None)) for name in rows[0]]
            columns = [
                (name, name.replace("_", " "), "number" if isinstance(value, int | float) else "text")
                for name, value in kinds
                if not isinstance(value, list | dict)
            ]
            blocks.append(table(title, columns, rows[:MOST_ROWS]))
    return blocks


def _run_of_folder(label: str, runs: Sequence[OpenedRun]) -> int | None:
    """Find the run that a comparison calls so: by the name of its folder."""
    return next((each.number for each in runs if each.folder.resolve().name == label), None)
