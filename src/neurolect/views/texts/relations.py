"""What relating the neurons of a run has found, in a few lines."""

from typing import Any

import pyarrow.compute as pc

from neurolect.store import Run
from neurolect.views.texts.bars import number, percent
from neurolect.visible import quoted


def relations_facts(run: Run) -> dict[str, Any]:
    """Gather the main figures.

    Returns: ``clusters`` (rows of ``relations/clusters``), ``redundancy`` (rows for the whole run), ``same_index``
        (strongest first), ``diversity`` (one row a layer, at the largest number of groups that all have),
        ``n_groups`` (by correlation; null where not made), ``maps`` (methods), ``folder``. Fit for ``json.dumps``.
    """
    redundancy = run.table("relations/redundancy")
    same = run.table("relations/same_index")
    groups = run.table("relations/responses").column("correlation_group")
    diversity = run.table("relations/diversity")
    largest = pc.max(diversity.column("k")).as_py()
    return {
        "folder": str(run.folder),
        "clusters": run.table("relations/clusters").to_pylist(),
        "redundancy": redundancy.filter(pc.is_null(redundancy.column("layer"))).to_pylist(),
        "maps": run.table("relations/maps").column("method").unique().to_pylist(),
        "n_groups": None if groups.null_count else int(pc.max(groups).as_py()) + 1,
        "same_index": same.sort_by([("correlation", "descending")]).to_pylist(),
        "diversity": diversity.filter(pc.equal(diversity.column("k"), largest)).to_pylist() if largest else [],
    }


def relations_text(facts: dict[str, Any]) -> str:
    """Lay them out as text."""
    lines = [*_clusters(facts["clusters"]), *_redundancy(facts), *_same_index(facts["same_index"])]
    lines += _diversity(facts["diversity"])
    folder = quoted(facts["folder"])
    lines += ["", "Next:", f"  neurolect rank {folder} --by pos"]
    if facts["maps"]:
        atlas = f"embedding-atlas {folder}/relations/neurons.parquet --text description --x x --y y"
        lines += [f"  neurolect plot {folder} map --out map.png", f"  {atlas} --neighbors neighbors"]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _clusters(rows: list[dict[str, Any]]) -> list[str]:
    """Tell how well clusters of neuron vectors agree with layers, sites and sides."""
    if not rows:
        return ["Clusters: nothing to compare them with (one layer, one site, one side)."]
    lines = ["Clusters of neurons by their sentences (k-means), agreement with what is known of the neurons:"]
    heads = f"  {'lists':<8}{'grouping':<10}{'groups':>6}{'k':>5}  {'accuracy':>8}"
    lines.append(f"{heads}  {'95 % interval':<16}{'by chance':<10}{'p':>6}")
    for row in rows:
        kind = "" if row["vectors"] == "words" else f"  ({row['vectors']} vectors)"
        interval = f"{row['low']:.1%} to {row['high']:.1%}"
        what = f"  {row['lists']:<8}{row['grouping']:<10}{row['n_groups']:>6}{row['k']:>5}"
        accuracy = f"  {row['accuracy']:>8.1%}  {interval:<16}{row['chance']:<10.1%}"
        lines.append(f"{what}{accuracy}{number(row['p']):>6}{kind}")
    return lines


def _redundancy(facts: dict[str, Any]) -> list[str]:
    """Tell how many neurons have a twin."""
    lines = ["", "Neurons with a twin (absolute correlation over the sample), and groups of neurons alike:"]
    lines.append(f"  {'correlation':<13}{'anywhere':>9}{'same layer':>12}{'could be dropped':>18}")
    for row in facts["redundancy"]:
        dropped = "-" if row["share_redundant"] is None else percent(row["share_redundant"])
        lines.append(
            f"  {'>= ' + format(row['threshold'], '.2f'):<13}{percent(row['share_with_twin']):>9}"
            f"{percent(row['share_with_twin_in_layer']):>12}{dropped:>18}"
        )
    return lines


def _same_index(rows: list[dict[str, Any]]) -> list[str]:
    """Tell what a dimension keeps from layer to layer."""
    rows = [row for row in rows if row["correlation"] is not None]
    if not rows:
        return []
    sites = list(dict.fromkeys(row["site"] for row in rows))
    lines = ["", "The same index in different layers (mean rank correlation; chance is near 0):"]
    lines.append(f"  {'number':<26}{'side':<8}{'all pairs':>9}{'neighbouring':>14}{'chance within':>15}{'p':>8}")
    for row in [row for site in sites for row in _strongest(rows, site, 8 if len(sites) == 1 else 4)]:
        chance = f"\u00b1{max(abs(row['chance_low']), abs(row['chance_high'])):.3f}"
        site = "" if len(sites) == 1 else f"  {row['site']}"
        lines.append(
            f"  {row['number']:<26}{row['side']:<8}{row['correlation']:>9.2f}{row['neighbouring']:>14.2f}"
            f"{chance:>15}{row['p']:>8.3f}{site}"
        )
    return lines


def _strongest(rows: list[dict[str, Any]], site: str, n: int) -> list[dict[str, Any]]:
    """Take one site's first rows; the width of sites differs, so each is held against itself."""
    here = [row for row in rows if row["site"] == site]
    # fields that few lists have values of compare few indices: they are in the table, not here
    most = max(row["n_indices"] for row in here)
    return [row for row in here if 2 * row["n_indices"] >= most][:n]


def _diversity(rows: list[dict[str, Any]]) -> list[str]:
    """Tell how much the sentences of each layer differ."""
    rows = [row for row in rows if row["side"] == rows[0]["side"]] if rows else []
    if not rows:
        return []
    lines = [
        "",
        f"Diversity of each layer's strongest sentences (error of k-means a sentence, k = {rows[0]['k']}):",
    ]
    error = [row["sse"] / max(row["n_sentences"], 1) for row in rows]
    for row, each in zip(rows, error, strict=True):
        bar = "#" * round(40 * each / max(max(error), 1e-12))
        lines.append(f"  {row['site'] + ' ' + str(row['layer']):<10}{each:>7.3f}  {bar}")
    return lines
