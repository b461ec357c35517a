"""The verbs that ask whether signatures are true: fidelity, stability."""

from pathlib import Path
from typing import Annotated

import typer

from neurolect.cli.app import app
from neurolect.cli.arguments import (
    CORES,
    Config,
    Device,
    Format,
    Output,
    RankingFile,
    RankingFormat,
    RankingOutput,
    RunFolder,
    Settings,
    Workers,
    read_config_of,
)
from neurolect.cli.printing import as_json, make_progress, print_ranking


@app.command()
def fidelity(
    run: RunFolder,
    against: Annotated[Path | None, typer.Option(help="A second corpus to score on.", metavar="CORPUS")] = None,
    control: Annotated[
        Path | None, typer.Option(help="A scored run of the same model with random weights.", metavar="RUN")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Where the run's model lies, if it has to read more.")] = None,
    device: Device = "cpu",
    figure: Annotated[Path | None, typer.Option(help="Draw it by layer into this SVG file.", metavar="SVG")] = None,
    config: Config = None,
    settings: Settings = None,
    workers: Workers = CORES,
    output: Output = Format.text,
) -> None:
    """Score signatures on held-out sentences, and show how true they are layer by layer."""
    from neurolect.fidelity import score_fidelity
    from neurolect.views.fidelity_text import fidelity_of_run, fidelity_text

    scored = score_fidelity(
        run,
        options=read_config_of(run, config, settings).fidelity,
        control=control,
        against=against,
        model=model,
        device=device,
        workers=workers,
        progress=make_progress(),
    )
    made = fidelity_of_run(scored)
    if figure is not None:
        from neurolect.atomic import write_text
        from neurolect.views.fidelity_figure import fidelity_figure

        write_text(figure, fidelity_figure(made))
    typer.echo(as_json(made) if output is Format.json else fidelity_text(made))


@app.command(name="stability")
def show_stability(
    run: RunFolder,
    other: Annotated[Path, typer.Argument(help="A run of the same model on another corpus.", metavar="OTHER")],
    out: RankingFile = None,
    output: RankingOutput = RankingFormat.text,
) -> None:
    """Say how many neurons have the same signature on another corpus."""
    from neurolect.fidelity import stability
    from neurolect.views.fidelity_text import stability_text

    table = stability(run, other)
    print_ranking(table, text=stability_text(table) + "\n", output=output, out=out)
