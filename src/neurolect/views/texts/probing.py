"""Rankings for a concept as text: the first neurons, the first of each class, and their layers."""

import math
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from neurolect.probing import Judgement
from neurolect.results import provenance
from neurolect.visible import one_line

_OF_CLASS = 5


def methods_text(methods: pa.Table) -> str:
    """List what neurons can be ranked by."""
    rows = methods.to_pylist()
    longest = max(len(each["name"]) for each in rows)
    lines = [f"{'--by':<{longest}}  what it is"]
    return "\n".join([*lines, *(f"{each['name']:<{longest}}  {each['what']}" for each in rows)]) + "\n"


def fit_text(made: dict[str, Any]) -> str:
    """Say how good a probe is next to what is trivial."""
    fit, part = made["fit"], made["sample"]["train"]
    concept = one_line(made["concept"])
    lines = [f"{made['method']} probe for {concept}, from {part['units']:,} of {part['of']:,} training units."]
    if "gap" in fit:
        gap = "none" if fit["gap"] is None else f"{fit['gap']:.2g} of the objective"
        lines.append(f"Ended by {fit['ended_by']} after {fit['n_steps']} steps; duality gap {gap}.")
    names = {
        "majority": "most frequent class",
        "of_type": "most frequent class of the word",
        "control": "control task (labels by word, at random)",
        "permuted": "permuted labels",
        "selectivity": "selectivity (test less control task)",
    }
    shown = {f"accuracy, {name}": value for name, value in made["accuracy"].items()}
    shown |= {names[name]: made[name] for name in names if made[name] is not None}
    longest = max(map(len, shown))
    return "\n".join([*lines, *(f"  {name:<{longest}}  {value:.4f}" for name, value in shown.items())]) + "\n"


def concept_ranking_text(ranking: pa.Table, *, limit: int = 20) -> str:
    """Lay a ranking of a store's neurons out."""
    made = provenance(ranking)
    facts, rows = made.details, ranking.to_pylist()
    concept = one_line(rows[0]["concept"] or "all classes") if rows else ""
    lines = [f"By {made.method} ({facts['label']}), for {concept}; {len(rows):,} neurons."]
    train = facts["sample"]["train"]
    lines.append(f"From {train['units']:,} of {train['of']:,} training units, in {facts['seconds']:.1f} s.")
    if found := facts.get("accuracy"):
        usual = facts.get("majority", {})
        shares = [
            f"{name} {value:.3f}" + (f" (most frequent class {usual[name]:.3f})" if usual.get(name) else "")
            for name, value in found.items()
            if value is not None
        ]
        is_whole = facts["classes"] and not made.method.startswith("forest")  # a forest of one class sees two
        lines.append(
            f"Accuracy of the probe: {', '.join(shares)}" + ("; of all classes together." if is_whole else ".")
        )
    longest = max([6, *(len(each["address"]) for each in rows[:limit])])
    classes = [one_line(each) for each in facts["classes"]]
    has_classes = (
        "class_scores" in ranking.column_names and len(rows) > 0 and len(rows[0]["class_scores"]) == len(classes)
    )
    lines += [
        "",
        f"{'rank':>6}  {'neuron':<{longest}}  {'score':>9}  sign" + ("  greatest for" if has_classes else ""),
    ]
    for each in rows[:limit]:
        score = "-" if each["score"] is None else f"{each['score']:.4g}"
        sign = {1: "+", -1: "-"}.get(each["sign"], "")
        best = f"  {classes[_best(each['class_scores'])]}" if has_classes else ""
        lines.append(f"{each['rank']:>6,}  {each['address']:<{longest}}  {score:>9}  {sign:<4}{best}".rstrip())
    if has_classes:
        lines += ["", "First of each class:", *_first_of_classes(rows, classes)]
    lines += [
        "",
        f"Layers of the first {sum(each['n'] for each in facts['layers']):,}, with what no preference gives:",
    ]
    lines += [_layer(each) for each in facts["layers"]]
    return "\n".join([*lines, *(["", *facts["notes"]] if facts["notes"] else [])]) + "\n"


def _best(scores: list[float | None]) -> int:
    known = [-math.inf if each is None else each for each in scores]
    return known.index(max(known))


def _first_of_classes(rows: list[dict[str, Any]], classes: list[str]) -> list[str]:
    longest = max(map(len, classes))
    lines = []
    for place, name in enumerate(classes):
        first = sorted(rows, key=lambda row: -(row["class_scores"][place] or 0.0))[:_OF_CLASS]
        lines.append(f"  {name:<{longest}}  " + " ".join(each["address"] for each in first))
    return lines


def _layer(each: dict[str, Any]) -> str:
    mark = "more" if each["n"] > each["high"] else "fewer" if each["n"] < each["low"] else ""
    band = f"{each['expected']:.1f} ({each['low']}-{each['high']})"
    return f"  {each['layer']:<10} {each['n']:>5,}  {band} {mark}".rstrip()


_AREAS = (
    ("fitted", "linear", "fitted again", "keep"),
    ("masked", "linear", "masked by zero", "keep"),
    ("removed", "linear", "masked by zero", "remove"),
    ("gaussian", "gaussian", "fitted again", "keep"),
)
"""Heads of the columns of areas, and which curves they are of."""


def judge_text(made: Judgement) -> str:
    """Lay what a judge found out: a row a ranking, the best fitted area first."""
    facts = made.facts
    areas = {
        (each["ranking"], each["end"], head): each
        for each in made.table.to_pylist()
        for head, *which in _AREAS
        if each["k"] is None and [each["probe"], each["training"], each["way"]] == which
    }
    of_type = "" if facts["of_type"] is None else f", most frequent of the word {facts['of_type']:.3f}"
    whole = facts["all_neurons"]
    lines = [
        f"Rankings of {facts['n_neurons']:,} neurons for {one_line(facts['concept'])}, judged on "
        f"{facts['test_units']:,} test units in {facts['seconds']:.0f} s.",
        f"Accuracy of all neurons {whole['value']:.3f} ({whole['low']:.3f}-{whole['high']:.3f}), "
        f"most frequent class {facts['majority']:.3f}{of_type}.",
        "",
        "Mean accuracy over log k (area under the curve), first neurons / last ones:",
    ]
    names = sorted(
        (each["name"] for each in facts["rankings"]), key=lambda name: -areas[name, "top", "fitted"]["value"]
    )
    heads = [head for head, *_ in _AREAS]
    longest = max(map(len, [*map(one_line, names), "random"]))
    more = ("vote", "itself", "selective", "stable")
    lines.append(
        f"{'':<{longest}}  "
        + "  ".join(f"{head:>12}" for head in heads)
        + "  "
        + " ".join(map("{:>9}".format, more))
    )
    for name in [*names, "random"]:
        cells = [_area(areas, name, head) for head in heads]
        lines.append(
            f"{one_line(name):<{longest}}  " + "  ".join(f"{each:>12}" for each in cells) + _more(facts, name)
        )
    widest = max((each["high"] - each["low"]) / 2 for (_, end, head), each in areas.items() if head == "fitted")
    lines += [
        "",
        "fitted: a probe fitted on the first k; masked: a probe of all neurons with the others set to 0; removed:",
        "with the first k set to 0 (low is good); gaussian: a Gaussian probe fitted on the first k; vote, itself:",
        "overlap with what the other rankings vote for, and with its own vote; selective: accuracy less a control",
        f"task's; stable: overlap over bootstrap samples. Half an interval of fitted is at most {widest:.3f}.",
    ]
    if facts["used"]:
        lines += ["", *_used_text(facts["used"])]
    if facts["sparse"]:
        lines += ["", *_sparse_text(facts["sparse"])]
    for name, found in facts["clusters"].items():
        lines += ["", *_clusters_text(one_line(name), found)]
    return "\n".join([*lines, *(["", *map(one_line, facts["notes"])] if facts["notes"] else [])]) + "\n"


def _used_text(rows: list[dict[str, Any]]) -> Iterator[str]:
    """Lay out what setting first and last neurons changes in the running model."""
    yield "Used by the model: the change when neurons are set together; of random ones of the same layers the"
    yield "median and the highest:"
    wide = max(len(one_line(each["set"])) for each in rows)
    for each in rows:
        known = (each[name] for name in ("score", "low", "high", "random", "random_high"))
        score, low, high, random, highest = ("-" if value is None else f"{value:+.4f}" for value in known)
        yield f"  {one_line(each['set']):<{wide}}  {score} ({low} .. {high})  random {random}, {highest}"


def _sparse_text(rows: list[dict[str, Any]]) -> Iterator[str]:
    """Lay k-sparse probing out: a row a ranking, a column a size."""
    sizes = list(dict.fromkeys(each["k"] for each in rows))
    names = list(dict.fromkeys(each["ranking"] for each in rows))
    longest, found = max(map(len, map(one_line, names))), {(each["ranking"], each["k"]): each for each in rows}
    widest = max((each["high"] - each["low"]) / 2 for each in rows)
    yield f"k-sparse probing: mean accuracy over {rows[0]['n_classes']} classes, each against as many others, on"
    yield f"its own first k neurons (chance 0.5; half an interval is at most {widest:.3f}):"
    yield f"{'k':>{longest}}  " + "  ".join(f"{each:>5}" for each in sizes)
    for name in names:
        yield f"{one_line(name):<{longest}}  " + "  ".join(f"{found[name, k]['value']:.3f}" for k in sizes)


def _clusters_text(name: str, found: dict[str, Any]) -> Iterator[str]:
    """Say how well groups of neurons agree with the classes that they differ most for."""
    groups = f"{found['n_clusters']:,} groups of {found['n_points']:,} neurons"
    yield f"{name}: {groups}, against each neuron's best class:"
    for measure, label in (("precision", "B-cubed precision"), ("recall", "recall"), ("f", "F"), ("nmi", "NMI")):
        each = found[measure]
        yield f"  {label:<18} {each['value']:.3f}  permuted {each['chance']:.3f}, at most {each['chance_high']:.3f}"
    yield f"  pairs by NPMI (greatest of permuted ones, 95 %: {found['npmi_chance_high']:.2f}):"
    for pair in found["pairs"][:5]:
        members = f"{pair['n']:,} of {pair['of']:,} in group {pair['cluster']}"
        yield f"    {one_line(pair['class'])}: {members}, {pair['npmi']:.2f}"


def _area(areas: dict[tuple[str, str, str], dict[str, Any]], name: str, head: str) -> str:
    if name == "random":
        return f"{areas[name, 'random', head]['value']:.3f}"
    return f"{areas[name, 'top', head]['value']:.3f} / {areas[name, 'bottom', head]['value']:.3f}"


def _more(facts: dict[str, Any], name: str) -> str:
    """Write agreement, selectivity and stability at the greatest k that all have."""
    votes = facts["agreement"]["neuron_vote"].get(name, {})
    found = [votes.get("without_itself"), votes.get("with_itself")]
    cells = [None if each is None else list(each.values())[-1] for each in found]
    selective = (facts["selectivity"] or {}).get(name)
    cells.append(None if selective is None else list(selective.values())[-1]["selectivity"]["value"])
    stable = facts["stability"].get(name)
    cells.append(None if stable is None else list(stable["jaccard"].values())[-1])
    return "  " + " ".join(f"{'-' if each is None else f'{each:.3f}':>9}" for each in cells)


def formulas_text(found: pa.Table, *, limit: int = 20) -> str:
    """Lay formulas of neurons out, the best on the test units first, after what they compare with."""
    rows, share = found.to_pylist(), provenance(found).options["share"]
    labels = {
        "score": "formula",
        "atom_score": "best atom alone",
        "free_score": "formula without a penalty",
        "shuffled_score": "permuted units",
        "random_score": "random weights",
    }
    lines = [
        f"Intersection over union with the highest {share:.1%} of the units, on test units; {len(rows):,} neurons:"
    ]
    for name, label in labels.items():
        values = sorted(each[name] for each in rows if each[name] is not None)
        if values:
            lines.append(f"  {label:<26} median {values[len(values) // 2]:.3f}, greatest {values[-1]:.3f}")
    wide = max([6, *(len(each["address"]) for each in rows[:limit])])
    lines += ["", f"{'neuron':<{wide}}   IoU  (train)  precision  recall  shuffled  formula"]
    for each in rows[:limit]:
        numbers = f"{each['score']:.3f}  ({each['train']:.3f})  {each['precision']:>9.2f}  {each['recall']:>6.2f}"
        lines.append(
            f"{each['address']:<{wide}}  {numbers}  {each['shuffled_score']:>8.3f}  {one_line(each['formula'])}"
        )
    return "\n".join(lines) + "\n"
