"""The verb that looks for the papers' findings again: paper."""

from pathlib import Path
from typing import Annotated

import typer

from neurolect.cli.app import app
from neurolect.cli.arguments import CORES, Config, Device, Settings, Workers
from neurolect.cli.printing import make_progress, quoted

_Data = Annotated[list[str] | None, typer.Option(help="Documents to fine-tune on; the corpus's when not given.")]


@app.command()
def paper(
    out: Annotated[Path, typer.Option(help="The folder to write, or to go on with.")],
    model: Annotated[str, typer.Option(help="A model folder, a hub name, or 'minilm' (extra: demo).")] = "minilm",
    corpus: Annotated[
        str | None, typer.Option(help="A corpus folder, or documents; the built-in corpus when not given.")
    ] = None,
    sentiment: Annotated[
        str | None, typer.Option(help="Field of positive and negative; else polarity, sentiment.")
    ] = None,
    sentiment_data: _Data = None,
    category: Annotated[
        str | None, typer.Option(help="Field of the category; else category, topic, group.")
    ] = None,
    category_data: _Data = None,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the texts when fine-tuning, at most.")] = 5,
    texts: Annotated[int | None, typer.Option(min=1, help="Texts to fine-tune on at most; all.")] = None,
    sentences: Annotated[int, typer.Option(min=2, help="Sentences of each set of table 3 at most.")] = 10_000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all that is random.")] = 0,
    until: Annotated[
        str, typer.Option(help="Last step: data, variants, collect, compare, describe, relate, report.")
    ] = "report",
    config: Config = None,
    settings: Settings = None,
    device: Device = "cpu",
    workers: Workers = CORES,
) -> None:
    """Look for the papers' findings again: variants, runs, comparisons, and a report with verdicts."""
    from neurolect.config import load_config
    from neurolect.paper import PaperOptions, reproduce
    from neurolect.paper.steps import PAPER_DEFAULTS

    report = reproduce(
        out=out,
        options=PaperOptions(
            model=model,
            corpus=corpus,
            sentiment=sentiment,
            sentiment_data=tuple(sentiment_data or ()),
            category=category,
            category_data=tuple(category_data or ()),
            epochs=epochs,
            texts=texts,
            sentences=sentences,
            seed=seed,
            until=until,
        ),
        config=load_config(config, settings=settings or (), defaults=PAPER_DEFAULTS),
        device=device,
        workers=workers,
        progress=make_progress(),
    )
    typer.echo(f"Done until {until}: {quoted(out)}" if report is None else f"Report: {quoted(report)}")
