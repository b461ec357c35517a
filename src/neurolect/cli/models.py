"""The verbs between models: variant."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from neurolect.cli.app import app
from neurolect.cli.arguments import Config, Model, Settings, read_config
from neurolect.cli.printing import make_progress, quoted


class Kind(StrEnum):
    """What is done to the model."""

    random = "random"


@app.command()
def variant(
    model: Model,
    kind: Annotated[Kind, typer.Argument(help="random: all but the word embeddings drawn anew.")],
    out: Annotated[Path, typer.Option(help="The model folder to make.")],
    seed: Annotated[int, typer.Option(min=0, help="Seed of what is drawn.")] = 0,
    config: Config = None,
    settings: Settings = None,
) -> None:
    """Make a model to compare a model with."""
    from neurolect.variants import random_variant

    options = read_config(config, settings).model
    made = random_variant(model, out=out, seed=seed, options=options, progress=make_progress())
    typer.echo(f"Kept: {', '.join(made.kept)} ({made.n_kept:,} numbers).")
    drawn = f"Drawn anew by {made.architecture}, seed {seed}: {len(made.redrawn)} parameters"
    typer.echo(f"{drawn} ({made.n_redrawn:,} numbers), {len(made.constant)} of them constant (biases, norms).")
    typer.echo(f"Their names: {out / 'variant.json'}")
    typer.echo(f"Next: neurolect collect {quoted(out)} CORPUS --out RUN")
