"""The verbs that do the work: prepare, collect, merge, describe, run, subset, export, demo."""

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
    refuse_given,
    run_folder,
    with_ending,
)
from neurolect.cli.printing import echo_next, make_progress, print_next, print_notices
from neurolect.visible import quoted


@app.command()
def prepare(
    sources: Annotated[list[str], typer.Argument(help="Files, folders, globs, URLs, or hf:NAME[:CONFIG][:SPLIT].")],
    out: Annotated[str, typer.Option(help="The corpus folder to write, or its URL.")],
    sample: Annotated[
        int | None, typer.Option(min=1, help="Documents of a uniform sample; all when not given.")
    ] = None,
    unit: Annotated[
        str | None, typer.Option(help="What is read at once: sentence, paragraph, document or window.")
    ] = None,
    tokenizer: Annotated[
        str | None,
        typer.Option(
            help="Cut windows by this model's tokens; drop sentences of under 3 of them, not words.",
            metavar="MODEL",
        ),
    ] = None,
    config: Config = None,
    settings: Settings = None,
    workers: Workers = CORES,
) -> None:
    """Turn documents into sentences or windows, with metadata."""
    from neurolect.corpus import prepare

    asked = {"sample": sample, "unit": unit, "tokenizer": tokenizer}
    given = [f"prepare.{name}={value}" for name, value in asked.items() if value is not None]
    made_with = read_config(config, [*(settings or ()), *given]).prepare
    corpus = prepare(sources, out=out, options=made_with, workers=workers, progress=make_progress())
    echo(f"{corpus.n_sentences:,} {made_with.unit}s in {out}, {corpus.n_held_out:,} of them held out.")
    echo_next(f"neurolect collect MODEL {quoted(out)} --out RUN")


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
    echo_next(f"neurolect describe {quoted(out)}")


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
    echo_next(f"neurolect describe {quoted(out)}")


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
def subset(
    run: RunFolder,
    out: Annotated[str, typer.Option(help="The corpus folder to write.")],
    sentences: Annotated[int, typer.Option(min=2, help="Sentences of it, held-out ones not counted.")] = 2_000,
    corpus: Annotated[str | None, typer.Option(help="Where the run's corpus is, if it has moved.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the half that is a uniform choice.")] = 0,
) -> None:
    """Write a small corpus that keeps what a run found.

    Half of it is a uniform choice of sentences, half are those that the run's lists need most.
    """
    from neurolect.finding import subset

    made = subset(run, out=out, sentences=sentences, corpus=corpus, seed=seed)
    echo(f"{made.n_mining:,} sentences in {out}, and {made.n_held_out:,} held out.")
    echo_next(f"neurolect collect MODEL {quoted(out)} --out RUN")


@app.command()
def export(
    run: RunFolder,
    out: Annotated[Path, typer.Option(help="The folder; of a neuron a .jsonl or .parquet file.")],
    neuron: Annotated[
        str | None, typer.Argument(help="A neuron, e.g. hidden.6.200, whose list is written.", metavar="NEURON")
    ] = None,
    to: Annotated[
        str | None, typer.Option(help="The run as: site (pages), parquet (tables), dataset (with a card).")
    ] = None,
    also: Annotated[
        list[Path] | None, typer.Option(help="Of a site: further runs, judges, protocols, comparisons.")
    ] = None,
    side: Annotated[str, typer.Option(help="Of a neuron: top or bottom.")] = "top",
    match: Annotated[
        list[str] | None, typer.Option(help="A field that negatives have the same value of; may be repeated.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many sentences of the list.")] = None,
    signature: Annotated[
        bool,
        typer.Option("--signature", help="Sentences of the sample that hold what the name says, not the list."),
    ] = False,
    workers: Workers = CORES,
) -> None:
    """Write a run for others, or one list as labelled data.

    A site opens by a double click. Of a neuron each sentence of the list is followed by one of the sample that is
    not in it, matched in length.
    """
    if (neuron is None) == (to is None):
        what = "Give a NEURON, or --to site, parquet or dataset."
        raise typer.BadParameter(what)
    if to is not None:
        from neurolect.explorer import export_folder

        refuse_given({"--match": match, "--limit": limit, "--signature": signature}, of="--to")
        made = export_folder(
            run, to=to, out=out, also=also or (), workers=workers, announce=echo, progress=make_progress()
        )
        echo(f"{made}: open it in any browser." if to == "site" else f"Tables in {made}.")
        return
    from neurolect.finding import export

    refuse_given({"--also": also}, of="a neuron")
    table = export(run, str(neuron), out=out, side=side, match=match or (), limit=limit, signature=signature)
    which = f"{side} signature" if signature else f"{side} list"
    echo(f"{out}: {table.num_rows // 2:,} sentences of the {which} of {neuron}, as many matched ones.")


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="The run folder to write.")] = Path("neurolect-demo"),
    sample: Annotated[
        int | None, typer.Option(min=1, help="Only so many of its 5,096 documents, for less patience.")
    ] = None,
    workers: Workers = CORES,
) -> None:
    """Run all stages on the built-in model and corpus."""
    from neurolect.demo import run_demo

    run_demo(out=out, sample=sample, workers=workers, progress=make_progress(), show=echo)
