"""The command line's app; every verb registers itself with it."""

from typing import Annotated

import typer

from neurolect.folders.formats import neurolect_version
from neurolect.visible import visible

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
        echo(f"neurolect {neurolect_version()}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Read what every neuron of a language model reads."""


def echo(text: str, *, err: bool = False, nl: bool = True, colours: bool = False) -> None:
    """Print a text; characters that a terminal would act on are spelled out.

    ``colours``: The text has colours of ours, and what is foreign in it was spelled out before.
    """
    typer.echo(text if colours else visible(text), err=err, nl=nl)
