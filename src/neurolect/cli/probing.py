"""The verbs that find neurons for a concept from labelled data: probing activations."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from neurolect.cli.app import app, echo
from neurolect.cli.arguments import Config, Device, Model, Settings, read_config
from neurolect.cli.printing import make_progress, print_notices

probing_app = typer.Typer(help="Find neurons for a concept from labelled data.", no_args_is_help=True)
app.add_typer(probing_app, name="probing")


class Aggregate(StrEnum):
    """Which of a word's tokens it is read at."""

    last = "last"
    first = "first"
    mean = "mean"


class Balance(StrEnum):
    """How classes are evened out."""

    auto = "auto"
    none = "none"
    undersample = "undersample"
    weights = "weights"


_Labelled = Annotated[
    list[str],
    typer.Argument(help="CoNLL columns, Parquet, JSON lines, CSV or texts; globs.", metavar="LABELLED..."),
]
_Concept = Annotated[
    str, typer.Option(help="A column, COLUMN=VALUE, arcs, suffix, a ready set, words=a,b ...; docs/probing.md.")
]
_Sites = Annotated[str | None, typer.Option(help="hidden, mlp, attn, head, separated by commas; default: hidden.")]
_Layers = Annotated[str | None, typer.Option(help="Blocks, separated by commas, from 1; default: all.")]


@probing_app.command()
def activations(
    model: Model,
    labelled: _Labelled,
    out: Annotated[Path, typer.Option(help="The folder to write, or to resume.")],
    concept: _Concept,
    sites: _Sites = None,
    layers: _Layers = None,
    aggregate: Annotated[
        Aggregate | None, typer.Option(help="Token of a word: last (default), first, mean.")
    ] = None,
    balance: Annotated[
        Balance | None, typer.Option(help="auto, none, undersample or weights; default: auto.")
    ] = None,
    config: Config = None,
    settings: Settings = None,
    device: Device = "cpu",
) -> None:
    """Read neurons at labelled words, pairs or sentences.

    Parts, limits and number format: --set activations.train=0.8, min_train, min_test, limit, dtype, seed ...
    """
    from neurolect.probing import read_activations
    from neurolect.views.texts.activations import activations_text

    asked = {
        "model.sites": sites,
        "model.layers": layers,
        "activations.aggregate": aggregate,
        "activations.balance": balance,
    }
    given = [f"{name}={value}" for name, value in asked.items() if value is not None]
    options = read_config(config, [*(settings or ()), *given])
    store = read_activations(
        model,
        labelled,
        out=out,
        concept=concept,
        options=options.activations,
        model_options=options.model,
        device=device,
        progress=make_progress(),
    )
    echo(activations_text(store), nl=False)
    print_notices(store.manifest["notices"])
