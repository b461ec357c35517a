"""What a few selected neurons keep of a task, as lines for the terminal."""

from typing import Any

from neurolect.probing import Transferred


def transfer_text(made: Transferred) -> str:
    """Lay out what :func:`neurolect.probing.select_features` found as lines that end in a newline."""
    facts, steps = made.facts, made.steps
    whole, layers, clusters, minimal, speed = (
        steps[each] for each in ("whole", "layers", "clusters", "minimal", "speed")
    )
    kept = minimal["test"]["value"] / max(whole["test"]["value"], 1e-12)
    missed = "" if minimal["met"] else " (they miss the target on the dev part)"
    cut = "no cut keeps the accuracy: all of them" if clusters["cut"] is None else f"cut at {clusters['cut']:g}"
    lines = [
        f"{facts['concept']} in {facts['model']}: {len(facts['classes'])} classes of {facts['unit']}s.",
        f"{minimal['n']:,} of {whole['n']:,} neurons, blocks up to {layers['layer']} of {layers['of']}, keep "
        f"{kept:.1%} of the accuracy{missed}.",
        "",
        "1. layers    "
        + ", ".join(f"{row['layer']}: {row['dev']:.3f}" for row in layers["rows"])
        + f" (dev; target {layers['target']:.3f})",
        f"2. groups    {len(clusters['neurons']):,} neurons, one of each correlation group: {cut}",
        f"3. minimal   {minimal['n']:,} neurons by LCA; layers of them: {_layers(facts['addresses'])}",
        "",
        f"{'accuracy on the test part':<38}{'neurons':>8}{'':>4}",
        _line("all neurons", whole["n"], whole["test"]),
        _line("the selected ones", minimal["n"], minimal["test"]),
        _line(f"as many random ones ({len(minimal['random'])} draws)", minimal["n"], _of(minimal["random"])),
        _line("... of those that step 2 kept", minimal["n"], _of(minimal["random_of_kept"])),
        _line("the last layer alone", minimal["last_layer"]["n"], minimal["last_layer"]["test"]),
        f"{'the most frequent class':<38}{'':>8}{whole['majority']:>8.1%}",
        "",
        f"Forward pass of {speed['n_texts']:,} test sentences: {speed['pass_seconds']:.2f} s, selected "
        f"{speed['pass_seconds_selected']:.2f} s: {_times(speed['speed'], speed['low'], speed['high'])}.",
    ]
    if not speed["stops"]:
        lines.append("The network is not left early: a trial gave other values.")
    of = speed["classifier"]
    lines.append(
        f"Classifier: fitted in {of['fit_seconds']:.2f} s, selected {of['fit_seconds_selected']:.2f} s; "
        f"predictions: {_times(of['predict'], of['predict_low'], of['predict_high'])}."
    )
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _times(ratio: float, low: float, high: float) -> str:
    return f"{ratio:.2f} times as fast ({low:.2f} to {high:.2f})"


def _line(name: str, n: int, found: dict[str, Any]) -> str:
    return f"{name:<38}{n:>8,}{found['value']:>8.1%}  ({found['low']:.1%} to {found['high']:.1%})"


def _of(values: list[float]) -> dict[str, float]:
    """Give the mean of draws, with the lowest and the highest."""
    return {"value": sum(values) / len(values), "low": min(values), "high": max(values)}


def _layers(addresses: list[str]) -> str:
    """Count neurons by site and layer."""
    counts: dict[str, int] = {}
    for each in addresses:
        place = each.rpartition(".")[0]
        counts[place] = counts.get(place, 0) + 1
    return ", ".join(f"{place} {n}" for place, n in sorted(counts.items()))
