"""The command line's app; every verb registers itself with it."""

import logging
from typing import Annotated, Any

import typer
import typer.core

from neurolect.folders.formats import neurolect_version
from neurolect.visible import visible

_HEADS = {
    "stages": "The main job",
    "reading": "Look at a run",
    "relations": "Neurons next to each other",
    "models": "Models next to each other",
    "interventions": "What neurons write and do",
    "probing": "Neurons for a concept",
    "machine": "Help",
}
"""Of the list of verbs, by the module that they come first from."""
_LIKE = {"explorer": "reading", "naming": "reading", "truth": "models"}


class _Verbs(typer.core.TyperGroup):
    """Lists the verbs below heads."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - typer's, not public
        """Write the list."""
        groups: dict[str, list[tuple[str, str]]] = {head: [] for head in _HEADS.values()}
        wide = max(map(len, self.commands))
        for name, verb in self.commands.items():
            # a group of verbs has no function of its own: it is named like its module, or `edit`
            module = verb.callback.__module__.rpartition(".")[2] if verb.callback else _GROUPS[name]
            groups[_HEADS[_LIKE.get(module, module)]].append((f"{name:{wide}}", verb.get_short_help_str(limit=100)))
        for head, verbs in groups.items():
            with formatter.section(head):
                formatter.write_dl(verbs)


_GROUPS = {"edit": "interventions", "probing": "probing"}

app = typer.Typer(
    name="neurolect",
    cls=_Verbs,
    help="Read what every neuron of a language model reads.",
    no_args_is_help=True,
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
    quiet: Annotated[bool, typer.Option("--quiet", help="Neither progress nor notes.")] = False,
) -> None:
    """Read what every neuron of a language model reads."""
    if quiet:
        logging.getLogger("neurolect").setLevel(logging.WARNING)


def echo(text: str, *, err: bool = False, nl: bool = True, colours: bool = False) -> None:
    """Print a text; characters that a terminal would act on are spelled out.

    ``colours``: The text has colours of ours, and what is foreign in it was spelled out before.
    """
    typer.echo(text if colours else visible(text), err=err, nl=nl)
