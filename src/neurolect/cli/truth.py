"""The verbs that ask whether signatures are true: fidelity, stability."""

from pathlib import Path
from typing import Annotated

import typer

from neurolect.cli.app import app
from neurolect.cli.arguments import CORES, Config, Device, Format, Output, RunFolder, Settings, Workers, read_config
from neurolect.cli.printing import as_json, make_progress


@app.command()
def fidelity(
    run: RunFolder,
    against: Annotated[Path | None, typer.Option(help="A second corpus to score on.", metavar="CORPUS")] = None,
    control: Annotated[
        Path | None, typer.Option(help="A scored run of the same model with random weights.", metavar="RUN")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Where the run's model lies, if it has to read more.")] = None,
    device: Device = "cpu",
    config: Config = None,
    settings: Settings = None,
    workers: Workers = CORES,
    output: Output = Format.text,
) -> None:
    """Score signatures on held-out sentences, and show how true they are layer by layer."""
    from neurolect.fidelity.second_corpus import load_model_of, pool_held_out_of, score_against
    from neurolect.fidelity.stage import score_signatures
    from neurolect.store import open_run
    from neurolect.views.fidelity_text import fidelity_of_run, fidelity_text

    opened, progress = open_run(run), make_progress()
    loaded = load_model_of(opened, model, device=device) if model or against else None
    if loaded is not None:
        pool_held_out_of(opened, loaded, progress=progress)
    scored = score_signatures(
        opened, options=read_config(config, settings).fidelity, workers=workers, progress=progress
    )
    if control is not None:
        from neurolect.fidelity.random_control import compare_with_random

        scored = compare_with_random(scored, open_run(control))
    if against is not None and loaded is not None:
        from neurolect.corpus import open_corpus

        score_against(scored, open_corpus(against), loaded, workers=workers, progress=progress)
        scored = open_run(run)
    made = fidelity_of_run(scored)
    typer.echo(as_json(made) if output is Format.json else fidelity_text(made))
