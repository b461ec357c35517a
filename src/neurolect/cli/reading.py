"""The verbs that show what was found: show, find, convergence, report, verify."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from neurolect.cli.app import app, echo
from neurolect.cli.arguments import (
    CORES,
    Format,
    Output,
    RankingFile,
    RankingFormat,
    RankingOutput,
    RunFolder,
    Workers,
)
from neurolect.cli.printing import as_json, make_progress, print_ranking, width, write_figure
from neurolect.errors import OptionError


@app.command()
def show(
    run: RunFolder,
    neuron: Annotated[str, typer.Argument(help="A neuron's address, e.g. hidden.6.200.")],
    output: Output = Format.text,
) -> None:
    """Show one neuron's card."""
    from neurolect.store import open_run
    from neurolect.views import card, card_text

    made = card(open_run(run).neuron(neuron))
    if output is Format.json:
        echo(as_json(made))
    else:
        echo(card_text(made, width=width(), colour=sys.stdout.isatty()), colours=True)


@app.command()
def find(
    run: RunFolder,
    word: Annotated[str | None, typer.Option(help="A word, or several side by side; in any case.")] = None,
    pattern: Annotated[
        str | None, typer.Option(help="Words and <TAGS> in order; * skips a few words: 'united * states'.")
    ] = None,
    regex: Annotated[str | None, typer.Option(help="A regular expression that a sentence's text matches.")] = None,
    where: Annotated[str | None, typer.Option(help="A condition on metadata: field=value, year>=1990.")] = None,
    has: Annotated[
        str | None,
        typer.Option(
            help="A label of any kind: tags='DT JJ NN', subtrees='VBD(NN(DT) IN)'; writes=TOKEN.",
            metavar="KIND=LABEL",
        ),
    ] = None,
    examples: Annotated[
        Path | None, typer.Option(help="A file of sentences, one a line: what responds to these?")
    ] = None,
    side: Annotated[str | None, typer.Option(help="top or bottom; both when not given.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Neurons to name.")] = 10,
    output: RankingOutput = RankingFormat.text,
    out: RankingFile = None,
) -> None:
    """Find the neurons whose lists have the most of something.

    Several things have to be in one sentence.
    """
    asked = {"word": word, "pattern": pattern, "regex": regex, "where": where}
    asked["has"] = has
    if examples is None and not any(asked.values()):
        # as typer says of any other wrong use
        options = ", ".join(f"--{name}" for name in [*asked, "examples"])
        what = f"A search has to be for something: give one of {options}."
        raise typer.BadParameter(what)
    from neurolect.finding import find
    from neurolect.views.texts.rankings import found_text

    lines = None if examples is None else _lines_of(examples)
    table = find(run, **asked, examples=lines, side=side, limit=limit)
    print_ranking(table, text=found_text(table, width=width()) + "\n", output=output, out=out)


def _lines_of(path: Path) -> list[str]:
    """Read the sentences of a file, one a line."""
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        what = f"{path} is not text in UTF-8: byte {error.object[error.start]:#04x} at place {error.start}."
        raise OptionError(what, expected="a text file with a sentence on each line") from error


@app.command(name="convergence")
def show_convergence(
    run: RunFolder,
    figure: Annotated[Path | None, typer.Option(help="Draw it into this SVG file.", metavar="SVG")] = None,
    output: Output = Format.text,
) -> None:
    """Show how many list entries still changed during the pass.

    Also how much of the lists' evidence was kept from look to look.
    """
    from neurolect.views import convergence
    from neurolect.views.texts.convergence import convergence_text

    made = convergence(run)
    echo(as_json(made) if output is Format.json else convergence_text(made))
    if figure is not None:
        from neurolect.store import open_run
        from neurolect.views.report.convergence import convergence_picture

        write_figure(figure, convergence_picture(open_run(run)))


@app.command()
def corpus(
    folder: Annotated[str, typer.Argument(help="A corpus folder or a run folder, or its URL.", metavar="CORPUS")],
    field: Annotated[
        str | None, typer.Option(help="By this field only; else by every category of at most 50 values.")
    ] = None,
    tokenizer: Annotated[str | None, typer.Option(help="Count this model's tokens too.", metavar="MODEL")] = None,
    out: RankingFile = None,
    output: RankingOutput = RankingFormat.text,
) -> None:
    """Show sentences, lengths and parts of speech by domain.

    Of a run its uniform sample is counted, with shares of nouns, verbs and adjectives where a tagger was at it.
    """
    from neurolect.results import corpus_statistics
    from neurolect.views.texts.domains import domains_text

    table = corpus_statistics(folder, field=field, tokenizer=tokenizer)
    print_ranking(table, text=domains_text(table, width=width()), output=output, out=out)


@app.command()
def report(
    run: RunFolder,
    out: Annotated[Path, typer.Option(help="The HTML file to write.")],
    workers: Workers = CORES,
) -> None:
    """Write the run as one page with a card of every neuron.

    Where that would be more than 40 MB, the cards go into a folder next to it.
    """
    from neurolect.explorer import write_report

    write_report(run, out, workers=workers, announce=echo, progress=make_progress())
    echo(f"{out} ({out.stat().st_size / 1e6:.1f} MB): open it in any browser.")


@app.command()
def verify(
    folder: Annotated[
        str,
        typer.Argument(
            help="A run, corpus, probing or any other folder of neurolect's, or its URL.", metavar="FOLDER"
        ),
    ],
    output: Output = Format.text,
) -> None:
    """Check every byte and reference of a folder.

    Says what makes again what is damaged or missing; ends with 1 then.
    """
    from neurolect.verification import verify
    from neurolect.views.texts.verification import verification_json, verification_text

    found = verify(folder)
    echo(as_json(verification_json(found)) if output is Format.json else verification_text(found))
    if found.damaged:
        raise typer.Exit(1)
