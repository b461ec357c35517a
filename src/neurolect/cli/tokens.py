"""The verb that reads sentences again, token by token: tokens."""

from typing import Annotated

import typer

from neurolect.cli.app import app
from neurolect.cli.arguments import Device, RunFolder
from neurolect.cli.printing import make_progress, quoted
from neurolect.store import SIDES


@app.command()
def tokens(
    run: RunFolder,
    neurons: Annotated[str | None, typer.Option(help="Addresses, separated by commas; all when not given.")] = None,
    side: Annotated[str | None, typer.Option(help="top or bottom; both when not given.")] = None,
    sentences: Annotated[int, typer.Option(min=1, help="Sentences of each list that are read again.")] = 20,
    model: Annotated[str | None, typer.Option(help="Where the model is, if it has moved.")] = None,
    device: Device = "cpu",
) -> None:
    """Weigh the words of the strongest sentences by the neuron's activation at them."""
    from neurolect.tokens import read_tokens

    chosen = None if neurons is None else [each.strip() for each in neurons.split(",") if each.strip()]
    done = read_tokens(
        run,
        model=model,
        neurons=chosen,
        sides=SIDES if side is None else (side,),
        n_sentences=sentences,
        device=device,
        progress=make_progress(),
    )
    stage = done.manifest["stages"]["tokens"]
    typer.echo(f"Activations at the tokens of {stage['n_entries']:,} list entries in {run}.")
    shown = chosen[0] if chosen else done.index.address(done.n_neurons // 2)
    typer.echo(f"Next: neurolect show {quoted(run)} {shown}")
