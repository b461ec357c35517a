"""The verbs that test what is said: fidelity and stability of signatures, and the papers' findings."""

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import typer

from neurolect.cli.app import app, echo
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
from neurolect.cli.printing import as_json, make_progress, print_ranking, write_figure
from neurolect.visible import quoted


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
    """Score signatures on held-out sentences, layer by layer."""
    from neurolect.fidelity import score_fidelity
    from neurolect.views.texts.fidelity import fidelity_of_run, fidelity_text

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
        from neurolect.views.plots.fidelity import fidelity_figure

        write_figure(figure, fidelity_figure(made))
    echo(as_json(made) if output is Format.json else fidelity_text(made))


@app.command(name="stability")
def show_stability(
    run: RunFolder,
    other: Annotated[Path, typer.Argument(help="A run of the same model on another corpus.", metavar="OTHER")],
    out: RankingFile = None,
    output: RankingOutput = RankingFormat.text,
) -> None:
    """Compare the signatures of one model on two corpora."""
    from neurolect.fidelity import stability
    from neurolect.views.texts.fidelity import stability_text

    table = stability(run, other)
    print_ranking(table, text=stability_text(table) + "\n", output=output, out=out)


_Model = Annotated[str | None, typer.Option(help="A model folder, a hub name, or 'minilm' (extra: demo; default).")]
_Corpus = Annotated[
    str | None, typer.Option(help="A corpus folder, or documents; the built-in corpus when not given.")
]
_Sentiment = Annotated[str | None, typer.Option(help="Field of positive and negative; else polarity, sentiment.")]
_Category = Annotated[str | None, typer.Option(help="Field of the category; else category, topic, group.")]
_Until = Annotated[
    str | None, typer.Option(help="Last step: data, variants, collect, compare, describe, relate, report.")
]


@app.command()
def paper(
    out: Annotated[Path, typer.Option(help="The folder to write, or to resume.")],
    model: _Model = None,
    corpus: _Corpus = None,
    sentiment: _Sentiment = None,
    category: _Category = None,
    until: _Until = None,
    config: Config = None,
    settings: Settings = None,
    device: Device = "cpu",
    workers: Workers = CORES,
) -> None:
    """Replicate the papers' findings, with a verdict on each.

    It makes variants, runs, comparisons and a report.

    Other choices: --set paper.sentiment_data=reviews.csv, paper.epochs, paper.texts, paper.sentences, paper.seed.
    """
    from neurolect.config import load_tables
    from neurolect.paper import reproduce_paper
    from neurolect.paper.options import PaperConfig
    from neurolect.paper.steps import PAPER_DEFAULTS

    tables = load_tables(PaperConfig, config, settings=settings or (), defaults=PAPER_DEFAULTS)
    flags = {"model": model, "corpus": corpus, "sentiment": sentiment, "category": category, "until": until}
    given: dict[str, Any] = {name: value for name, value in flags.items() if value is not None}
    options = dataclasses.replace(tables.paper, **given)
    report = reproduce_paper(
        out=out, options=options, config=tables, device=device, workers=workers, progress=make_progress()
    )
    echo(f"Done until {options.until}: {quoted(out)}" if report is None else f"Report: {quoted(report)}")
