"""The report of a reproduction: the table of findings, the figures, and how it was made."""

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from neurolect.errors import RunFolderError
from neurolect.folders.atomic import write_json, write_text
from neurolect.folders.variant_record import read_record
from neurolect.paper.churn import churn_findings, moved_finding, read_looks
from neurolect.paper.data_step import polarity_values, read_facts
from neurolect.paper.figures import draw_boxes, draw_churn, draw_curves, draw_maps_of_models
from neurolect.paper.finding import Finding, Verdict
from neurolect.paper.folder import PaperFolder
from neurolect.paper.kinds import kinds_of_neurons
from neurolect.paper.one_sided_layers import no_sentiment_findings, pos_findings, sentiment_findings
from neurolect.paper.report_text import report_text, signature_rows
from neurolect.paper.roles import group_findings, middle_layer, role_findings
from neurolect.paper.steps import READ
from neurolect.progress import NullProgress, Progress
from neurolect.store import Run
from neurolect.views.plots.heat_maps import draw_heat_map
from neurolect.views.plots.neuron_maps import draw_groups
from neurolect.views.plots.rank_figures import draw_diversity
from neurolect.views.plots.style import Drawn, save, styled

LEARNT = 0.05
"""A classifier that is not so much better than its largest class has learned little."""


def write_report(folder: PaperFolder, *, progress: Progress | None = None) -> Path:
    """Judge every finding, draw the figures, write ``report``."""
    progress = progress or NullProgress()
    runs = _related(folder)
    facts = read_facts(folder)
    with progress.task("report", total=2, unit="parts") as task:
        findings, addresses = _findings(folder, runs, facts)
        task.advance()
        figures = _draw(folder, runs, facts)
        task.advance()
    counts = Counter(each.verdict for each in findings)
    write_json(
        folder.report / "findings.json",
        {
            "format": "neurolect-paper-findings",
            "schema_version": 1,
            "counts": {verdict.value: counts[verdict] for verdict in Verdict},
            "findings": [each._asdict() for each in findings],
        },
    )
    text = report_text(
        folder,
        runs,
        facts=facts,
        findings=findings,
        figures=figures,
        signatures=signature_rows(runs["pretrained"], addresses),
    )
    out = folder.report / "report.md"
    write_text(out, text)
    return out


def _related(folder: PaperFolder) -> dict[str, Run]:
    """Open the runs; the pre-trained and the random one have to be related."""
    runs = {name: run for name in READ if (run := folder.opened(name)) is not None}
    for name in ("pretrained", "random"):
        if name not in runs or not runs[name].is_current("relate"):
            what = f"{folder.root} has no related run of the {name} model."
            raise RunFolderError(what, hint="give the same command without --until")
    return runs


def _findings(
    folder: PaperFolder, runs: dict[str, Run], facts: dict[str, Any]
) -> tuple[list[Finding], dict[str, str]]:
    trained, random = runs["pretrained"], runs["random"]
    findings, addresses = kinds_of_neurons(trained)
    findings += churn_findings(trained)
    findings += group_findings(trained, random)
    findings += pos_findings(trained, random)
    by = _polarity(trained, facts)
    if by is None:
        findings += no_sentiment_findings("the corpus that was read has no sentiment labels")
    else:
        note = _learnt(folder, "sentiment")
        findings += sentiment_findings(trained, random, runs.get("sentiment"), by=by, note=note)
    findings += role_findings(trained)
    because = "no category labels" if facts["category"] is None else "no distances were measured here"
    findings.append(
        moved_finding(folder.compared / "distances.parquet", because=because, note=_learnt(folder, "category"))
    )
    return findings, addresses


def _learnt(folder: PaperFolder, name: str) -> str:
    """Warn where a variant learned next to nothing: then nothing follows from what it does not show."""
    if not folder.has_variant(name):
        return ""
    record = read_record(folder.variant(name))
    right, largest = float(record["validation_accuracy"]), float(record["majority"])
    if right >= largest + LEARNT:
        return ""
    return f"fine-tuning learned little: {right:.1%} right, where the largest class alone gives {largest:.1%}"


def _polarity(run: Run, facts: dict[str, Any]) -> str | None:
    """Name the number of one-sidedness in polarity, of two poles, where the corpus that was read has the field."""
    if facts["sentiment"] is None:
        return None
    field = str(facts["sentiment"]["field"])
    if all(each["name"] != field for each in run.manifest["corpus"]["fields"]):
        return None
    table = run.table("background/metadata")
    values = table.filter(pc.equal(table.column("field"), field)).column("value").to_pylist()
    poles = polarity_values([each for each in values if each is not None])
    return f"deviation={field}:{','.join(poles)}" if poles else f"deviation={field}"


def _draw(folder: PaperFolder, runs: dict[str, Run], facts: dict[str, Any]) -> dict[str, str]:
    """Draw every figure there is something for; give name and caption."""
    trained = runs["pretrained"]
    two = {name: runs[name] for name in ("pretrained", "random")}
    captions: dict[str, str] = {}

    def keep(name: str, drawn: Drawn) -> None:
        save(drawn, folder.report / f"{name}.png")
        captions[name] = drawn.caption

    with styled():
        if read_looks(trained):
            keep("convergence", draw_churn(trained))
        keep("maps", draw_maps_of_models(two))
        if trained.table("signatures/tags", columns=["tag"]).num_rows:
            keep("pos", draw_boxes(two, by="pos"))
        by = _polarity(trained, facts)
        if by is not None:
            keep("polarity", draw_boxes(runs, by=by))
            keep("polarity-curves", draw_curves(runs, by=by))
        if len(trained.manifest["model"]["sites"]) > 1:
            keep("same-index", draw_heat_map(trained, by="length"))
        keep("diversity", draw_diversity(trained))
        keep("groups", draw_groups(trained, layer=middle_layer(trained)))
    return captions
