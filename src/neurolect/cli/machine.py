"""Verbs about the tool itself: options, doctor."""

import textwrap
from pathlib import Path
from typing import Annotated

import typer

from neurolect.cli.app import app, echo
from neurolect.cli.arguments import RankingFormat, RankingOutput
from neurolect.cli.printing import print_rows, width


@app.command()
def options(
    wanted: Annotated[
        str | None,
        typer.Argument(help="A stage, an option, or a word of its text.", metavar="STAGE"),
    ] = None,
    output: RankingOutput = RankingFormat.text,
) -> None:
    """List every option for --set: values, default, meaning."""
    from neurolect.config import find_options, option_rows

    rows = find_options(wanted) if wanted else option_rows()
    if output is not RankingFormat.text:
        print_rows([row._asdict() for row in rows], text="", output=output)
        return
    for row in rows:
        echo(f"{row.name} = {row.default}")
        if wanted:
            for text in (f"{row.values[0].upper()}{row.values[1:]}.", row.meaning):
                echo(textwrap.fill(text, width(), initial_indent="    ", subsequent_indent="    "))
    if not wanted:
        stages = dict.fromkeys(row.name.partition(".")[0] for row in rows)
        echo(f"\nWhat they mean: neurolect options STAGE, one of {', '.join(stages)}; or a word.")


@app.command()
def doctor(
    folder: Annotated[Path, typer.Argument(help="Where runs will be written.")] = Path(),
    output: RankingOutput = RankingFormat.text,
) -> None:
    """Say what is installed, what is missing, and how to get it."""
    from neurolect.doctor import examine, findings_text

    found = examine(folder)
    print_rows([each._asdict() for each in found], text=findings_text(found) + "\n", output=output)
    if any(not each.ok for each in found if each.group in ("needed", "disk")):
        raise typer.Exit(1)
