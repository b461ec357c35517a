"""The verbs that do the work: prepare, collect, merge, describe, run, demo."""

from pathlib import Path
from typing import Annotated

import typer

from neurolect.cli.app import app, echo
from neurolect.cli.arguments import (
    CORES,
    Config,
    Device,
    Engine,
    MaxSeconds,
    Model,
    RunFolder,
    Settings,
    StopWhen,
    Workers,
    read_config,
    read_config_of,
    run_folder,
    with_ending,
)
from neurolect.cli.printing import make_progress, print_next, print_notices
from neurolect.visible import quoted


@app.command()
def prepare(
    sources: Annotated[list[str], typer.Argument(help="Files, folders, globs, URLs, or hf:NAME[:CONFIG][:SPLIT].")],
    out: Annotated[str, typer.Option(help="The corpus folder to write, or its URL.")],
    config: Config = None,
    settings: Settings = None,
    workers: Workers = CORES,
) -> None:
    """Turn documents into sentences with metadata."""
    from neurolect.corpus import prepare

    made_with = read_config(config, settings).prepare
    corpus = prepare(sources, out=out, options=made_with, workers=workers, progress=make_progress())
    echo(f"{corpus.n_sentences:,} sentences in {out}, {corpus.n_held_out:,} of them held out.")
    echo(f"Next: neurolect collect MODEL {quoted(out)} --out RUN")


@app.command()
def collect(
    model: Model,
    corpus: Annotated[str, typer.Argument(help="A corpus folder, or its URL.", metavar="CORPUS")],
    out: Annotated[str, typer.Option(help="The run folder to write, or to resume, or its URL.")],
    config: Config = None,
    settings: Settings = None,
    device: Device = "cpu",
    shard: Annotated[str | None, typer.Option(help="i/n: read only this share, i from 0; then merge.")] = None,
    engine: Annotated[
        Engine, typer.Option(help="local: several processes of this machine; ray: a Ray cluster (extra: ray).")
    ] = Engine.one,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Shards of --engine local or ray; default: one a GPU or machine.")
    ] = None,
    ray_address: Annotated[
        str | None, typer.Option(help="Cluster of --engine ray: auto, HOST:PORT; default: this machine's.")
    ] = None,
    stop_when: StopWhen = None,
    max_seconds: MaxSeconds = None,
) -> None:
    """Find the sentences that activate each neuron most."""
    from neurolect.collector import collect

    options = read_config(config, with_ending(settings, stop_when=stop_when, max_seconds=max_seconds))
    run = collect(
        model,
        corpus,
        out=out,
        options=options.collect,
        model_options=options.model,
        device=device,
        engine=engine.value,
        workers=workers,
        ray_address=ray_address,
        shard=shard,
        progress=make_progress(),
    )
    if shard is not None:
        echo(f"Shard {shard} in {out}. Once all are there: neurolect merge SHARD... --out RUN")
        return
    echo(f"Lists of {run.n_neurons:,} neurons in {out}.")
    print_notices(run.manifest["notices"])
    echo(f"Next: neurolect describe {quoted(out)}")


@app.command()
def merge(
    runs: Annotated[
        list[Path],
        typer.Argument(help="The run folders of all shards, or URLs.", metavar="SHARD...", parser=run_folder),
    ],
    out: Annotated[str, typer.Option(help="The run folder to write, or its URL.")],
    corpus: Annotated[str | None, typer.Option(help="The corpus folder, or its URL, if it was moved.")] = None,
) -> None:
    """Put the shards of a run together."""
    from neurolect.collector import merge

    run = merge(runs, out=out, corpus=corpus, progress=make_progress())
    echo(f"Lists of {run.n_neurons:,} neurons in {out}.")
    print_notices(run.manifest["notices"])
    echo(f"Next: neurolect describe {quoted(out)}")


@app.command()
def describe(run: RunFolder, config: Config = None, settings: Settings = None, workers: Workers = CORES) -> None:
    """Make every neuron's signature from its lists; score it."""
    from neurolect.pipeline import describe_and_score

    options = read_config_of(run, config, settings)
    described = describe_and_score(run, config=options, workers=workers, progress=make_progress())
    echo(f"Signatures of {described.n_neurons:,} neurons in {run}.")
    print_next(described)


@app.command(name="run")
def run_all(
    model: Model,
    sources: Annotated[list[str], typer.Argument(help="Documents as for prepare, or one corpus folder, or URLs.")],
    out: Annotated[str, typer.Option(help="The run folder to write, or to resume, or its URL.")],
    config: Config = None,
    settings: Settings = None,
    device: Device = "cpu",
    workers: Workers = CORES,
    stop_when: StopWhen = None,
    max_seconds: MaxSeconds = None,
    control: Annotated[
        bool, typer.Option("--control", help="Also read the network with random weights, and compare scores.")
    ] = False,
) -> None:
    """Prepare, collect and describe in one."""
    from neurolect.pipeline import run

    options = read_config(config, with_ending(settings, stop_when=stop_when, max_seconds=max_seconds))
    done = run(
        model,
        sources,
        out=out,
        config=options,
        device=device,
        workers=workers,
        control=control,
        progress=make_progress(),
    )
    print_notices(done.manifest["notices"])
    echo(f"Signatures of {done.n_neurons:,} neurons in {out}.")
    print_next(done)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="The run folder to write.")] = Path("neurolect-demo"),
    workers: Workers = CORES,
) -> None:
    """Run all stages on the built-in model and corpus."""
    from neurolect.demo import run_demo

    run_demo(out=out, workers=workers, progress=make_progress(), show=echo)
