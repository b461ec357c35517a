"""The command line: each verb parses, calls one public function, prints."""

import json
import logging
import os
import shlex
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from neurolect.errors import InterruptedRunError, NeurolectError, OptionError

if TYPE_CHECKING:
    from neurolect.collector.shard import Shard
    from neurolect.config import RunConfig
    from neurolect.progress import Progress
    from neurolect.store import Run

__all__ = ["app", "main"]

app = typer.Typer(
    name="neurolect",
    help="Read what every neuron of a language model reads.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


class Format(StrEnum):
    """How results are printed."""

    text = "text"
    json = "json"


class Engine(StrEnum):
    """Who does the work."""

    one = "one"
    local = "local"


Model = Annotated[str, typer.Argument(help="A model folder, a hub name, or 'minilm' (extra: demo).")]
RunFolder = Annotated[Path, typer.Argument(help="A run folder.", metavar="RUN")]
Config = Annotated[Path | None, typer.Option("--config", help="A TOML file of options, a table for each stage.")]
Settings = Annotated[list[str] | None, typer.Option("--set", help="stage.option=value; may be repeated.")]
Device = Annotated[str, typer.Option(help="Where the model runs: cpu, cuda, cuda:1, mps.")]
Workers = Annotated[int, typer.Option(min=1, help="Processes for reading and annotating; default: all cores.")]
Output = Annotated[Format, typer.Option("--format", help="text or json.")]
_STOPPED = 130  # the exit code of a shell's Ctrl-C
_CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@app.command()
def prepare(
    sources: Annotated[list[str], typer.Argument(help="Files, folders, globs, or hf:NAME[:CONFIG][:SPLIT].")],
    out: Annotated[Path, typer.Option(help="The corpus folder to write.")],
    config: Config = None,
    settings: Settings = None,
    workers: Workers = _CORES,
) -> None:
    """Turn documents into sentences with metadata, once per corpus."""
    from neurolect.corpus import prepare

    corpus = prepare(
        sources, out=out, options=_config(config, settings).prepare, workers=workers, progress=_progress()
    )
    typer.echo(f"{corpus.n_sentences:,} sentences in {out}, {corpus.n_held_out:,} of them held out.")
    typer.echo(f"Next: neurolect collect MODEL {_quoted(out)} --out RUN")


@app.command()
def collect(
    model: Model,
    corpus: Annotated[Path, typer.Argument(help="A corpus folder.", metavar="CORPUS")],
    out: Annotated[Path, typer.Option(help="The run folder to write, or to go on with.")],
    config: Config = None,
    settings: Settings = None,
    device: Device = "cpu",
    shard: Annotated[str | None, typer.Option(help="i/n: read only this share, i from 0; then merge.")] = None,
    engine: Annotated[Engine, typer.Option(help="local: several processes of this machine.")] = Engine.one,
    workers: Annotated[int, typer.Option(min=1, help="Processes of --engine local.")] = 1,
) -> None:
    """Find the sentences that move every neuron most, in one pass."""
    from neurolect.corpus import open_corpus

    options = _config(config, settings)
    opened = open_corpus(corpus)
    share = _shard(shard, engine)
    if engine is Engine.local:
        from neurolect.collector.local import collect_local

        run = collect_local(
            model,
            corpus,
            out=out,
            workers=workers,
            options=options.collect,
            model_options=options.model,
            device=device,
            progress=_progress(),
        )
    else:
        from neurolect.collector import collect
        from neurolect.model import load_model

        loaded = load_model(model, options=options.model, device=device)
        run = collect(loaded, opened, out=out, options=options.collect, progress=_progress(), shard=share)
    if share is not None:
        typer.echo(f"Shard {shard} in {out}. Once all are there: neurolect merge SHARD... --out RUN")
        return
    typer.echo(f"Lists of {run.n_neurons:,} neurons in {out}.")
    _notices(run.manifest["notices"])
    typer.echo(f"Next: neurolect describe {_quoted(out)}")


@app.command()
def merge(
    runs: Annotated[list[Path], typer.Argument(help="The run folders of all shards.", metavar="SHARD...")],
    out: Annotated[Path, typer.Option(help="The run folder to write.")],
    corpus: Annotated[Path | None, typer.Option(help="The corpus folder, if it was moved.")] = None,
) -> None:
    """Put the shards of a run together."""
    from neurolect.collector.merge import merge
    from neurolect.corpus import open_corpus

    opened = None if corpus is None else open_corpus(corpus)
    run = merge(runs, out=out, corpus=opened, progress=_progress())
    typer.echo(f"Lists of {run.n_neurons:,} neurons in {out}.")
    _notices(run.manifest["notices"])
    typer.echo(f"Next: neurolect describe {_quoted(out)}")


@app.command()
def describe(run: RunFolder, config: Config = None, settings: Settings = None, workers: Workers = _CORES) -> None:
    """Make every neuron's signature from its lists."""
    from neurolect.signatures import describe
    from neurolect.store import open_run

    options = _config(config, settings).describe
    described = describe(open_run(run), options=options, workers=workers, progress=_progress())
    typer.echo(f"Signatures of {described.n_neurons:,} neurons in {run}.")
    _next(described)


@app.command(name="run")
def run_all(
    model: Model,
    sources: Annotated[list[str], typer.Argument(help="Documents as for prepare, or one corpus folder.")],
    out: Annotated[Path, typer.Option(help="The run folder to write, or to go on with.")],
    config: Config = None,
    settings: Settings = None,
    device: Device = "cpu",
    workers: Workers = _CORES,
) -> None:
    """Prepare, collect and describe in one."""
    from neurolect.pipeline import run

    options = _config(config, settings)
    done = run(model, sources, out=out, config=options, device=device, workers=workers, progress=_progress())
    _notices(done.manifest["notices"])
    typer.echo(f"Signatures of {done.n_neurons:,} neurons in {out}.")
    _next(done)


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
        typer.echo(_json(made))
    else:
        typer.echo(card_text(made, width=_width(), colour=sys.stdout.isatty()))


@app.command()
def find(
    run: RunFolder,
    word: Annotated[str | None, typer.Option(help="A word, in any case.")] = None,
    tag: Annotated[str | None, typer.Option(help="A Penn part-of-speech tag, e.g. VBD.")] = None,
    where: Annotated[str | None, typer.Option(help="A metadata value: field=value.")] = None,
    side: Annotated[str | None, typer.Option(help="top or bottom; both when not given.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Neurons to name.")] = 10,
    output: Output = Format.text,
) -> None:
    """Find the neurons that respond to a word, a tag or a metadata value."""
    from neurolect.store import open_run
    from neurolect.views import find
    from neurolect.views.found_text import found_text

    table = find(open_run(run), word=word, tag=tag, where=where, side=side, limit=limit)
    typer.echo(_json(table.to_pylist()) if output is Format.json else found_text(table, width=_width()))


@app.command(name="convergence")
def show_convergence(run: RunFolder, output: Output = Format.text) -> None:
    """Show how settled the lists are: how many entries still changed, and how much of what they say was kept."""
    from neurolect.store import open_run
    from neurolect.views.convergence_text import convergence, convergence_text

    made = convergence(open_run(run))
    typer.echo(_json(made) if output is Format.json else convergence_text(made))


@app.command()
def report(run: RunFolder, out: Annotated[Path, typer.Option(help="The HTML file to write.")]) -> None:
    """Write a self-contained HTML report."""
    from neurolect.store import open_run
    from neurolect.views import write_report

    write_report(open_run(run), out)
    typer.echo(f"{out} ({out.stat().st_size / 1e6:.1f} MB): open it in any browser.")


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="The run folder to write.")] = Path("neurolect-demo"),
    workers: Workers = _CORES,
) -> None:
    """Go the whole way on the built-in model and corpus, and show what was found."""
    from neurolect.demo import demo

    demo(out=out, workers=workers, progress=_progress(), show=typer.echo)


def _version(value: bool) -> None:  # noqa: FBT001 - typer's callback
    """Print the version and leave."""
    if value:
        from importlib.metadata import version

        typer.echo(f"neurolect {version('neurolect')}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Read what every neuron of a language model reads."""


def _config(path: Path | None, settings: Sequence[str] | None) -> "RunConfig":
    """Read the options."""
    from neurolect.config import load_config

    return load_config(path, settings=settings or ())


def _shard(text: str | None, engine: Engine) -> "Shard | None":
    """Read --shard."""
    if text is None:
        return None
    from neurolect.collector.shard import parse_shard

    if engine is Engine.local:
        what = "--shard and --engine local were both given."
        raise OptionError(what, expected="one of them: --engine local shares the corpus out by itself")
    return parse_shard(text)


def _width() -> int:
    """Give the terminal's columns; 100 where the output is no terminal."""
    return shutil.get_terminal_size((100, 40)).columns if sys.stdout.isatty() else 100


def _json(value: object) -> str:
    """Write a result as JSON."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)


def _progress() -> "Progress":
    """Choose bars for a terminal, log lines for everything else."""
    from neurolect.progress import LogProgress, RichProgress

    return RichProgress() if sys.stderr.isatty() else LogProgress()


def _notices(notices: Sequence[str]) -> None:
    """Print what people should know of a run."""
    for notice in notices:
        typer.echo(f"Note: {notice}")


def _next(run: "Run") -> None:
    """Print the commands to try next."""
    from neurolect.views import next_commands

    typer.echo("Next:")
    for command in next_commands(run):
        typer.echo(f"  {command}")


def _quoted(path: Path) -> str:
    """Write a path as a shell reads it."""
    return shlex.quote(str(path))


@contextmanager
def _stop_like_interrupt() -> Iterator[None]:
    """Let a scheduler's SIGTERM unwind as Ctrl-C does, so that temporary folders and processes are tidied up."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def main(run: Callable[..., None] = app) -> None:
    """Run the command line; errors raised on purpose become one message and an exit code.

    Parameters
    ----------
    run : callable
        What is run; the app.
    """
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    logging.getLogger("neurolect").setLevel(logging.INFO)
    # gensim tells of every word of one rare character, the hub of every try to reach it, twice
    for name in ("gensim", "huggingface_hub"):
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with _stop_like_interrupt():
            run()
    except InterruptedRunError as error:
        typer.echo(f"\n{error}", err=True)
        sys.exit(_STOPPED)
    except NeurolectError as error:
        typer.echo(f"neurolect: {error}", err=True)
        sys.exit(1)
    except OSError as error:
        # what the system refuses at a place where nobody expected it
        typer.echo(f"neurolect: The system says: {error}", err=True)
        sys.exit(1)
    except SystemExit as left:
        if left.code == _STOPPED:  # typer's answer to KeyboardInterrupt
            hint = "Give the same command again; stages that are finished are not done again."
            typer.echo(f"\nStopped.\nHint: {hint}", err=True)
        raise
