"""How far rankings for concepts and signatures find the same neurons, as text."""

from typing import Any

from neurolect.store import Run
from neurolect.visible import one_line


def bridge_facts(run: Run) -> dict[str, Any]:
    """Give what the comparison found, fit for JSON."""
    entry = run.manifest["stages"]["bridge"]
    rows = run.table("concepts/agreement").to_pylist()
    return {"first": entry["first"], "seed": entry["seed"], "not_named": entry["not_named"], "agreement": rows}


def bridge_text(run: Run) -> str:
    """Lay agreement out, a row a ranking and concept, then neurons that only one of both finds."""
    facts = bridge_facts(run)
    rows = facts["agreement"]
    wide = max([7, *(len(one_line(f"{each['method']} {each['concept']}")) for each in rows)])
    lines = [
        f"{'ranking':<{wide}}  first  named  share  of all       p  AUROC  by chance    sides",
    ]
    for each in rows:
        name = one_line(f"{each['method']} {each['concept']}")
        share = each["n_named_first"] / max(each["n_first"], 1)
        chance = "-" if each["auroc"] is None else f"{each['auroc_low']:.2f}-{each['auroc_high']:.2f}"
        area = "-" if each["auroc"] is None else f"{each['auroc']:.2f}"
        sides = f"{each['n_sides_agree']} of {each['n_signed']}" if each["n_signed"] else "-"
        lines.append(
            f"{name:<{wide}}  {each['n_first']:>5}  {each['n_named_first']:>5}  {share:>5.0%}  "
            f"{each['n_named'] / max(each['n_neurons'], 1):>6.1%}  {each['p']:>6.1g}  {area:>5}  {chance:>9}  "
            f"{sides:>7}"
        )
    lines += [
        "",
        "named: first neurons of whose lists one names the concept, their share, that of all neurons, p of as many",
        "at random; AUROC: of the ranking, for neurons that name it, and where shuffled signatures have it; sides:",
        "first neurons whose one naming list is the side of the ranking's sign (by chance half of them).",
    ]
    for each in rows:
        name = one_line(f"{each['method']} {each['concept']}")
        lines += ["", f"{name} ({each['evidence']}): first, and not named:"]
        lines += [f"  {one_line(one)}" for one in each["first_not_named"][:3]] or ["  none"]
        lines += ["named, and last:", *([f"  {one_line(one)}" for one in each["named_last"][:3]] or ["  none"])]
    if facts["not_named"]:
        lines += ["", f"Nothing that signatures name: {', '.join(map(one_line, facts['not_named']))}."]
    return "\n".join(lines) + "\n"
