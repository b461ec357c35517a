"""What the planted bench found, as text: a table for every noise."""

from neurolect.probing import Bench
from neurolect.probing.bench import ALL, FIRST, ROLES
from neurolect.probing.planted_cases import TRAPS
from neurolect.visible import one_line


def bench_text(made: Bench) -> str:
    """Lay average precisions out: a row a method, the best first, a column a role."""
    facts = made.facts
    found = {(each["noise"], each["method"], each["role"]): each for each in facts["results"]}
    noises = facts["options"]["noise"]
    names = list(facts["in_first"])
    roles = [role for role in ROLES if facts["roles"][role]]
    longest = max(map(len, map(one_line, names)))
    lines = [
        f"Average precision of planted neurons among {facts['n_neurons']}: mean over concepts and "
        f"{facts['options']['seeds']} models, for all roles with its range over models."
    ]
    for noise in noises:
        overall = {name: found.get((noise, name, ALL)) for name in names}
        lines += [
            "",
            f"{f'noise {noise:g}':<{longest}}  "
            + "  ".join(f"{each:>{max(5, len(each))}}" for each in [*roles, ALL]),
        ]
        for name in sorted(names, key=lambda each: -_value(overall[each])):
            cells = [f"{_value(found.get((noise, name, role))):{max(5, len(role))}.2f}" for role in roles]
            whole = overall[name]
            span = (
                ""
                if whole is None
                else f" ({whole['average_precision']['low']:.2f}-{whole['average_precision']['high']:.2f})"
            )
            lines.append(f"{one_line(name):<{longest}}  " + "  ".join(cells) + f"  {_value(whole):9.2f}{span}")
    lines += [
        "",
        f"{'all models':<{longest}}  " + "  ".join(f"{each:>10}" for each in (*TRAPS, "signs", "seconds")),
    ]
    for name in names:
        traps = [facts["in_first"][name][role] for role in TRAPS]
        cells = [*traps, facts["signs_right"][name], facts["seconds"][name]]
        lines.append(
            f"{one_line(name):<{longest}}  "
            + "  ".join(f"{'-' if each is None else f'{each:.2f}':>10}" for each in cells)
        )
    lines += [
        "",
        f"{', '.join(TRAPS)}: how often such neurons, of no concept, are among the first {FIRST}; signs: share",
        "that is right of planted neurons; seconds a ranking.",
    ]
    if facts["left_out"]:
        lines.append(f"Left out, for too few words: {', '.join(facts['left_out'])}.")
    return "\n".join(lines) + "\n"


def _value(row: dict[str, object] | None) -> float:
    if row is None:
        return float("nan")
    measured = row["average_precision"]
    return float(measured["value"]) if isinstance(measured, dict) else float("nan")
