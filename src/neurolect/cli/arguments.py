"""Arguments that several verbs share."""

import os
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neurolect.cli.app import echo

if TYPE_CHECKING:
    from neurolect.config import RunConfig


class Format(StrEnum):
    """How results are printed."""

    text = "text"
    json = "json"


class RankingFormat(StrEnum):
    """How rankings are printed."""

    text = "text"
    json = "json"
    csv = "csv"


class Engine(StrEnum):
    """Who does the work."""

    one = "one"
    local = "local"
    ray = "ray"


Model = Annotated[str, typer.Argument(help="A folder, a hub name, or 'minilm', 'smollm2' (extras: demo, smollm2).")]


def run_folder(name: str) -> Path:
    """Give the run folder of a name; one at a URL is fetched."""
    from neurolect.folders.remote import fetched, is_url

    return fetched(name) if is_url(name) else Path(name)


RunFolder = Annotated[Path, typer.Argument(help="A run folder, or its URL.", metavar="RUN", parser=run_folder)]
Config = Annotated[Path | None, typer.Option("--config", help="A TOML file of options, a table for each stage.")]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        "--preset",
        "--sae",
        help="stage.option=value; a preset: paper, reduced; or a sparse autoencoder's folder; may be repeated.",
    ),
]
Device = Annotated[str, typer.Option(help="Where the model runs: cpu, cuda, cuda:1, mps, auto (spread).")]
Workers = Annotated[
    int, typer.Option(min=1, help="Processes for reading and annotating.", show_default="all cores")
]
StopWhen = Annotated[
    str | None,
    typer.Option(
        help="End early: stable=0.95,share=0.9, once 90 % of the neurons keep 95 % of what their lists show."
    ),
]
MaxSeconds = Annotated[float | None, typer.Option(help="End reading after so many seconds; keep what was read.")]
Output = Annotated[Format, typer.Option("--format", help="text or json.")]
RankingOutput = Annotated[RankingFormat, typer.Option("--format", help="text, json, or csv: the rows alone.")]


def ranking_file(path: Path | None) -> Path | None:
    """Refuse a name that no ranking can be written to, before any work is done."""
    if path is not None:
        from neurolect.folders.atomic import check_writable
        from neurolect.results.table import check_ranking_file

        check_ranking_file(path)
        check_writable(path)
    return path


RankingFile = Annotated[
    Path | None,
    typer.Option(
        "--out", help="Also write it to a .parquet, .csv or .json file.", metavar="FILE", callback=ranking_file
    ),
]
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def read_config(path: Path | None, settings: Sequence[str] | None) -> "RunConfig":
    """Read the options."""
    from neurolect.config import load_config

    return load_config(path, settings=settings or ())


def read_config_of(run: Path, path: Path | None, settings: Sequence[str] | None) -> "RunConfig":
    """Read the options of a verb on a run: the run's own where neither file nor settings say otherwise.

    What is said otherwise is reported in a line each, on standard error.
    """
    from neurolect.config import config_of_run
    from neurolect.store import open_run

    config, changed = config_of_run(open_run(run), path, settings=settings or ())
    for line in changed:
        echo(line, err=True)
    return config


def refuse_given(options: dict[str, object], *, of: str) -> None:
    """Refuse options that a verb has, but not of what it was given."""
    for name, value in options.items():
        if value:
            what = f"{name} does not go with {of}."
            raise typer.BadParameter(what)


def with_ending(settings: Sequence[str] | None, *, stop_when: str | None, max_seconds: float | None) -> list[str]:
    """Add the rules that end a pass early to the settings, which they win over."""
    given = {"stop_when": stop_when, "max_seconds": max_seconds}
    return [*(settings or ()), *(f"collect.{name}={value}" for name, value in given.items() if value is not None)]
