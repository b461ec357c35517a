"""How true the signatures of a run are, layer by layer and kind by kind, for the terminal."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from neurolect.fidelity.agreement import stability_summary
from neurolect.fidelity.inputs import ALL
from neurolect.fidelity.score import against_of
from neurolect.signatures.evidence.registry import kind_names, title_of
from neurolect.store import Run
from neurolect.views.texts.bars import percent

_BAR = 30
_NOTES = [
    "Another neuron's signature: of one of the layer, at random. Hard negatives: not all other sentences, but",
    "those that the signature of the most similar neuron scores highest; 0.5: it cannot tell the two apart.",
]


def fidelity_of_run(run: Run) -> dict[str, Any]:
    """Summarise the scores of a run.

    Returns: ``n_scored``, ``refused`` (reason to number of lists), ``top_share``, ``n_sentences``, ``n_positives``
        and ``base_rate`` (medians), ``min_positives``, ``evidence`` (kind to quantiles of AUROC, and medians of
        average precision and rank correlation), ``latents`` (``n`` and ``n_scored``, None
        without any), ``controls`` (quantiles of AUROC of another neuron's signature,
        against hard negatives, of the name alone and of another name, of a random model, on second corpora; the
        share of its held-out sentences that the name's first part covers), ``layers`` (site, layer, quantiles of
        AUROC and of rank correlation, the same after ``random_`` of the random model).
    """
    stage = run.manifest["stages"].get("fidelity", {})
    scores, neurons = run.table("fidelity/scores"), run.table("fidelity/neurons")
    together = _of(scores, "all")
    refused: dict[str, int] = {}
    for reason in neurons.column("refused").to_pylist():
        if reason is not None:
            refused[reason] = refused.get(reason, 0) + 1
    controls = {
        "another neuron's signature": _quantiles(_numbers(neurons, "auroc_other")),
        "hard negatives": _quantiles(_numbers(neurons, "auroc_hard")),
    }
    if "name_auroc" in neurons.column_names:
        controls["the name alone"] = _quantiles(_numbers(neurons, "name_auroc"))
        controls["another neuron's name"] = _quantiles(_numbers(neurons, "name_auroc_other"))
        controls["sentences that the name covers"] = _quantiles(_numbers(neurons, "name_covered"))
    random = _of(run.table("fidelity/control"), "all") if run.has("fidelity/control") else None
    if random is not None:
        controls["same neurons, random weights"] = _quantiles(_numbers(random, "auroc"))
    for entry in against_of(run):
        table = _of(run.table(f"against/{entry['folder']}/scores"), "all")
        controls[f"on {entry['path']}"] = _quantiles(_numbers(table, "auroc"))
    return {
        "n_scored": together.num_rows,
        "refused": refused,
        "top_share": stage.get("top_share"),
        "n_sentences": stage.get("n_sentences"),
        "base_rate": _median(_numbers(neurons, "base_rate")),
        "n_positives": _median(_numbers(neurons, "n_positives")),
        "min_positives": run.manifest["options"].get("fidelity", {}).get("min_positives"),
        "evidence": {kind: _summary(own) for kind in (ALL, *kind_names()) if (own := _of(scores, kind)).num_rows},
        "latents": _latents(run, neurons),
        "controls": controls,
        "layers": _layers(run, together, random),
    }


def _latents(run: Run, neurons: pa.Table) -> dict[str, int] | None:
    """Count latents and those that are scored; None where there are none."""
    of_latents = run.index.latent
    if not of_latents.any():
        return None
    scored = neurons.filter(pc.is_null(neurons.column("refused"))).column("neuron_id").to_numpy()
    return {"n": int(of_latents.sum()), "n_scored": int(np.count_nonzero(of_latents[np.unique(scored)]))}


def _of(table: pa.Table, kind: str) -> pa.Table:
    return table.filter(pc.equal(table.column("evidence"), kind))


def _numbers(table: pa.Table, name: str) -> NDArray[np.float64]:
    values = table.column(name).to_numpy().astype(np.float64)
    kept: NDArray[np.float64] = values[np.isfinite(values)]
    return kept


def _median(values: NDArray[np.float64]) -> float | None:
    return round(float(np.median(values)), 4) if len(values) else None


def _quantiles(values: NDArray[np.float64]) -> list[float] | None:
    """Give the 5th, 25th, 50th, 75th and 95th percentile."""
    return (
        [round(float(each), 4) for each in np.quantile(values, (0.05, 0.25, 0.5, 0.75, 0.95))]
        if len(values)
        else None
    )


def _summary(table: pa.Table) -> dict[str, Any]:
    return {
        "auroc": _quantiles(_numbers(table, "auroc")),
        "average_precision": _median(_numbers(table, "average_precision")),
        "balanced_average_precision": _median(_numbers(table, "balanced_average_precision")),
        "spearman": _median(_numbers(table, "spearman")),
    }


def _layers(run: Run, together: pa.Table, random: pa.Table | None) -> list[dict[str, Any]]:
    """Summarise each site and layer."""
    rows, first = [], 0
    for site in run.manifest["model"]["sites"]:
        last = first + site["width"]
        row = {"site": site["site"], "layer": site["layer"]}
        for name, table in (("", together), ("random_", random)):
            if table is not None:
                ids = table.column("neuron_id").to_numpy()
                own = table.filter(pa.array((ids >= first) & (ids < last)))
                for number in ("auroc", "spearman"):
                    row[f"{name}{number}"] = _quantiles(_numbers(own, number))
        rows.append(row)
        first = last
    return rows


def fidelity_text(made: dict[str, Any]) -> str:
    """Lay it out as text."""
    lines = []
    if made["n_scored"]:
        share = percent(made["base_rate"])
        lines += [
            f"{made['n_scored']:,} signatures, {made['n_sentences']:,} held-out sentences. Does a signature tell",
            f"the {made['n_positives']:.0f} sentences ({share}) that activate its neuron most from all others?",
        ]
    for reason, n in made["refused"].items():
        lines += [f"{n:,} signatures not scored: {reason}.", *_why(reason, made)]
    lines += _of_latents(made)
    if not made["n_scored"]:
        return "\n".join(lines) + "\n"
    lines += [
        "",
        f"{'AUROC (chance: 0.5)':<40}{'5 %':>7}{'median':>8}{'95 %':>7}{'rank corr.':>12}{'precision':>11}",
    ]
    for kind, row in made["evidence"].items():
        name = f"by {title_of(kind)}" if kind != ALL else "all evidence"
        lines.append(
            _line(name, row["auroc"]) + f"{row['spearman'] or 0:>12.2f}{percent(row['average_precision']):>11}"
        )
    lines.append("")
    lines += [_line(name, found) for name, found in made["controls"].items() if found]
    lines += _NOTES if any(made["controls"].values()) else []
    lines += ["", f"{'layer (all evidence)':<40}{'5 %':>7}{'median':>8}{'95 %':>7}"]
    for row in made["layers"]:
        if row["auroc"]:
            line = _line(f"{row['site']} {row['layer']}", row["auroc"])
            bar = "#" * max(0, round(_BAR * (2 * row["auroc"][2] - 1)))
            random = f"   random weights {row['random_auroc'][2]:.2f}" if row.get("random_auroc") else ""
            lines.append(f"{line}  {bar}{random}")
    return "\n".join(lines) + "\n"


def _of_latents(made: dict[str, Any]) -> list[str]:
    """Say which latents the figures are of: those that are above 0 often."""
    found = made["latents"]
    if found is None or found["n_scored"] == found["n"] or not made["n_sentences"]:
        return []
    often = f"on at least {made['min_positives']} of {made['n_sentences']:,} held-out sentences"
    return [
        f"  Of {found['n']:,} latents {found['n_scored']:,} are scored: those above 0 {often}.",
        "  The figures are of these; rarer ones may be otherwise.",
    ]


def _why(reason: str, made: dict[str, Any]) -> list[str]:
    """Say what a reason means, and what can be done."""
    if reason == "constant":
        return ["  Their neurons' activations hardly tell one held-out sentence from another."]
    if reason != "few positives" or not made["n_sentences"]:
        return []
    if made["latents"] is not None and made["n_positives"] >= made["min_positives"]:
        return []  # the others have enough: these are above 0 too rarely, which is said of latents
    return [
        f"  Of {made['n_sentences']:,} held-out sentences {made['n_positives']:.0f} would count as a neuron's, and "
        f"{made['min_positives']} are asked for (fidelity.min_positives).",
        "  More of them would do: collect.held_out_size, collect.activation_bytes, prepare.held_out.",
    ]


def _line(name: str, found: list[float]) -> str:
    """Write the 5th, 50th and 95th percentile after a name."""
    return f"{name:<40}{found[0]:>7.2f}{found[2]:>8.2f}{found[4]:>7.2f}"


def stability_text(table: pa.Table) -> str:
    """Lay out how many neurons keep their signature on another corpus."""
    lines = [f"{'evidence':<16}{'lists':>9}{'agreement':>11}{'chance':>8}{'needed':>8}{'kept':>7}"]
    for row in stability_summary(table):
        figures = (
            f"{row['agreement']:>11.2f}{row['chance']:>8.2f}{row['needed']:>8.2f}{percent(row['share_kept']):>7}"
        )
        bar = "#" * round(_BAR * row["share_kept"])
        lines.append(f"{title_of(row['evidence']):<16}{row['n_lists']:>9,}{figures}  {bar}")
    lines += [
        "",
        "Agreement: median cosine of the log-odds z of a neuron's two signatures. Chance: with another neuron",
        "of its layer. Kept: lists that agree more than 95 % of the strangers do; 5 % would by chance.",
    ]
    return "\n".join(lines) + "\n"
