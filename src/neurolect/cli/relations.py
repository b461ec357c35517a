"""The verbs between neurons: relate, rank, plot."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from neurolect.cli.app import app
from neurolect.cli.arguments import CORES, Config, Format, Output, RunFolder, Settings, Workers, read_config_of
from neurolect.cli.printing import as_json, make_progress, width

FIGURE_NAMES = "map, ranks, curve, heatmap, same-index, clusters, diversity, groups or redundancy."
By = Annotated[
    str,
    typer.Option(
        help="pos, tag, length, field=NAME, or any number of a signature, e.g. noun_share, polysemy, auroc; "
        "another name lists them all."
    ),
]
Value = Annotated[str | None, typer.Option(help="One part of speech, or one value of the field.")]
Layer = Annotated[int | None, typer.Option(help="Only this layer's neurons.")]


class RankFormat(StrEnum):
    """How a ranking is printed."""

    text = "text"
    json = "json"
    csv = "csv"


@app.command()
def relate(
    run: RunFolder,
    config: Config = None,
    settings: Settings = None,
    workers: Workers = CORES,
    output: Output = Format.text,
) -> None:
    """Relate all neurons to each other: vectors, clusters, maps, twins, nearest neighbours."""
    from neurolect.relations import relate
    from neurolect.views.relations_text import relations_facts, relations_text

    options = read_config_of(run, config, settings).relate
    related = relate(run, options=options, workers=workers, progress=make_progress())
    facts = relations_facts(related)
    typer.echo(as_json(facts) if output is Format.json else relations_text(facts), nl=output is Format.json)


@app.command()
def rank(
    run: RunFolder,
    by: By,
    value: Value = None,
    side: Annotated[str | None, typer.Option(help="top or bottom; both when not given.")] = None,
    layer: Layer = None,
    site: Annotated[str | None, typer.Option(help="Only this site's neurons: hidden, mlp, ...")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Rows to print.")] = 20,
    output: Annotated[
        RankFormat, typer.Option("--format", help="text, json, or csv: the rows alone.")
    ] = RankFormat.text,
) -> None:
    """Rank neurons by a number, and show where each layer stands."""
    from neurolect.relations.ranking import rank_neurons
    from neurolect.store import open_run
    from neurolect.views.ranking_text import ranking_csv, ranking_text

    made = rank_neurons(open_run(run), by=by, value=value, side=side, layer=layer, site=site, limit=limit)
    if output is RankFormat.csv:
        typer.echo(ranking_csv(made), nl=False)
    elif output is RankFormat.json:
        layers = [each._asdict() for each in made.layers]
        plain = {"by": made.label, "n_ranked": made.n_ranked, "notes": made.notes}
        typer.echo(as_json(plain | {"rows": made.table.to_pylist(), "layers": layers}))
    else:
        typer.echo(ranking_text(made, width=width()), nl=False)


@app.command()
def plot(
    run: RunFolder,
    figure: Annotated[str, typer.Argument(help=FIGURE_NAMES)],
    out: Annotated[Path, typer.Option(help="The file to write: .png, .svg, .pdf or .html.")],
    by: Annotated[
        str | None, typer.Option(help="The number to show, as for rank; map also takes layer, site and cluster.")
    ] = None,
    value: Value = None,
    side: Annotated[str, typer.Option(help="top or bottom.")] = "top",
    layer: Layer = None,
    method: Annotated[str | None, typer.Option(help="tsne or umap, where the run has both maps.")] = None,
    site: Annotated[
        str | None, typer.Option(help="heatmap, same-index: whose neurons; the run's first site.")
    ] = None,
) -> None:
    """Draw a figure of a related run."""
    from neurolect.views.plots import plot

    plot(run, figure, out=out, by=by, value=value, side=side, layer=layer, method=method, site=site)
    typer.echo(f"{out}: {figure}")
