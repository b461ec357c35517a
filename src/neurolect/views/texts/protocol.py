"""What the whole protocol found, as text: accuracies, minimal set, redundancy, layers, classes."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from neurolect.probing import Probing
from neurolect.visible import one_line

_UNITS = {"word": "words", "pair": "pairs of words", "sentence": "sentences"}
_CLASSES, _SHARED = 24, 5


def protocol_text(made: Probing) -> str:
    """Lay out what was found, the answers first."""
    parts = (_head, _accuracies, _minimal, _redundancy, _layers, _classes, _notes)
    return "\n\n".join("\n".join(part(made)) for part in parts if any(part(made))) + "\n"


def _head(made: Probing) -> Iterator[str]:
    facts = made.facts
    train, test = facts["sample"]["train"], facts["sample"]["test"]
    yield f"{one_line(facts['concept'])} ({len(facts['classes'])} classes) in {one_line(facts['model'])}:"
    yield (
        f"{facts['n_neurons']:,} neurons, {train['units']:,} of {train['of']:,} training {_UNITS[facts['unit']]}, "
        f"{test['units']:,} of {test['of']:,} test ones."
    )


def _accuracies(made: Probing) -> Iterator[str]:
    fit, controls = made.steps["fit"], made.steps["controls"]
    best, n_tried = made.steps["search"]["best"], len(made.steps["search"]["tried"])
    rows = [("all neurons", _interval(fit["test"])), ("most frequent class", f"{fit['majority']:.3f}")]
    if fit["of_type"] is not None:
        rows.append(("most frequent class of the word", f"{fit['of_type']:.3f}"))
    if "all" in controls:
        rows += _control_rows(controls, "")
    for step, whose in (("random", "random weights"), ("random_embeddings", "random weights and embeddings")):
        if "all" in (random := made.steps.get(step, {})):
            rows.append((f"{whose}, all neurons", _interval(random["all"]["task"])))
            rows += _control_rows(random, f"{whose}, ")
    longest = max(len(name) for name, _ in rows)
    yield "Accuracy of linear probes on the test part (with 95 % intervals over sentences):"
    yield from (f"  {name:<{longest}}  {value}" for name, value in rows)
    chosen = f", chosen of {n_tried} pairs by {best['score']:.3f}" if n_tried else ""
    yield f"Penalties: l1 {best['l1']:g}, l2 {best['l2']:g}{chosen}."


def _control_rows(controls: dict[str, Any], whose: str) -> list[tuple[str, str]]:
    found, task = controls["all"], controls["task"]
    return [
        (f"{whose}control task ({task}, at random)", _interval(found["control"])),
        (f"{whose}selectivity, all neurons", _interval(found["selectivity"])),
    ] + (
        [(f"{whose}selectivity, minimal set", _interval(controls["minimal"]["selectivity"]))]
        if "minimal" in controls
        else []
    )


def _minimal(made: Probing) -> Iterator[str]:
    found, delta = made.steps["minimal"], _points(made)
    n, k, at = made.facts["n_neurons"], found["k"], found["at"]
    if not found["met"]:
        yield f"Minimal set: none; all neurons, fitted again, have {found['dev']:.3f} on the dev part."
        yield f"  The target is {found['target']:.3f}."
        return
    yield f"Minimal set: {k:,} of {n:,} neurons ({k / n:.1%}) lose at most {delta} on the dev part."
    random = at["random"]
    others = f"as many random ones {_mean(random)} ({min(random):.3f}-{max(random):.3f}), " if random else ""
    yield f"  Test: {_interval(at['top'])}; {others}the last of the ranking {_interval(at['bottom'])}."
    means, of_all = made.steps["resamples"]["mean_layer"], found["mean_layer_of_all"]
    yield (
        f"  Mean layer {found['mean_layer']:.2f} ({means['low']:.2f}-{means['high']:.2f} over bootstrap samples of "
        f"training sentences; all neurons {of_all:.2f})."
    )


def _redundancy(made: Probing) -> Iterator[str]:
    found, delta = made.steps["sets"], _points(made)
    met = [each for each in found["sets"] if each["met"]]
    sizes = ", ".join(f"{each['k']:,}" for each in met)
    yield f"Disjoint minimal sets: {len(met)}" + (f" ({sizes} neurons)." if met else ".")
    if len(met) < len(found["sets"]):
        last = found["sets"][-1]
        yield f"  The {last['k']:,} neurons that are left miss the target: {last['dev']:.3f} on the dev part."
    elif len(met) == made.facts["key"]["protocol"]["max_sets"]:
        yield "  More were not looked for."
    cuts = made.steps["clusters"]
    yield (
        f"One neuron of every correlation group: {cuts['removable']:.0%} of the neurons can go for at most {delta}."
    )
    for each in cuts["cuts"]:
        yield f"  |r| above {1 - each['cut']:.1f}: {each['k']:,} left, test {each['test']:.3f}"


def _layers(made: Probing) -> Iterator[str]:
    found, chosen = made.steps["layers"], made.steps["minimal"]["layers"]["minimal set"]
    up_to = {each["depth"]: each["test"] for each in found["up_to"]}
    longest = max(5, *(len(each["layer"]) for each in found["alone"]))
    yield f"{'layer':<{longest}}  alone  up to it  of the minimal set  without preference (95 %)"
    for each, own in zip(found["alone"], chosen, strict=True):
        depth = int(each["layer"].rpartition(".")[2])
        mark = "more" if own["n"] > own["high"] else "fewer" if own["n"] < own["low"] else ""
        band = f"{own['expected']:.1f} ({own['low']}-{own['high']})"
        accuracies = f"{each['layer']:<{longest}}  {each['test']:.3f}  {up_to[depth]:>8.3f}"
        yield f"{accuracies}  {own['n']:>18,}  {band:<16} {mark}".rstrip()
    if found["enough"] is not None:
        yield f"Layers up to {found['enough']} lose at most {_points(made)} on the dev part."


def _classes(made: Probing) -> Iterator[str]:
    found = made.steps["classes"]
    rows = sorted(found["classes"], key=lambda each: each["neurons"])
    names = [one_line(each["class"]) for each in rows[:_CLASSES]]
    longest = max(5, *map(len, names))
    yield f"Neurons that have {found['mass']:.0%} of a class's weight (few: localised), and of this class only:"
    yield f"  {'class':<{longest}}  neurons  only  recall  first"
    for name, each in zip(names, rows, strict=False):
        first = " ".join(f"{'-' if sign < 0 else '+'}{neuron}" for neuron, sign in each["first"][:3])
        recall = "     -" if each["recall"] is None else f"{each['recall']:>6.3f}"
        yield f"  {name:<{longest}}  {each['neurons']:>7,}  {each['exclusive']:>4,}  {recall}  {first}"
    if len(rows) > _CLASSES:
        yield f"  and {len(rows) - _CLASSES} more classes"
    if found["shared"]:
        yield "Of most classes:"
    for each in found["shared"][:_SHARED]:
        yield f"  {each['neuron']}  {len(each['classes'])}: {', '.join(map(one_line, each['classes'][:8]))}"


def _notes(made: Probing) -> Iterator[str]:
    yield from map(one_line, made.facts["notices"])
    counts = made.facts["counts"]
    for name, why in (
        ("units_cut", "cut off at the model's longest sentence"),
        ("units_without_token", "without a model token"),
    ):
        if counts.get(name):
            yield f"{counts[name]:,} units are {why}; they were left out."
    if counts["sentences_skipped"]:
        yield f"Sentences skipped: {counts['sentences_skipped']:,} (skipped.parquet of the store lists them)."
    if made.steps["controls"].get("note"):
        yield made.steps["controls"]["note"]


def compared_text(pairs: pa.Table) -> str:
    """Lay out pairs of protocols: their rankings, minimal sets and layers."""
    lines = []
    for each in pairs.to_pylist():
        lines.append(f"{one_line(each['one'])} and {one_line(each['other'])}:")
        lines.append(f"  minimal sets of {each['k_one']:,} and {each['k_other']:,} neurons")
        if each["spearman"] is None:
            lines.append("  other neurons: no correlation of ranks, no overlap")
        else:
            overlaps = ", ".join(f"{name} {each[f'jaccard_{name}']:.3f}" for name in ("10", "100", "minimal"))
            lines.append(f"  Spearman {each['spearman']:.3f}; Jaccard of the first {overlaps} (sets)")
        by = "layer" if each["moved"] is not None else "third of the depth"
        lines.append(f"  Jensen-Shannon divergence by {by} {each['divergence']:.3f} bits")
        if each["moved"] is not None:
            how = "the same bootstrap samples" if each["paired"] else "bootstrap samples of each"
            lines.append(
                f"  mean layer {each['layer_one']:.2f} and {each['layer_other']:.2f}: {each['moved']:+.2f} "
                f"({each['low']:+.2f} to {each['high']:+.2f}, {how})"
            )
    return "\n".join(lines) + "\n"


def _points(made: Probing) -> str:
    points = 100 * made.facts["key"]["protocol"]["delta"]
    return f"{points:g} point" if points == 1 else f"{points:g} points"


def _interval(found: dict[str, float]) -> str:
    return f"{found['value']:.3f} ({found['low']:.3f}-{found['high']:.3f})"


def _mean(values: list[float]) -> str:
    return f"{sum(values) / len(values):.3f}"
