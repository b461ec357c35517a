"""What steering and switch neurons did, as lines for the terminal."""

from collections.abc import Sequence
from typing import Any

from neurolect.interventions import Steering, Switches
from neurolect.visible import one_line

_NAMES = {
    "plain": "no edit",
    "prompt": "plain prompt",
    "direction": "mean difference",
    "experts": "first neurons",
    "neurons": "first neurons",
    "random": "random neurons",
}
_SHOWN = 2


def steering_text(made: Steering, *, width: int = 100) -> str:
    """Lay out what :func:`neurolect.interventions.steer` measured as lines that end in a newline."""
    facts, rows = made.facts, made.table.to_pylist()
    judge, sizes = facts["judge"], facts["n_texts"]
    writes = facts["outcome"] == "next token"
    lines = [
        f"{one_line(facts['model'])} steered to {one_line(facts['concept'])}: neurons set to {facts['to']}; the "
        f"direction is added at hidden.{facts['direction']['layer']}, the best on {sizes['dev']} other texts.",
        f"{facts['n_experts']['0.9']:,} of {facts['n_neurons']:,} neurons have an average precision above 0.9 "
        f"(chance {facts['base_rate']:.2f}); ranked on {sizes['rank']:,} sentences.",
    ]
    if writes:
        how = "A word of the list" if judge["how"] == "words" else "A classifier of bags of words"
        lines.append(
            f"{how} says what is of the concept: right for {judge['accuracy']:.0%} of other sentences, "
            f"{judge['empty']:.2f} for a text of no known word. {facts['n_prompts']} prompts."
        )
    else:
        lines.append("The model writes no text: only log-probabilities are measured.")
    lines += ["", *_settings(rows, writes=writes), ""]
    if writes:
        lines += ["concept: mean probability of written texts; loss: of the unedited model on them, nats a token."]
    lines += [
        f"pos-neg: gain in log-probability of {sizes['test']} held-out texts, with the concept less without, nats."
    ]
    if facts["chosen"]:
        lines += ["", "The best fluent setting of each, chosen on every second prompt; on the other prompts:"]
        lines += [_verdict(row) for row in facts["chosen"]]
    if writes:
        lines += ["", *_examples(made, width=width)]
    lines += [f"Note: {each}"[:width] for each in facts["notices"]]
    lines += [f"Failed: {name}: {one_line(why)}"[:width] for name, why in facts["failed"].items()]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def switches_text(made: Switches, *, limit: int = 10, width: int = 100) -> str:
    """Lay out what :func:`neurolect.interventions.find_switches` found as lines that end in a newline."""
    facts, pairs = made.facts, made.facts["n_pairs"]
    one, other = map(one_line, facts["values"])
    agreement = "-" if facts["rank_correlation"] is None else f"{facts['rank_correlation']:.2f}"
    lines = [
        f"{one_line(facts['kind'])} ({one} / {other}) in {one_line(facts['model'])}: {pairs['look']:,} pairs to "
        f"look with, {pairs['held_out']:,} held out; {facts['n_left_out']:,} left out (a form is not one token).",
        f"The right form is preferred in {facts['right']:.0%} of {2 * pairs['held_out']:,} held-out contexts, "
        f"the scores are {facts['gap']:.2f} nats apart.",
        f"{facts['n_exact']:,} of {facts['n_neurons']:,} neurons set one by one; rank correlation with the "
        f"estimate {agreement}. Those that move the form most:",
    ]
    first = made.table.slice(0, limit).to_pylist()
    lines += [f"  {row['address']:<14} {row['score']:+.3f} nats" for row in first if row["score"] is not None]
    cells = [["on held-out pairs", "neurons", "moved, nats", "flipped", "nothing else changed"]]
    for row in facts["rows"]:
        n = f"{row['n_neurons']:,}" if row["n_neurons"] else f"hidden.{facts['layer']}"
        cells.append([_NAMES[row["method"]], n, *(_with_span(row, name) for name in ("moved", "flipped", "alone"))])
    lines += ["", *_columns(cells), ""]
    lines.append("flipped: share of contexts with the right form where the other is then preferred; nothing else")
    lines.append("changed: and the likeliest tokens of no form stay the same.")
    return "\n".join(line[: max(width, 100)].rstrip() for line in lines) + "\n"


def _settings(rows: Sequence[dict[str, Any]], *, writes: bool) -> list[str]:
    """Lay the settings out, with intervals where there is room."""
    names = ["concept", "loss", "distinct"] if writes else []
    heads = ["", "neurons", "strength", *names, "pos-neg", "KL"]
    cells = [[each.replace("distinct", "distinct-2") for each in heads]]
    for row in rows:
        strength = "" if row["strength"] is None else f"{row['strength']:g}"
        line = [_NAMES[row["method"]], f"{row['n_neurons'] or '':}", strength]
        line += [_with_span(row, name) if name == "concept" else _number(row[name]) for name in names]
        cells.append([*line, _with_span(row, "preference", sign=True), _number(row["kl"])])
    return _columns(cells)


def _verdict(row: dict[str, Any]) -> str:
    """Say what a method's best setting does, and whether that is more than nothing."""
    name = _NAMES[row["method"]]
    if not row["n_fluent"]:
        return f"  {name}: none of {row['n_settings']} is fluent."
    parts = [f"{row['n_neurons']:,}"] if row["n_neurons"] else []
    parts += [f"strength {row['strength']:g}"] if row["strength"] else []
    how = f" ({', '.join(parts)})" if parts else ""
    said = "no change that can be distinguished from none"
    if row["more_low"] is not None and row["more_low"] > 0:
        said = "moves texts to the concept"
    elif row["more_high"] is not None and row["more_high"] < 0:
        said = "moves texts away from it"
    line = f"  {name}{how}: {_with_span(row, 'more', sign=True)} concept; {said}"
    if row.get("more_random") is not None:
        line += f"; {_with_span(row, 'more_random', sign=True)} than random neurons"
    return f"{line}; loss {_number(row['loss'])}, distinct-2 {_number(row['distinct'])}."


def _examples(made: Steering, *, width: int) -> list[str]:
    """Show texts side by side: the chosen settings after the first prompts."""
    rows = made.texts.to_pylist()
    keys = [("plain", 0, None)]
    keys += [(row["method"], row["n_neurons"], row["strength"]) for row in made.facts["chosen"] if row["n_fluent"]]
    prompts = list(dict.fromkeys(row["prompt"] for row in rows))[:_SHOWN]
    lines = []
    for prompt in prompts:
        lines.append(one_line(prompt))
        for key in keys:
            found = next(
                (
                    row
                    for row in rows
                    if (row["method"], row["n_neurons"], row["strength"]) == key and row["prompt"] == prompt
                ),
                None,
            )
            if found is not None:
                lines.append(f"  {_NAMES[key[0]]:<16}{one_line(found['text'])}"[: max(width, 60)])
    return lines


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def _with_span(row: dict[str, Any], name: str, *, sign: bool = False) -> str:
    """Write a number with its interval."""
    value, low, high = (row.get(each) for each in (name, f"{name}_low", f"{name}_high"))
    if value is None:
        return "-"
    shown = f"{value:+.2f}" if sign else f"{value:.2f}"
    return shown if low is None or high is None else f"{shown} ({low:.2f} to {high:.2f})"


def _columns(cells: Sequence[Sequence[str]]) -> list[str]:
    sizes = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(cell.ljust(size) for cell, size in zip(line, sizes, strict=True)).rstrip() for line in cells]
