"""What setting neurons changes, and the causal check of signatures, as lines for the terminal."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from neurolect.results import provenance
from neurolect.results.table import list_names
from neurolect.statistics.sorting import mean_ranks
from neurolect.store import Run

_SHOWN = 20
_NAMES = {"kl": "KL", "accuracy": "accuracy", "flipped": "flipped", "loss": "loss"}


def ablation_text(table: pa.Table, *, width: int = 100) -> str:
    """Lay a table of :func:`neurolect.interventions.ablate` out as lines that end in a newline."""
    facts, rows = provenance(table), table.to_pylist()
    details = facts.details
    measured = [row for row in rows if row["score"] is not None]
    to = {"mean": "their means over these texts", "zero": "0", "resample": "values at random tokens of these texts"}
    lines = [_title(details), f"Neurons are set to {to[facts.options['to']]}; changes in {details['unit']}.", ""]
    lines += _table(measured[:_SHOWN], details)
    if len(measured) > _SHOWN:
        lines.append(f"... and {len(measured) - _SHOWN:,} more: --out FILE.")
    lines += ["", *_summary(measured, rows, details)]
    lines += [each[:width] for each in details["notices"]]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _title(details: dict[str, Any]) -> str:
    n_texts, n_found = details["n_texts"], details["n_found"]
    of = f" of {n_found:,}" if n_found > n_texts else ""
    where = f"{n_texts:,}{of} texts"
    if details["outcome"] == "embedding":
        return f"The embedding of {where} (mean of the last hidden states)."
    if details["outcome"] == "class":
        loss = details["plain_loss"]
        return f"The class of {where}" + (f"; loss as it is: {loss:.3f}." if loss is not None else ".")
    per = f"{details['n_predicted']:,} tokens"
    return f"The {details['outcome']} of {where} ({per}); loss as it is: {details['plain_loss']:.3f}."


def _table(rows: list[dict[str, Any]], details: dict[str, Any]) -> list[str]:
    """Lay the rows out, with what they are compared with."""
    if not rows:
        return []
    others = [name for name in ("kl", "accuracy", "flipped") if rows[0].get(name) is not None]
    random = any(row.get("random") is not None for row in rows)
    heads = ["set", "change", "interval", *(_NAMES[name] for name in others), "estimate"]
    heads += ["random", "highest of"] if random else []
    cells = [heads]
    for row in rows:
        size = f" ({row['n_neurons']:,})" if row["n_neurons"] > 1 else ""
        interval = f"{_signed(row['low'])} .. {_signed(row['high'])}"
        line = [row["address"] + size, _signed(row["score"]), interval]
        line += [_signed(row[name]) if name == "accuracy" else _plain(row[name]) for name in others]
        line.append(_signed(row["estimate"]))
        if random:
            line += [_signed(row["random"]), f"{_signed(row['random_high'])} ({row['n_random']})"]
        cells.append(line)
    widths = [max(len(line[at]) for line in cells) for at in range(len(heads))]
    return [
        "  ".join(
            f"{cell:<{w}}" if at == 0 else f"{cell:>{w}}"
            for at, (cell, w) in enumerate(zip(line, widths, strict=True))
        )
        for line in cells
    ]


def _summary(measured: list[dict[str, Any]], rows: list[dict[str, Any]], details: dict[str, Any]) -> list[str]:
    lines = []
    if "rank_correlation" in details:
        low, middle, high = np.quantile([abs(row["score"]) for row in measured], (0.5, 0.9, 1.0)).tolist()
        sizes = (
            f"Size of the change: median {_plain(low)}, 90th percentile {_plain(middle)}, highest {_plain(high)}."
        )
        lines += [f"Measured: {len(measured):,} of {len(rows):,} neurons. {sizes}"]
        if details["outcome"] != "embedding":
            sure = sum(row["low"] is not None and row["low"] > 0 for row in measured)
            less = sum(row["high"] is not None and row["high"] < 0 for row in measured)
            lines.append(f"Interval above 0: {sure:,}; below: {less:,} (by chance about 2.5 % each).")
        found = details["rank_correlation"]
        how = f"{found:.2f}" if found is not None else "not known"
        lines.append(f"Rank correlation of the estimate with the change, over neurons at random: {how}.")
    else:
        lines.append(
            "random: the median of random neurons (or groups as large) of the same layers, and the highest."
        )
    if details["n_left_out"]:
        lines.append(f"{details['n_left_out']:,} texts left out: nothing to predict in them.")
    return lines


def _signed(value: float | None) -> str:
    """Write a change with its sign."""
    return "-" if value is None else f"{value:+.2e}" if 0 < abs(value) < 0.0005 else f"{value:+.4f}"


def _plain(value: float | None) -> str:
    return "-" if value is None else f"{value:.2e}" if 0 < abs(value) < 0.0005 else f"{value:.4f}"


# The causal check: by layer, the strongest, and where signature and effect disagree.
RATE = 0.05
WELL, BADLY = 0.8, 0.65
"""AUROC of a signature that describes well, and of one that describes badly."""
_N_LISTED = 8


def cause_of_run(run: Run) -> dict[str, Any]:
    """Summarise the causal check of a run.

    Returns: ``outcome``, ``unit``, ``to``, ``side``, ``n_checked``, ``refused`` (reason to number), ``n_does`` (q
        up to 0.05), ``n_specific`` (more on sentences that match than on controls too), ``layers`` (site, layer,
        n, n_does, medians of ``times``, ``effect`` and ``effect_random``), ``correlation`` (rank correlation of
        fidelity and ``times``), and neurons: ``most`` (the most causal), ``well_and_nothing`` (described well,
        does nothing that can be measured) and ``badly_and_something``.
    """
    entry, options = run.manifest["stages"]["cause"], run.manifest["options"]["cause"]
    table = run.table("cause/effects")
    scores = run.table("fidelity/scores", columns=["neuron_id", "side", "evidence", "auroc"])
    scores = scores.filter(pc.and_(pc.equal(scores["evidence"], "all"), pc.equal(scores["side"], options["side"])))
    auroc = dict(zip(scores["neuron_id"].to_pylist(), scores["auroc"].to_pylist(), strict=True))
    names = list_names(run, table).to_pylist()
    rows = [
        row | {"auroc": auroc.get(row["neuron_id"]), "name": name, "address": run.index.address(row["neuron_id"])}
        for row, name in zip(table.to_pylist(), names, strict=True)
    ]
    checked = [row for row in rows if row["times"] is not None]
    refused: dict[str, int] = {}
    for row in rows:
        if row["refused"] is not None:
            refused[row["refused"]] = refused.get(row["refused"], 0) + 1
    does = [row for row in checked if row["q"] <= RATE and row["times"] > 1]
    most = sorted(does, key=lambda row: -row["times"])
    nothing = [row for row in checked if row["p"] > 0.5 and (row["auroc"] or 0) >= WELL]
    badly = [row for row in most if row["auroc"] is not None and row["auroc"] < BADLY]
    known = [row for row in checked if row["auroc"] is not None]
    return {
        "outcome": entry["outcome"],
        "unit": entry["unit"],
        "to": options["to"],
        "side": options["side"],
        "n_sentences": options["n_sentences"],
        "n_checked": len(checked),
        "refused": refused,
        "n_does": len(does),
        "n_specific": sum(row["q_controls"] <= RATE and row["specificity"] > 1 for row in does),
        "layers": _cause_by_layer(run, checked),
        "correlation": _rank_correlation([row["auroc"] for row in known], [row["times"] for row in known]),
        "most": most[:_N_LISTED],
        "n_well_and_nothing": len(nothing),
        "well_and_nothing": sorted(nothing, key=lambda row: -row["auroc"])[:_N_LISTED],
        "n_badly_and_something": len(badly),
        "badly_and_something": badly[:_N_LISTED],
    }


def _cause_by_layer(run: Run, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Summarise each site and layer that has a neuron checked."""
    found, first = [], 0
    for site in run.manifest["model"]["sites"]:
        own = [row for row in rows if first <= row["neuron_id"] < first + site["width"]]
        first += site["width"]
        if own:
            middle = {
                name: float(np.median([row[name] for row in own])) for name in ("times", "effect", "effect_random")
            }
            n_does = sum(row["q"] <= RATE and row["times"] > 1 for row in own)
            found.append({"site": site["site"], "layer": site["layer"], "n": len(own), "n_does": n_does} | middle)
    return found


def _rank_correlation(one: list[float], other: list[float]) -> float | None:
    if len(one) < 3:
        return None
    ranks = [mean_ranks(np.array(each, np.float64)) for each in (one, other)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1]) if min(np.ptp(each) for each in ranks) > 0 else None


def cause_text(made: dict[str, Any], *, width: int = 100) -> str:
    """Lay :func:`cause_of_run` out as lines that end in a newline."""
    to = {"mean": "its mean", "zero": "0", "resample": "values at random tokens"}[made["to"]]
    what = {"embedding": "the embedding", "class": "the classes"}.get(
        made["outcome"], "the tokens predicted at its peak"
    )
    lines = [
        f"Each neuron is set to {to} on {made['n_sentences']} held-out sentences that its signature matches;",
        f"how far that changes {what}, next to random neurons of its layer on the same sentences.",
        "",
        f"Checked: {made['n_checked']:,} neurons. More than random neurons (q up to {RATE}): {made['n_does']:,}, "
        f"of them {made['n_specific']:,} also more than on controls.",
    ]
    lines += [f"Not checked: {n:,} ({why})." for why, n in made["refused"].items()]
    lines += ["", f"{'layer':<12}{'neurons':>8}{'do more':>9}{'times':>8}{'effect':>12}{'random':>12}   (medians)"]
    for row in made["layers"]:
        share = f"{row['n_does'] / row['n']:.0%}"
        sizes = f"{row['times']:>8.2f}{_plain(row['effect']):>12}{_plain(row['effect_random']):>12}"
        lines.append(f"{row['site']} {row['layer']}".ljust(12) + f"{row['n']:>8,}{share:>9}{sizes}")
    if made["correlation"] is not None:
        lines += ["", f"Rank correlation of fidelity and effect (times), over neurons: {made['correlation']:+.2f}."]
    for title, name in (
        ("Most causal", "most"),
        ("Described well (AUROC 0.8 or more), does no more than random neurons", "well_and_nothing"),
        ("Does something, described badly (AUROC below 0.65)", "badly_and_something"),
    ):
        n = made.get(f"n_{name}", made["n_does"])
        if made[name]:
            lines += ["", f"{title}: {n:,}", *(_cause_line(row)[:width] for row in made[name])]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _cause_line(row: dict[str, Any]) -> str:
    auroc = "-" if row["auroc"] is None else f"{row['auroc']:.2f}"
    sizes = f"times {row['times']:.2f} ({row['times_low']:.2f} .. {row['times_high']:.2f})"
    loss = "" if row["loss"] is None else f"  loss {_signed(row['loss'])}"
    name = row["name"] or "no clear theme"
    return f"  {row['address']:<14} {sizes}  q {row['q']:.3f}{loss}  fidelity {auroc}  {name}"
