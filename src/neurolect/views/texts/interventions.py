"""What setting neurons changes, and the causal check of signatures, as lines for the terminal."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from neurolect.interventions import Dreams, Pruned
from neurolect.interventions.causal_check import ANYWHERE, EMBEDDING_SCALE, LITTLE, MATCHES, RATE
from neurolect.results import provenance
from neurolect.results.table import list_names
from neurolect.statistics.sorting import rank_correlation_of
from neurolect.store import Run
from neurolect.visible import one_line

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


def prune_text(pruned: Pruned, *, width: int = 100) -> str:
    """Lay out what :func:`neurolect.interventions.prune` cut as lines that end in a newline."""
    facts, rows = pruned.facts, pruned.table.to_pylist()
    loss = "" if facts["plain_loss"] is None else f"; loss as it is: {facts['plain_loss']:.3f}"
    lines = [
        f"The {facts['outcome']} of {facts['n_texts']:,} texts{loss}. Changes in {facts['unit']}.",
        f"Kept are the first neurons by {facts['ranking']}; next to it Wanda (of {facts['n_calibration']:,} other "
        f"texts) and {facts['n_random']} random rankings.",
        "",
    ]
    cells = [["keep", "neurons", "change", "interval", "wanda", "random", "weights", "speed", "folder"]]
    for row in rows:
        random = f"{_signed(row['random_low'])} .. {_signed(row['random_high'])}"
        line = [f"{row['keep']:g}", f"{row['n_kept']:,}", _signed(row["change"])]
        line += [f"{_signed(row['low'])} .. {_signed(row['high'])}", _signed(row["wanda"]), random]
        speed = f"{row['speed']:.2f} ({row['speed_low']:.2f}-{row['speed_high']:.2f})"
        cells.append([*line, f"{row['share_bytes']:.0%}", speed, row["folder"]])
    sizes = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines += ["  ".join(cell.ljust(size) for cell, size in zip(line, sizes, strict=True)) for line in cells]
    if facts["across"] == "model":
        lines.append(
            "Zeros in the full shapes: no configuration holds layers of different widths, so nothing is faster."
        )
    lines += [f"Note: {each}" for each in facts["notices"]]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def dream_text(dreams: Dreams, *, width: int = 100) -> str:
    """Lay out the texts of :func:`neurolect.interventions.dream` as lines that end in a newline."""
    facts, rows = dreams.facts, dreams.table.to_pylist()
    stopped = ", stopped by the time limit (the same command resumes)" if facts["stopped"] else ""
    lines = [
        f"{facts['address']} of {facts['model']}, {facts['side']}: z is over {facts['of']} "
        f"(mean {facts['mean']:.3g}, standard deviation {facts['std']:.3g}).",
        f"{facts['n_scored']:,} texts scored in {facts['seconds']:,.0f} s{stopped}; "
        f"{facts['n_refused']:,} more are read as other tokens than they were made of.",
        f"The best written one is {facts['gain']:+.1f} z from the "
        f"{'best sentence' if 'sentence' in facts['of'] else 'best random text'}.",
        "",
        f"{'':22}  {'z':>6}  {'activation':>10}  {'nats':>5}  text",
    ]
    before = None
    for row in rows:
        how = row["how"] if row["how"] != before else ""
        loss = "-" if row["loss"] is None else f"{row['loss']:.1f}"
        text = one_line(row["text"])
        lines.append(f"{how:22}  {row['z']:6.1f}  {row['activation']:10.3g}  {loss:>5}  {text}"[: max(width, 60)])
        before = row["how"]
    lines += ["", *_dream_words(facts)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _dream_words(facts: dict[str, Any]) -> list[str]:
    """Explain the words of the table."""
    lines = ["z: standard deviations above the mean (below it, for the bottom side)."]
    if facts["outcome"] == "embedding":
        lines.append("The model has no head, so nothing says how fluent a text is: only activation counts.")
    else:
        lines.append("nats: the model's loss a token; low is fluent, and the best sentence shows what is usual.")
    lines += [
        "EPO: texts changed token by token, the best for activation and for fluency kept (Thompson et al. 2024).",
        "Gumbel-softmax: mixtures of tokens improved by gradients, then read off as tokens (Poerner et al. 2018).",
    ]
    return lines


def _title(details: dict[str, Any]) -> str:
    n_texts, n_found = details["n_texts"], details["n_found"]
    of = f" of {n_found:,}" if n_found > n_texts else ""
    where = f"{n_texts:,}{of} texts" if n_found > 1 else "1 text"
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
    if details.get("n_nan"):
        lines.append(f"What comes out is NaN on up to {details['n_nan']:,} of the texts: they are left out there.")
    return lines


def _signed(value: float | None) -> str:
    """Write a change with its sign."""
    return "-" if value is None else f"{value:+.2e}" if 0 < abs(value) < 0.0005 else f"{value:+.4f}"


def _plain(value: float | None) -> str:
    return "-" if value is None else f"{value:.2e}" if 0 < abs(value) < 0.0005 else f"{value:.4f}"


# The causal check: by layer, the strongest, and where signature and effect disagree.
WELL, BADLY = 0.8, 0.65
"""AUROC of a signature that describes well, and of one that describes badly."""
_N_LISTED = 8


def cause_of_run(run: Run) -> dict[str, Any]:
    """Summarise the causal check of a run.

    Returns: ``outcome``, ``unit``, ``to``, ``side``, ``least_effect``, ``n_checked``, ``n_nan`` (sentences left
        out, over all neurons), ``refused`` (reason to number), ``verdicts`` (to number), ``n_more`` (more than
        random neurons, however little), ``layers`` (site, layer, n, ``does``: those that do something, quantiles of
        ``effect``, median ``effect_random``), ``correlation`` (rank correlation of fidelity and effect), and
        neurons: ``most`` (the greatest effects where they match), ``well_and_nothing`` (described well, do little),
        ``badly_and_something``; the number of each.
    """
    entry, options = run.manifest["stages"]["cause"], run.manifest["options"]["cause"]
    rows = _cause_rows(run, side=options["side"])
    checked = [row for row in rows if row["times"] is not None]
    refused: dict[str, int] = {}
    for row in rows:
        if row["refused"] is not None:
            refused[row["refused"]] = refused.get(row["refused"], 0) + 1
    by_effect = sorted(checked, key=lambda row: -row["effect"])
    does = [row for row in by_effect if row["verdict"] != LITTLE]
    lists = {
        "most": [row for row in does if row["verdict"] == MATCHES],
        "well_and_nothing": sorted(
            (row for row in checked if row["verdict"] == LITTLE and (row["auroc"] or 0) >= WELL),
            key=lambda row: row["effect"],
        ),
        "badly_and_something": [row for row in does if row["auroc"] is not None and row["auroc"] < BADLY],
    }
    numbers = (np.array([row[name] for row in checked], np.float64) for name in ("auroc", "effect"))
    return {
        "outcome": entry["outcome"],
        "unit": entry["unit"],
        "to": options["to"],
        "side": options["side"],
        "n_sentences": options["n_sentences"],
        "least_effect": options["least_effect"] * (EMBEDDING_SCALE if entry["outcome"] == "embedding" else 1.0),
        "n_checked": len(checked),
        "n_nan": sum(row.get("n_nan") or 0 for row in rows),
        "refused": refused,
        "verdicts": {each: sum(row["verdict"] == each for row in checked) for each in (MATCHES, ANYWHERE, LITTLE)},
        "n_more": sum(row["q"] <= RATE and row["times"] > 1 for row in checked),
        "layers": _cause_by_layer(run, checked),
        "correlation": rank_correlation_of(*numbers),
        **{f"n_{name}": len(found) for name, found in lists.items()},
        **{name: found[:_N_LISTED] for name, found in lists.items()},
    }


def _cause_rows(run: Run, *, side: str) -> list[dict[str, Any]]:
    """Put effects, fidelity and names together."""
    table = run.table("cause/effects")
    scores = run.table("fidelity/scores", columns=["neuron_id", "side", "evidence", "auroc"])
    scores = scores.filter(pc.and_(pc.equal(scores["evidence"], "all"), pc.equal(scores["side"], side)))
    auroc = dict(zip(scores["neuron_id"].to_pylist(), scores["auroc"].to_pylist(), strict=True))
    names = list_names(run, table).to_pylist()
    return [
        row | {"auroc": auroc.get(row["neuron_id"]), "name": name, "address": run.index.address(row["neuron_id"])}
        for row, name in zip(table.to_pylist(), names, strict=True)
    ]


def _cause_by_layer(run: Run, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Summarise each site and layer that has a neuron checked."""
    found, first = [], 0
    for site in run.manifest["model"]["sites"]:
        own = [row for row in rows if first <= row["neuron_id"] < first + site["width"]]
        first += site["width"]
        if own:
            effects = np.quantile([row["effect"] for row in own], (0.5, 0.9, 1.0)).tolist()
            found.append(
                {
                    "site": site["site"],
                    "layer": site["layer"],
                    "n": len(own),
                    "does": sum(row["verdict"] != LITTLE for row in own),
                    "effects": effects,
                    "effect_random": float(np.median([row["effect_random"] for row in own])),
                }
            )
    return found


def cause_text(made: dict[str, Any], *, width: int = 100) -> str:
    """Lay :func:`cause_of_run` out as lines that end in a newline."""
    to = {"mean": "its mean", "zero": "0", "resample": "values at random tokens"}[made["to"]]
    what = {"embedding": "the embedding (cosine distance)", "class": "the classes (KL)"}.get(
        made["outcome"], "the tokens predicted at its peak (KL, nats)"
    )
    verdicts, least = made["verdicts"], made["least_effect"]
    lines = [
        f"Each neuron is set to {to} on {made['n_sentences']} held-out sentences that its signature matches;",
        f"how far that changes {what}, next to random neurons of its layer",
        "that are moved as far on the same sentences, and to the neuron itself on as many controls.",
        "",
        f"Checked: {made['n_checked']:,} neurons. They change it by {least:g} or more, and more than random ones:",
        f"{verdicts[MATCHES]:,} where their signature matches, {verdicts[ANYWHERE]:,} on controls as well; "
        f"little: {verdicts[LITTLE]:,}.",
        f"({made['n_more']:,} do more than random ones, however little.)",
    ]
    lines += [f"Not checked: {n:,} ({why})." for why, n in made["refused"].items()]
    if made["n_nan"]:
        lines.append(f"Left out: {made['n_nan']:,} effects on sentences where what comes out is NaN.")
    heads = f"{'do something':>14}{'median':>11}{'90 %':>11}{'highest':>11}{'random':>11}"
    lines += ["", f"{'layer':<12}{'neurons':>8}{heads}"]
    for row in made["layers"]:
        share = f"{row['does']:,} ({row['does'] / row['n']:.0%})"
        sizes = "".join(f"{_plain(each):>11}" for each in (*row["effects"], row["effect_random"]))
        lines.append(f"{row['site']} {row['layer']}".ljust(12) + f"{row['n']:>8,}{share:>14}{sizes}")
    if made["correlation"] is not None:
        lines += ["", f"Rank correlation of fidelity and effect, over neurons: {made['correlation']:+.2f}."]
    for title, name in (
        ("Most causal where they match", "most"),
        (f"Described well (AUROC {WELL} or more) and do little", "well_and_nothing"),
        (f"Do something, described badly (AUROC below {BADLY})", "badly_and_something"),
    ):
        if made[name]:
            lines += ["", f"{title}: {made[f'n_{name}']:,}", *(_cause_line(row)[:width] for row in made[name])]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _cause_line(row: dict[str, Any]) -> str:
    auroc = "-" if row["auroc"] is None else f"{row['auroc']:.2f}"
    random, controls = (_plain(row[name]) for name in ("effect_random", "effect_controls"))
    sizes = f"{_plain(row['effect'])} (random {random}, controls {controls})"
    loss = "" if row["loss"] is None else f"  loss {_signed(row['loss'])}"
    name = row["name"] or "no clear theme"
    return f"  {row['address']:<12} {sizes}{loss}  fidelity {auroc}  {name}"


# What neurons write.
def writes_text(table: pa.Table, *, limit: int, width: int = 100) -> str:
    """Lay a table of :func:`neurolect.interventions.writes` out as lines that end in a newline."""
    details, rows = provenance(table).details, table.to_pylist()
    clear = [row for row in rows if row["score"] > 1]
    lines = [
        "Tokens that neurons promote (+) and suppress (-), through the final norm and the unembedding;",
        "z against the same token over the layer. Clear: beyond 99 % of random mixtures of its own columns.",
        "",
    ]
    for row in clear[:limit]:
        lines += [
            f"{row['address']:<14} {sign} {row[f'{name}_z'][0]:.1f}  {' '.join(map(_token, row[name]))}"[:width]
            for sign, name in (("+", "promotes"), ("-", "suppresses"))
            if row[name]
        ]
    if len(clear) > limit:
        lines.append(f"... and {len(clear) - limit:,} more: --limit, --out FILE.")
    lines += ["", f"{'layer':<8}{'neurons':>9}{'clear':>8}{'by chance':>11}"]
    lines += [
        f"{each.get('site', 'mlp') + ' ' + str(each['layer']):<8}{each['n']:>9,}{each['clear']:>8.0%}"
        f"{each['clear_by_chance']:>11.0%}"
        for each in details["layers"]
    ]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _token(token: str) -> str:
    """Show a token with its space before it, as models have it."""
    return token.replace(" ", "\u00b7").replace("\n", "\u21b5") or "\u2205"
