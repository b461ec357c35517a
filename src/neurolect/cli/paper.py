"""The verb that looks for the papers' findings again: paper."""

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import typer

from neurolect.cli.app import app
from neurolect.cli.arguments import CORES, Config, Device, Settings, Workers
from neurolect.cli.printing import make_progress, quoted

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
    """Look for the papers' findings again: variants, runs, comparisons, and a report with verdicts.

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
    typer.echo(f"Done until {options.until}: {quoted(out)}" if report is None else f"Report: {quoted(report)}")
