"""The command line's app; every verb registers itself with it."""

from typing import Annotated

import typer

from neurolect.folders.formats import neurolect_version

app = typer.Typer(
    name="neurolect",
    help="Read what every neuron of a language model reads.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(value: bool) -> None:  # noqa: FBT001 - typer's callback
    """Print the version and leave."""
    if value:
        typer.echo(f"neurolect {neurolect_version()}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Read what every neuron of a language model reads."""
